"""Calls to the token services of clouds, over the same connections as those to the registry.

Credentials go to https URLs only, and no text here repeats them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from tagstream.adapters.http.address_guard import Reach, check_literal
from tagstream.adapters.http.fault_text import redacted_url
from tagstream.adapters.http.retrying_session import REASON, RetryingSession, read_body, refused
from tagstream.adapters.http.session import Request
from tagstream.errors import RetryableError, unusable_login

MAX_ANSWER = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudCall:
    """Calls within the deadline of one listing or digest."""

    session: RetryingSession

    def post_form(self, url: str, form: Mapping[str, str]) -> Mapping[str, object]:
        """POST a form.

        Raises:
            ThrottledError: the service asks for a pause.
            RetryableError: any answer but 200 with a JSON object; values of the form are redacted.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        # Short values, such as grant types, are not secrets.
        secrets = tuple(one for one in form.values() if len(one) > 20)
        request = Request(method="POST", url=url, headers=headers, body=urlencode(form).encode(), secrets=secrets)
        return self._send(request)

    def post_json(self, url: str, document: Mapping[str, object], bearer: str) -> Mapping[str, object]:
        """POST a JSON document with a bearer token; errors as ``post_form``."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
        body = json.dumps(document).encode()
        return self._send(Request(method="POST", url=url, headers=headers, body=body, secrets=(bearer,)))

    def _send(self, request: Request) -> Mapping[str, object]:
        answer = self.session.send(request, lambda response: read_body(response, MAX_ANSWER))
        if answer.refusal is not None:
            raise refused(answer)
        try:
            found = json.loads(answer.value if isinstance(answer.value, bytes) else b"")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise no_token(request.url, "answer is not a JSON object")
        return found


def token_of(url: str, answer: Mapping[str, object], member: str) -> str:
    """A token in an answer.

    Raises:
        RetryableError: there is none.
    """
    found = answer.get(member)
    if not isinstance(found, str) or not found:
        raise no_token(url, f"no {member} in the answer")
    return found


def lifetime_s(answer: Mapping[str, object], default_s: float) -> float:
    """``expires_in`` of an answer."""
    found = answer.get("expires_in")
    known = isinstance(found, int | float) and not isinstance(found, bool) and found > 0
    return float(found) if known else default_s  # type: ignore[arg-type]


def no_token(url: str, cause: str) -> RetryableError:
    """The error for an answer without a token."""
    return RetryableError(f"POST {redacted_url(url)}: {cause}", reason=REASON)


def secure_url(url: str, member: str) -> str:
    """A URL out of a secret that credentials may be sent to: https, or loopback.

    Raises:
        AuthenticationError: anything else.
    """
    try:
        parts = urlsplit(url)
        inside = check_literal(parts.hostname or "", Reach.LOOPBACK) is Reach.LOOPBACK
    except (ValueError, OSError):
        raise unusable_login(f"member '{member}' is not a URL that credentials may be sent to") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and inside):
        raise unusable_login(f"member '{member}' must be an https URL")
    return url


def host_in_cloud(cloud: str, registry: str, pattern: re.Pattern[str]) -> str:
    """What a cloud's pattern finds first in one of its hosts; ``""`` for a loopback address, which no token leaves.

    Raises:
        RetryableError: ReadOperationFailed, the registry is not one of the cloud, whose tokens must not go to others.
    """
    found = pattern.match(registry)
    if found is not None and not registry.endswith("\n"):
        return found.group(1)
    try:
        inside = check_literal(urlsplit(f"//{registry}").hostname or "", Reach.LOOPBACK)
    except (ValueError, OSError):
        inside = Reach.PUBLIC
    if inside is Reach.LOOPBACK:
        return ""
    raise RetryableError(f"invalid {cloud} registry: '{registry}'. must match {pattern.pattern}", reason=REASON)
