"""The signing keys of OIDC issuers, fetched over HTTPS and kept in a warm container.

A Receiver names the issuer, and the issuer's answer names where its keys are: that answer must not lead inside.

Source: OpenID Connect Discovery 1.0 §4; Google publishes its keys at a fixed place.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from tagstream.domain.objects.issuer_url import is_trusted_source
from tagstream.errors import RetryableError
from tagstream.ports.runtime import Clock

if TYPE_CHECKING:
    from tagstream.adapters.http.address_guard import Reach
    from tagstream.adapters.http.session import Session

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
MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class _Kept:
    """Keys, when they were asked for and until when they may be used, on the monotonic clock."""

    keys: Mapping[str, object]
    asked_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class _Document:
    """A JSON object, for how many seconds it keeps, and how far inside its server is."""

    members: Mapping[str, object]
    keep_s: float
    reach: Reach


@dataclass(slots=True, kw_only=True)
class IssuerKeys:
    """A callable that answers with an issuer's JWKS."""

    clock: Clock
    kept: dict[str, _Kept] = field(default_factory=dict)
    failed_s: dict[str, float] = field(default_factory=dict)
    _session: Session | None = None

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
            raise _unavailable(f"issuer {issuer} failed a moment ago")
        del self.failed_s[issuer]

    def _asked(self, issuer: str, now_s: float) -> _Kept:
        from tagstream.adapters.http.address_guard import Reach

        # A name that looks public may be a private issuer's; loopback has to be written out.
        allowed = Reach.LOOPBACK if issuer.startswith("http:") else Reach.PRIVATE
        discovery = self._fetch(issuer.rstrip("/") + WELL_KNOWN, allowed)
        if discovery.members.get("issuer") != issuer:
            raise _unavailable(f"issuer {issuer} calls itself by another name")
        place = str(discovery.members.get("jwks_uri", ""))
        _check_place(place)
        if discovery.reach is Reach.LOOPBACK and urlsplit(place).netloc != urlsplit(issuer).netloc:
            # Other ports of this machine are not the issuer's: one of them is Lambda's runtime API.
            raise _unavailable(f"issuer {issuer} names keys elsewhere on this machine")
        keys = self._fetch(place, discovery.reach)
        return _Kept(_strong(issuer, keys.members), now_s, now_s + keys.keep_s)

    def _fetch(self, url: str, allowed: Reach) -> _Document:
        # Imported when the first token is checked: most Receivers have no issuer.
        from tagstream.adapters.http.faults import ConnectionFault
        from tagstream.adapters.http.session import Request, Session

        _check_place(url)
        if self._session is None:
            self._session = Session()
        request = Request(method="GET", url=url, headers={"Accept": "application/json"}, allowed=allowed)
        try:
            with self._session.open(request, TIMEOUT_S) as (response, reach):
                status = response.status
                body = response.read(LIMIT_BYTES + 1, decode_content=True) if status == 200 else b""
                keep_s = _keep_s(response.headers)
            found = json.loads(body) if status == 200 and len(body) <= LIMIT_BYTES else None
        except ConnectionFault as fault:
            raise _unavailable(f"failed to fetch issuer keys from {url}: {fault}") from fault
        except (ValueError, RecursionError):
            found = None
        if status != 200:
            raise _unavailable(f"failed to fetch issuer keys from {url}: HTTP status {status}")
        if not isinstance(found, dict):
            raise _unavailable(f"issuer keys at {url} are not a JSON object")
        return _Document(cast("dict[str, object]", found), keep_s, reach)


def _check_place(url: str) -> None:
    if not is_trusted_source(url):
        raise _unavailable(f"issuer keys must come from an https URL, not {url!r}")
    try:
        urlsplit(url)
    except ValueError as error:
        raise _unavailable(f"issuer keys must come from an https URL, not {url!r}") from error


def _strong(issuer: str, document: Mapping[str, object]) -> Mapping[str, object]:
    """The document without RSA keys that can be broken.

    Raises:
        RetryableError: IssuerUnavailable, no other key is left.
    """
    keys = document.get("keys")
    if not isinstance(keys, list):
        return document
    strong = [key for key in keys if not _is_weak(key)]
    if len(strong) == len(keys):
        return document
    if not strong:
        raise _unavailable(f"issuer {issuer} has only RSA keys of less than {MIN_RSA_BITS} bits")
    return {**document, "keys": strong}


def _is_weak(key: object) -> bool:
    if not isinstance(key, dict) or key.get("kty") != "RSA":
        return False
    modulus = str(key.get("n", ""))
    try:
        number = int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)), "big")
    except ValueError:
        return True
    return number.bit_length() < MIN_RSA_BITS


def _keep_s(headers: Mapping[str, str]) -> float:
    control = str(headers.get("Cache-Control", "")).lower()
    found = _MAX_AGE.search(control)
    if "no-store" in control or "no-cache" in control:
        return REFRESH_S
    if found is None:
        return KEEP_S
    age = _AGE.fullmatch(str(headers.get("Age", "")).strip())
    return max(REFRESH_S, min(MAX_KEEP_S, float(found[1]) - float(age[0] if age else 0)))


def _unavailable(text: str) -> RetryableError:
    return RetryableError(text, reason="IssuerUnavailable")
