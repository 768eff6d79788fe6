"""The signing keys of OIDC issuers, fetched over HTTPS and kept in a warm container.

In: an issuer URL a Receiver names. Out: its JWKS document.

Source: OpenID Connect Discovery 1.0 §4; Google publishes its keys at a fixed place.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from tagstream.errors import RetryableError
from tagstream.ports import Clock

KEEP_S = 3600.0
# A forged token with an unknown key id may ask for fresh keys; the issuer is asked at most this often.
REFRESH_S = 60.0
TIMEOUT_S = 3.0
LIMIT_BYTES = 1_000_000
WELL_KNOWN = "/.well-known/openid-configuration"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An issuer that redirects would let its answer choose a host."""

    def redirect_request(self, *_args: object) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKeys:
    """A callable that answers with an issuer's JWKS."""

    clock: Clock
    kept: dict[str, tuple[float, Mapping[str, object]]] = field(default_factory=dict)

    def __call__(self, issuer: str, fresh: bool) -> Mapping[str, object]:
        """The JWKS document.

        Args:
            issuer: an https URL (http on loopback only); with ``/.well-known/…`` appended it names ``jwks_uri``.
            fresh: ask again unless that happened within the last minute.

        Raises:
            RetryableError: the issuer cannot be reached or does not answer with JSON.
        """
        known = self.kept.get(issuer)
        if known is not None:
            age_s = self.clock.monotonic_s() - known[0]
            if age_s < REFRESH_S or (not fresh and age_s < KEEP_S):
                return known[1]
        discovery = _fetch(issuer.rstrip("/") + WELL_KNOWN)
        keys = _fetch(str(discovery.get("jwks_uri", "")))
        self.kept[issuer] = (self.clock.monotonic_s(), keys)
        return keys


def _fetch(url: str) -> Mapping[str, object]:
    host = urllib.request.Request(url).host if "://" in url else ""
    loopback = (host or "").split(":")[0] in ("127.0.0.1", "localhost")
    if not (url.startswith("https://") or (url.startswith("http://") and loopback)):
        raise RetryableError(f"issuer keys must come from an https URL, not {url!r}", reason="IssuerUnavailable")
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            body = answer.read(LIMIT_BYTES)
        found = json.loads(body)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise RetryableError(
            f"failed to fetch issuer keys from {url}: {type(error).__name__}", reason="IssuerUnavailable"
        ) from error
    if not isinstance(found, dict):
        raise RetryableError(f"issuer keys at {url} are not a JSON object", reason="IssuerUnavailable")
    return cast("dict[str, object]", found)
