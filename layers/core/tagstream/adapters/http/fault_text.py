"""What a registry's refusal says, in the words of Flux's registry client.

It is one line of bounded length, without query values and secrets.

Source: go-containerregistry pkg/v1/remote/transport/error.go and internal/redact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

MAX_BODY = 65_536
MAX_TEXT = 600
MAX_SERVER_TEXT = 200
_SHOWN = frozenset({"scope", "service", "mount", "from", "digest", "n", "last"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer whose status is not 200, with the registry's error codes."""

    status: int
    text: str
    codes: frozenset[str]


def read_refusal(method: str, url: str, status: int, body: bytes, secrets: Iterable[str] = ()) -> Refusal:
    """``GET URL: CODE: message[; detail]``, or the status and the body where the body has no errors.

    Args:
        method: of the request.
        url: of the request.
        status: of the answer.
        body: the answer's first bytes.
        secrets: what was sent and may have been sent back.
    """
    prefix = f"{method} {redacted_url(url)}: "
    errors = _errors(body)
    if not errors:
        raw = " ".join(without_secrets(body[:MAX_BODY].decode(errors="replace"), secrets).split())
        words = f"unexpected status code {status} {_status_text(status)}".rstrip()
        if raw:
            words += f": {capped(raw, MAX_SERVER_TEXT)}"
        elif method == "HEAD":
            words += " (HEAD responses have no body, use GET for details)"
        return Refusal(status=status, text=capped(prefix + words), codes=frozenset())
    lines = [_line(one) for one in errors]
    words = lines[0] if len(lines) == 1 else f"multiple errors returned: {'; '.join(lines)}"
    codes = frozenset(str(one.get("code", "")) for one in errors)
    return Refusal(status=status, text=capped(prefix + server_text(words, secrets)), codes=codes)


def redacted_url(url: str) -> str:
    """The URL without user, password and the values of unknown query parameters."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an invalid URL)"
    query = [
        (name, value if name in _SHOWN else "REDACTED")
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    host = parts.netloc.rpartition("@")[2]
    # Go's Values.Encode sorts.
    return urlunsplit((parts.scheme, host, parts.path, urlencode(sorted(query, key=lambda pair: pair[0])), ""))


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret of some length replaced."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "REDACTED")
    return text


def server_text(text: str, secrets: Iterable[str]) -> str:
    """What a server says, shortened, and without the secrets that we sent it."""
    # In this order: a secret that was cut in two would not be found.
    return capped(without_secrets(text, secrets), MAX_SERVER_TEXT)


def capped(text: str, limit: int = MAX_TEXT) -> str:
    """At most ``limit`` characters, without control characters."""
    plain = "".join(character if character.isprintable() else " " for character in text[: limit + 1])
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def _errors(body: bytes) -> list[dict[str, object]]:
    if body.lstrip()[:1] != b"{":
        return []
    try:
        document = json.loads(body[:MAX_BODY])
    except (ValueError, RecursionError):
        return []
    errors = document.get("errors")
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _line(error: dict[str, object]) -> str:
    # Harbor and Artifactory have a status where others have a code.
    code = error.get("code", error.get("status", ""))
    line = f"{code}: {error.get('message', '')}"
    detail = error.get("detail")
    return line if detail is None else f"{line}; {_go_text(detail)}"


def _go_text(value: object) -> str:
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{_go_text(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(_go_text(one) for one in value)}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _status_text(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
