"""Where the next page of a tag list is, mended where registries get their own address wrong.

The next page is always on the page's own scheme, host and path.

Source: go-containerregistry pkg/v1/remote/list.go (getNextPageURL, checkPaginationURL); vectors
registry/link_header.json; RFC 8288; Renovate 15080 and Nexus 1011 (links that lost or gained a path).
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit, urlunsplit

_RELATION = re.compile(r';\s*rel\s*=\s*"?([^";,]*)"?', re.IGNORECASE)
_FOREIGN = "pagination URL host does not match registry host: potential SSRF attack"
MAX_HEADER = 16_384


class InvalidLink(ValueError):
    """A Link header that cannot be followed; the message is Flux's."""


def next_page(url: str, header: str) -> str | None:
    """The URL of the page after ``url``, None when it was the last.

    A link with another scheme, port, spelling or path is still followed on the page's own address: registries behind
    proxies name addresses that only they can see. A link to another host is refused.

    Args:
        url: absolute URL of the page that carried the header.
        header: the header's value, ``""`` when there is none.

    Raises:
        InvalidLink: no target between ``<`` and ``>``, or a target on another host.
    """
    target = _target(header[:MAX_HEADER])
    if not target:
        return None
    page = urlsplit(url)
    try:
        link = urlsplit(urljoin(url, target))
        link_host = link.hostname
    except ValueError as error:
        raise InvalidLink(f"failed to parse link header: {error}") from error
    if link.scheme not in ("http", "https"):
        raise InvalidLink(f'pagination URL scheme "{link.scheme}" does not match registry scheme "{page.scheme}"')
    if link_host != page.hostname:
        raise InvalidLink(_FOREIGN)
    return urlunsplit((page.scheme, page.netloc, page.path, link.query, ""))


def _target(header: str) -> str:
    rest = header.strip()
    if rest and not rest.startswith("<"):
        raise InvalidLink(f"failed to parse link header: missing '<' in: {header}")
    while rest:
        end = rest.find(">")
        if end < 0:
            raise InvalidLink(f"failed to parse link header: missing '>' in: {header}")
        target, parameters = rest[1:end], rest[end + 1 :]
        following = parameters.find("<")
        own = parameters if following < 0 else parameters[:following]
        relation = _RELATION.search(own)
        if relation is None or "next" in relation.group(1).lower().split():
            return target
        rest = "" if following < 0 else parameters[following:]
    return ""
