"""Values under a marker that can be set, and that a person probably did not mean to have set.

The setters replace a whole value, as Flux does, so that ``:tag`` over ``app:1.0.0`` leaves a tag where an image stood.
Nothing here keeps a value from being set.
"""

from __future__ import annotations

import re

from tagstream.domain.objects.manifest import plain_value
from tagstream.domain.scan.tag_grammar import TAG
from tagstream.domain.setters.quoting import is_read_as_string

MAX_SHOWN = 60
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_VERSION = re.compile(r"v?[0-9]+(?:[._-][A-Za-z0-9._-]+)?")
_KINDS = {bool: "a boolean", int: "a number", float: "a number"}


def value_warning(setter: str, old: str, is_plain: bool) -> str:
    """What is odd about a value that a setter would replace; empty if nothing is.

    Args:
        setter: ``NAMESPACE:NAME[:SUFFIX]`` of the marker.
        old: the value that stands there now, as a reader sees it.
        is_plain: it is written without quotes and without a tag.
    """
    suffix = setter.split(":", 2)[2] if setter.count(":") > 1 else ""
    cause = _mismatch(suffix, old)
    if cause:
        return f"{_shown(old)} {cause}: the marker replaces the whole value"
    if is_plain and lacks_quotes(old):
        return f"{_shown(old)} is read as {_KINDS[type(plain_value(old))]}, not as text: it needs quotes"
    return ""


def lacks_quotes(value: str) -> bool:
    """Whether kubectl takes these letters, written without quotes, for a number or a boolean."""
    return not is_read_as_string(value) and type(plain_value(value)) in _KINDS


def _mismatch(suffix: str, old: str) -> str:
    """Why a value is not of the form that its marker sets. An empty one is a placeholder for anything."""
    if not old or plain_value(old) is None:
        return ""
    name, _, digest = old.partition("@")
    if suffix == "tag" and not TAG.fullmatch(old):
        return "is no tag"
    if suffix == "tag@digest" and not (TAG.fullmatch(name) and (not digest or _DIGEST.fullmatch(digest))):
        return "is no tag with a digest"
    if suffix == "digest" and not _DIGEST.fullmatch(old):
        return "is no digest"
    if suffix == "name" and (digest or ":" in old.rpartition("/")[2]):
        return "has a tag or a digest, which :name removes"
    if not suffix and _VERSION.fullmatch(old):
        return "looks like a tag, and without a suffix a marker sets name and tag (use :tag)"
    return ""


def _shown(value: str) -> str:
    return repr(value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…")
