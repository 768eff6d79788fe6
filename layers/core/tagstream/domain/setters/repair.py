"""Mends what keeps a marker from working, or its value from being text: a marker's spelling, a value's missing quotes.

Every repair is an edit of bytes; all other bytes stay. ruamel.yaml has to agree: a reader of the file must get the same
values after the repair as before it.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass

from ruamel.yaml.error import YAMLError

from tagstream.domain.objects.yaml_events import parsed_events
from tagstream.domain.setters.exact_reader import ByteOffsets, scan_events
from tagstream.domain.setters.marker import KEY_ALIKE, Lines, intended, mentions_marker, read_marker
from tagstream.domain.setters.plan import Edit, apply_edits
from tagstream.domain.setters.value_check import lacks_quotes

_BOM = b"\xef\xbb\xbf"
_QUOTE = r"""['"`\u2018\u2019\u201c\u201d]?"""
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_SETTER = rf"{_NAME}:{_NAME}(?::[a-z]+(?:@[a-z]+)?)?"
# A comment that is a marker but for its quotes, braces and capitals.
_MARKER = re.compile(
    rf"(?<=#)([ \t]*)\{{?\s*{KEY_ALIKE}\s*[:=]\s*{_QUOTE}({_SETTER}){_QUOTE}\s*,?\s*\}}?(?=[ \t\r]*$)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A file after its repair, which is the same object if nothing was mended, and the lines that changed."""

    content: bytes
    lines: tuple[int, ...] = ()


def repaired(source: bytes) -> Repair:
    """Mend a file. One that is not valid YAML in UTF-8 stays as it is.

    Args:
        source: the whole file.
    """
    if not mentions_marker(source):
        return Repair(content=source)
    shift = len(_BOM) if source.startswith(_BOM) else 0
    data = source[shift:]
    lines: set[int] = set()
    try:
        for edits in (_marker_edits, _quote_edits):
            wanted = edits(data)
            changed = apply_edits(data, wanted)
            if wanted and _meaning(changed) == _meaning(data):
                at = Lines(data)
                lines.update(at.go_to(edit.start) for edit in wanted)
                data = changed
    except (UnicodeDecodeError, YAMLError):
        return Repair(content=source)
    return Repair(content=source[:shift] + data, lines=tuple(sorted(lines))) if lines else Repair(content=source)


def _marker_edits(data: bytes) -> list[Edit]:
    """Comments that were meant to be markers, spelt right. What looks like one inside a scalar is text."""
    text = data.decode()
    offsets = ByteOffsets(text)
    scalars = [event for name, event in parsed_events(text) if name == "ScalarEvent"]
    starts = [event.start_mark.index for event in scalars]
    edits = []
    for found in _MARKER.finditer(text):
        before = bisect.bisect_right(starts, found.start()) - 1
        is_text = before >= 0 and scalars[before].end_mark.index > found.start()
        line = text[text.rfind("\n", 0, found.start()) + 1 : found.end()]
        if is_text or read_marker(f"#{found[0]}") is not None or intended(line) != "malformed marker":
            continue
        marker = f'{found[1]}{{"$imagepolicy": "{found[2]}"}}'
        edits.append(Edit(offsets.byte(found.start()), offsets.byte(found.end()), marker.encode()))
    return edits


def _quote_edits(data: bytes) -> list[Edit]:
    """Plain values under a marker that are read as numbers or booleans, in quotes."""
    edits = []
    for site in scan_events(data.decode(), 0):
        value = data[site.scalar : site.end].decode() if site.end >= 0 else ""
        is_tagged = b"!" in data[data.rfind(b"\n", 0, max(site.scalar, 0)) + 1 : max(site.scalar, 0)]
        if value and value == site.old and not is_tagged and read_marker(site.comment) and lacks_quotes(value):
            edits.append(Edit(site.scalar, site.end, f'"{value}"'.encode()))
    return edits


def _meaning(data: bytes) -> list[tuple[str, object, object]]:
    """What a reader of the file gets, apart from how it is quoted."""
    return [
        (name, getattr(event, "value", None), getattr(event, "anchor", None)) for name, event in parsed_events(data)
    ]
