"""Which addresses of an OIDC issuer's keys can be trusted."""

from __future__ import annotations

import re

_TRUSTED = re.compile(r"https://|http://(?:127\.0\.0\.1|localhost)(?::[0-9]+)?(?:/|$)")


def is_trusted_source(url: str) -> bool:
    """Whether nobody on the network could replace the answer: it comes by TLS, or from this machine."""
    return _TRUSTED.match(url) is not None
