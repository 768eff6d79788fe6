"""Addresses of Git repositories: what no run could use, and the address that was probably meant.

Source: RFC 3986; git-clone(1), whose short form ``user@host:path`` is no URL.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# user@host:path, with a scheme before it or without. A number behind the colon is a port.
_SHORT = r"(?P<scheme>ssh://|https?://)?(?P<user>[^@/:\s]+@)?(?P<host>[^@/:\s]+):(?!/|[0-9]+(?:/|$))(?P<path>[^@\s]+)"
_PASSWORD = r"(://[^/:@\s]*):.*@"


def url_problem(url: str) -> str:
    """Why no run could use an address; empty if one could.

    Args:
        url: with one of the schemes that Flux takes (http, https, ssh).
    """
    if any(one.isspace() for one in url):
        return "an address has no blanks"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        # Python's own words would repeat a part of the address, which may be one of a password.
        return "the host, or the port behind its colon, cannot be read"
    return "" if host else "there is no host"


def suggestion(url: str) -> str:
    """``; did you mean …`` for an address in git's short form; empty for all others."""
    found = re.fullmatch(_SHORT, url)
    if found is None:
        return ""
    scheme = found["scheme"] or "ssh://"
    user = found["user"] or ("git@" if scheme == "ssh://" else "")
    return f"; did you mean {without_password(scheme + user + found['host'])}/{found['path']}"


def without_password(url: str) -> str:
    """The address as it may be shown."""
    return re.sub(_PASSWORD, r"\1:***@", url, flags=re.DOTALL)
