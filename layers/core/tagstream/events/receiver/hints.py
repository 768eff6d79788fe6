"""Image names as senders write them: split into their parts and checked for their shape.

What cannot be an image is left out and never an error.

Source: distribution/reference grammar (tag, digest, path); vectors webhooks/manifest.json.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from tagstream.domain.scan.tag_grammar import TAG
from tagstream.events.delivery import IncomingDelivery, PushHint

HINT_LIMIT = 1000
"""Tags named by one delivery; further ones are folded into one hint without a tag per repository."""

# With an underscore, which no domain has but a container's name on an internal network.
_REGISTRY = re.compile(r"[A-Za-z0-9._\-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?", re.ASCII)
_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._/\-]+[a-z0-9]+)*", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._\-][a-z0-9]+)*:[0-9a-f]{32,128}", re.ASCII)
_DELIVERY_ID = re.compile(r"[A-Za-z0-9._:/+=\-]{1,128}", re.ASCII)


def push_hints(named: Iterable[PushHint]) -> tuple[PushHint, ...]:
    """The hints that name a tag and have the shape of an image, each once, at most 1000 with a tag.

    Digests of another shape are dropped from their hint. Nothing is lost by the limit: the repositories of further
    tags appear once, without a tag.
    """
    found: dict[PushHint, None] = {}
    for hint in named:
        if not _is_image(hint):
            continue
        digest = hint.digest if hint.digest and _DIGEST.fullmatch(hint.digest) else None
        kept = replace(hint, digest=digest)
        if len(found) >= HINT_LIMIT and kept not in found:
            kept = replace(kept, tag=None, digest=None)
        found.setdefault(kept)
    return tuple(found)


def untagged_pushes(named: Iterable[PushHint], hints: Iterable[PushHint]) -> tuple[PushHint, ...]:
    """The images that were pushed without a tag, each once and without its digest.

    Args:
        named: hints as the payload has them.
        hints: those with a tag; an image that one of them names is left out, since it is scanned for the tag anyway.
    """
    tagged = {(hint.registry, hint.repository) for hint in hints}
    found = [
        replace(hint, tag=None, digest=None)
        for hint in named
        if hint.action == "push" and not is_tagged(hint) and _is_repository(hint)
    ]
    return tuple(dict.fromkeys(hint for hint in found if (hint.registry, hint.repository) not in tagged))[:HINT_LIMIT]


def split_image(name: str) -> tuple[str, str, str, str]:
    """``host[:port]/path[:tag][@digest]`` as (registry, repository, tag, digest), missing parts empty.

    A first part without dot, colon or ``localhost`` belongs to the repository, as everywhere in Docker's world. Old
    Harbor writes ``path:sha256:...``; the digest is then the digest.
    """
    rest, _, digest = name.partition("@")
    host, slash, path = rest.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, path = "", rest
    folder, slash, last = path.rpartition("/")
    last, _, tag = last.partition(":")
    if _DIGEST.fullmatch(tag):
        digest, tag = digest or tag, ""
    return host, folder + slash + last, tag, digest


def url_host(url: str) -> str:
    """The ``host[:port]`` of a URL without credentials, empty when there is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def delivery_id(incoming: IncomingDelivery, *candidates: str) -> str:
    """What recognises a repeated delivery: the sender's only id, else a digest of them all.

    A sender that gives none may say the same twice and mean two pushes (``latest`` again, an empty body from a
    script): each of its deliveries is one of its own, by the time it arrived.

    Args:
        incoming: the admitted request.
        candidates: ids the sender gave, empty strings allowed.
    """
    given: Sequence[str] = [one for one in candidates if one]
    if len(given) == 1 and _DELIVERY_ID.fullmatch(given[0]):
        return given[0]
    own = incoming.body + incoming.received_at.isoformat().encode()
    source = "\n".join(given).encode(errors="replace") if given else own
    return "sha256:" + hashlib.sha256(source).hexdigest()


def is_registry(text: str) -> bool:
    """True for ``host[:port]``."""
    return _REGISTRY.fullmatch(text) is not None


def is_tagged(hint: PushHint) -> bool:
    """True for a hint with a tag; old Harbor writes a digest in its place."""
    return bool(hint.tag and TAG.fullmatch(hint.tag))


def _is_image(hint: PushHint) -> bool:
    return is_tagged(hint) and _is_repository(hint)


def _is_repository(hint: PushHint) -> bool:
    return bool(
        len(hint.repository) <= 255
        and _REPOSITORY.fullmatch(hint.repository)
        and (hint.registry is None or is_registry(hint.registry))
    )
