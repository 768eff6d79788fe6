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


def may_have_tokens(url: str, repository: str) -> bool:
    """Whether a token may be sent to the API of a Git host: over https, or as openly as the repository itself.

    Args:
        url: of the API, without a ``url_problem``.
        repository: the URL of the GitRepository.
    """
    api = urlsplit(url)
    if api.scheme == "https":
        return True
    try:
        own = urlsplit(repository)
    except ValueError:
        return False
    if (api.scheme, api.netloc) == (own.scheme, own.netloc.rpartition("@")[2]):
        return True
    host = api.hostname or ""
    return host == "localhost" or host.endswith(".localhost") or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    # Few addresses of APIs get here.
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


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
