"""The signing keys of OIDC issuers, fetched over HTTPS and kept in a warm container.

In: an issuer URL a Receiver names. Out: its JWKS document.

Source: OpenID Connect Discovery 1.0 §4; Google publishes its keys at a fixed place.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import cast

from tagstream.domain.objects.issuer_url import is_trusted_source
from tagstream.errors import RetryableError
from tagstream.ports.runtime import Clock

KEEP_S = 3600.0
"""Where the issuer does not say how long its keys keep."""
MAX_KEEP_S = 86_400.0
# A forged token with an unknown key id may ask for fresh keys; the issuer is asked at most this often.
REFRESH_S = 60.0
# An issuer out of reach must not hold up every forged token for the length of a timeout.
RETRY_S = 10.0
TIMEOUT_S = 3.0
LIMIT_BYTES = 1_000_000
WELL_KNOWN = "/.well-known/openid-configuration"
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=\"?([0-9]{1,9})", re.IGNORECASE)
_AGE = re.compile(r"[0-9]{1,9}", re.ASCII)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An issuer that redirects would let its answer choose a host."""

    def redirect_request(self, *_args: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _Kept:
    """Keys, when they were asked for and until when they may be used, on the monotonic clock."""

    keys: Mapping[str, object]
    asked_s: float
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKeys:
    """A callable that answers with an issuer's JWKS."""

    clock: Clock
    kept: dict[str, _Kept] = field(default_factory=dict)
    failed_s: dict[str, float] = field(default_factory=dict)

    def __call__(self, issuer: str, fresh: bool) -> Mapping[str, object]:
        """The JWKS document, kept as long as its Cache-Control says, at least a minute and at most a day.

        Args:
            issuer: an https URL (http on loopback only); with ``/.well-known/…`` appended it names ``jwks_uri``.
            fresh: ask again unless that happened within the last minute.

        Raises:
            RetryableError: the issuer cannot be reached or does not answer with JSON, and no keys are kept.
        """
        now_s = self.clock.monotonic_s()
        kept = self.kept.get(issuer)
        usable = kept if kept is not None and now_s < kept.until_s else None
        if usable is not None and (not fresh or now_s < usable.asked_s + REFRESH_S):
            return usable.keys
        try:
            self._leave_alone(issuer, now_s)
            found = self._asked(issuer, now_s)
        except RetryableError:
            self.failed_s.setdefault(issuer, now_s)
            if usable is not None:
                return usable.keys
            raise
        self.failed_s.pop(issuer, None)
        self.kept[issuer] = found
        return found.keys

    def _leave_alone(self, issuer: str, now_s: float) -> None:
        failed_s = self.failed_s.get(issuer)
        if failed_s is None:
            return
        if now_s < failed_s + RETRY_S:
            raise RetryableError(f"issuer {issuer} failed a moment ago", reason="IssuerUnavailable")
        del self.failed_s[issuer]

    def _asked(self, issuer: str, now_s: float) -> _Kept:
        discovery, _ = _fetch(issuer.rstrip("/") + WELL_KNOWN)
        if discovery.get("issuer") != issuer:
            raise RetryableError(f"issuer {issuer} calls itself by another name", reason="IssuerUnavailable")
        keys, keep_s = _fetch(str(discovery.get("jwks_uri", "")))
        return _Kept(keys, now_s, now_s + keep_s)


def _keep_s(headers: Message) -> float:
    control = str(headers.get("Cache-Control", "")).lower()
    found = _MAX_AGE.search(control)
    if "no-store" in control or "no-cache" in control:
        return REFRESH_S
    if found is None:
        return KEEP_S
    age = _AGE.fullmatch(str(headers.get("Age", "")).strip())
    return max(REFRESH_S, min(MAX_KEEP_S, float(found[1]) - float(age[0] if age else 0)))


def _fetch(url: str) -> tuple[Mapping[str, object], float]:
    """A JSON object and the seconds it keeps."""
    if not is_trusted_source(url):
        raise RetryableError(f"issuer keys must come from an https URL, not {url!r}", reason="IssuerUnavailable")
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            body, keep_s = answer.read(LIMIT_BYTES), _keep_s(answer.headers)
        found = json.loads(body)
    except (urllib.error.URLError, HTTPException, OSError, ValueError, RecursionError) as error:
        raise RetryableError(
            f"failed to fetch issuer keys from {url}: {type(error).__name__}", reason="IssuerUnavailable"
        ) from error
    if not isinstance(found, dict):
        raise RetryableError(f"issuer keys at {url} are not a JSON object", reason="IssuerUnavailable")
    return cast("dict[str, object]", found), keep_s
