"""The tags of a tag list, read while it arrives: a million tags never exist as one document.

ijson parses; this module keeps what it lacks: a bound on texts and nesting, and Go's way with half a character.

Source: OCI distribution-spec "Listing Tags"; GAR and GCR add large ``manifest`` and ``child`` members.
"""

from __future__ import annotations

import json
import re

import ijson

from tagstream.adapters.http.faults import ConnectionFault

MAX_SILENT_BYTES = 32_768
"""Bytes without a complete JSON token before a text counts as endless."""
MAX_DEPTH = 1000
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_WHOLE_ESCAPES = re.compile(
    rb"(?:[^\\]+|\\[^u]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|" + _HIGH + rb"(?:[^\\]|\\[^u]|\\u[0-9a-fA-F]{4}))*"
)
_ESCAPES = re.compile(_HIGH + rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL)
_LONGEST_ESCAPE = len(r"\ud83d\ude00")
# What nearly every registry sends: a name and a list, which has single values if no object or list begins in it.
_USUAL = re.compile(rb'\s*\{\s*"name"\s*:\s*"[^"]*"\s*,\s*"tags"\s*:\s*\[[^\]]*\]\s*\}\s*')


class BadTagList(ConnectionFault):
    """Not a tag list; the message quotes nothing of it."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"invalid tag list: {cause}", temporary=False)


def usual_tags(document: bytes) -> list[str] | None:
    """The tags of a whole document of the usual form; None for any other, which only a TagStream can judge."""
    if b"\\" in document or document.count(b"{") > 1 or document.count(b"[") > 1 or not _USUAL.fullmatch(document):
        return None
    try:
        tags: list[str] = json.loads(document.decode())["tags"]
        # Nothing but texts can be joined. To look at the type of each takes four times as long.
        "".join(tags)
    except (ValueError, TypeError):
        return None
    return tags


class TagStream:
    """Feed chunks, take tags, ``close`` at the end.

    Raises:
        BadTagList: from feed and close.
    """

    def __init__(self) -> None:
        self._events: list[tuple[str, object]] = ijson.sendable_list()
        # yajl's own numbers: Python refuses integers of more than 4300 digits, which ijson does not expect.
        self._parser = ijson.basic_parse_coro(self._events, use_float=True)
        self._depth = 0
        self._name = ""
        self._in_tags = False
        self._silent_bytes = 0
        self._half_escape = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Tags that are complete with this chunk."""
        if self._half_escape or b"\\" in chunk:
            chunk = self._without_half_characters(chunk)
        if not chunk:
            return []
        try:
            self._parser.send(chunk)
        except (ijson.JSONError, ValueError):
            raise BadTagList("not a JSON document in UTF-8") from None
        self._silent_bytes = 0 if self._events else self._silent_bytes + len(chunk)
        if self._silent_bytes > MAX_SILENT_BYTES:
            raise BadTagList("a text that is too long")
        tags = self._tags()
        self._events.clear()
        return tags

    def close(self) -> None:
        """The last chunk was fed."""
        try:
            self._parser.send(b"")
        except StopIteration:
            return
        except (ijson.JSONError, ValueError):
            pass
        raise BadTagList("unexpected end of JSON input")

    def _tags(self) -> list[str]:
        tags: list[str] = []
        for event, value in self._events:
            if not self._in_tags:
                self._step(event, value)
            elif event == "string":
                tags.append(value)  # type: ignore[arg-type]
            elif event == "end_array":
                self._in_tags = False
            else:
                raise BadTagList("a tag must be a string")
        return tags

    def _step(self, event: str, value: object) -> None:
        is_member = self._depth == 1 and self._name == "tags"
        if event == "map_key":
            self._name = str(value) if self._depth == 1 else self._name
        elif self._depth == 0 and event != "start_map":
            raise BadTagList("not a JSON object")
        elif is_member and event == "start_array":
            self._in_tags = True
        # Old servers send null for an empty list.
        elif is_member and event not in ("null", "end_map"):
            raise BadTagList("member tags must be a list")
        elif event.startswith("start_"):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise BadTagList(f"more than {MAX_DEPTH} levels")
        elif event.startswith("end_"):
            self._depth -= 1

    def _without_half_characters(self, chunk: bytes) -> bytes:
        r"""Replace a ``\ud800`` without its other half, as Go does; yajl drops the text before it.

        An escape that the chunk cuts in two is kept for the next one.
        """
        chunk = self._half_escape + chunk
        end = _WHOLE_ESCAPES.match(chunk).end()  # type: ignore[union-attr]  # matches the empty text
        self._half_escape = chunk[end:]
        if len(self._half_escape) > _LONGEST_ESCAPE:
            raise BadTagList("a malformed string")
        return _ESCAPES.sub(lambda found: rb"\ufffd" if found[1] else found[0], chunk[:end])
