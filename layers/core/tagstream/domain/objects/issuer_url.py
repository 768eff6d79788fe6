"""Whose word is taken for an OIDC issuer's keys.

In: an issuer's URL, or that of its keys. Out: whether keys from there prove anything.
"""

from __future__ import annotations

import re

_TRUSTED = re.compile(r"https://|http://(?:127\.0\.0\.1|localhost)(?::[0-9]+)?(?:/|$)")


def is_trusted_source(url: str) -> bool:
    """Whether nobody on the way could replace what is fetched: TLS, or this very machine."""
    return _TRUSTED.match(url) is not None
