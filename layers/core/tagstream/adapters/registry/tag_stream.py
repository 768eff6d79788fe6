"""The tags of a tag list, read while it arrives: a million tags never exist as one document.

In: chunks of a JSON object with a ``tags`` array. Out: tags in their order; everything else is skipped unread.

Source: OCI distribution-spec "Listing Tags"; GAR and GCR add large ``manifest`` and ``child`` members.
"""

from __future__ import annotations

import json
import re
from enum import Enum

MAX_TAG_BYTES = 1024
_PLAIN_TAGS = re.compile(rb'(?:[ \t\r\n]*"[^"\\\x00-\x1f]{0,1024}"[ \t\r\n]*,)+')
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\.)*"', re.DOTALL)
_BLANKS = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"[-+0-9.eE]+|true|false|null")
_DULL = re.compile(rb"[^\"{}\[\]]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SCALAR_ENDS = frozenset(b",]} \t\r\n")


class BadTagList(Exception):
    """Not a tag list; the message quotes nothing of it."""


class _Place(Enum):
    START = "start"
    NAME = "name"
    COLON = "colon"
    VALUE = "value"
    COMMA = "comma"
    TAGS = "tags"
    AFTER_TAG = "after tag"
    SKIP = "skip"
    END = "end"


class _NeedMore(Exception):
    pass


class TagStream:
    """Feed chunks, take tags, ``close`` at the end.

    Raises:
        BadTagList: from feed and close.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._at = 0
        self._place = _Place.START
        self._name = ""
        self._depth = 0
        self._first = True
        self._last_chunk = False

    def feed(self, chunk: bytes) -> list[str]:
        """Tags that are complete with this chunk."""
        self._rest = self._rest[self._at :] + chunk
        self._at = 0
        found: list[str] = []
        try:
            while self._place is not _Place.END:
                if self._place is _Place.TAGS:
                    found += self._plain_tags()
                tag = self._step()
                if tag is not None:
                    found.append(tag)
        except _NeedMore:
            if len(self._rest) - self._at > len(chunk) + MAX_TAG_BYTES:
                raise BadTagList("invalid tag list: a text that is too long") from None
            return found
        if self._rest[self._at :].strip():
            raise BadTagList("invalid tag list: more after its end")
        return found

    def close(self) -> None:
        """The last chunk was fed."""
        if self._place is not _Place.END:
            raise BadTagList("invalid tag list: unexpected end of JSON input")

    def _plain_tags(self) -> list[str]:
        # Nearly every tag is a plain text followed by a comma: whole runs of those go to the C parser.
        found = _PLAIN_TAGS.match(self._rest, self._at)
        if found is None:
            return []
        self._at = found.end()
        self._first = False
        try:
            run: list[str] = json.loads(b"[%b]" % found.group().rstrip(b", \t\r\n"))
        except ValueError as error:
            raise BadTagList("invalid tag list: a tag that is not UTF-8") from error
        return run

    def _step(self) -> str | None:
        if self._place is _Place.SKIP:
            self._skip()
            return None
        character = self._peek()
        if self._place is _Place.START:
            self._take(character, b"{", _Place.NAME)
        elif self._place is _Place.NAME:
            self._member_name(character)
        elif self._place is _Place.COLON:
            self._take(character, b":", _Place.VALUE)
        elif self._place is _Place.VALUE:
            self._value(character)
        elif self._place is _Place.COMMA:
            self._next_member(character)
        elif self._place is _Place.TAGS:
            return self._tag(character)
        else:
            self._take(character, character, _Place.TAGS if character == b"," else _Place.COMMA)
            if character not in b",]":
                raise BadTagList("invalid tag list: neither a comma nor the end after a tag")
        return None

    def _peek(self) -> bytes:
        self._at = _BLANKS.match(self._rest, self._at).end()  # type: ignore[union-attr]  # matches the empty text
        if self._at >= len(self._rest):
            raise _NeedMore
        return self._rest[self._at : self._at + 1]

    def _take(self, character: bytes, wanted: bytes, following: _Place) -> None:
        if character != wanted:
            raise BadTagList(f"invalid tag list: no {wanted.decode(errors='replace')!r} where one belongs")
        self._at += 1
        self._place = following

    def _member_name(self, character: bytes) -> None:
        if character == b"}" and self._first:
            self._take(character, b"}", _Place.END)
            return
        self._name = self._text()
        self._place = _Place.COLON

    def _value(self, character: bytes) -> None:
        if self._name == "tags" and character == b"[":
            self._first = True
            self._take(character, b"[", _Place.TAGS)
        elif self._name == "tags":
            # Old servers send null for an empty list.
            if self._scalar() != b"null":
                raise BadTagList("invalid tag list: member tags must be a list")
            self._place = _Place.COMMA
        elif character in b"{[":
            self._depth = 0
            self._place = _Place.SKIP
        elif character == b'"':
            self._text()
            self._place = _Place.COMMA
        else:
            self._scalar()
            self._place = _Place.COMMA

    def _next_member(self, character: bytes) -> None:
        self._first = False
        self._take(character, b"," if character == b"," else b"}", _Place.NAME if character == b"," else _Place.END)

    def _tag(self, character: bytes) -> str | None:
        if character == b"]" and self._first:
            self._take(character, b"]", _Place.COMMA)
            return None
        if character != b'"':
            raise BadTagList("invalid tag list: a tag must be a string")
        tag = self._text()
        self._first = False
        self._place = _Place.AFTER_TAG
        return tag

    def _text(self) -> str:
        found = _STRING.match(self._rest, self._at)
        if found is None:
            if b'"' in self._rest[self._at + 1 :] and not self._may_continue():
                raise BadTagList("invalid tag list: a malformed string")
            if self._rest[self._at : self._at + 1] != b'"':
                raise BadTagList("invalid tag list: no string where one belongs")
            raise _NeedMore
        self._at = found.end()
        if b"\\" not in found.group():
            return _decoded(found.group()[1:-1])
        try:
            # Go's decoder replaces what is no character, and so nothing after us meets half of one.
            return _SURROGATE.sub("\ufffd", str(json.loads(found.group())))
        except ValueError as error:
            raise BadTagList("invalid tag list: a malformed string") from error

    def _may_continue(self) -> bool:
        return re.fullmatch(rb'"(?:[^"\\\x00-\x1f]|\\.)*\\?', self._rest[self._at :], re.DOTALL) is not None

    def _scalar(self) -> bytes:
        found = _SCALAR.match(self._rest, self._at)
        if found is None:
            if len(self._rest) - self._at < len("false"):
                raise _NeedMore
            raise BadTagList("invalid tag list: a value that is not JSON")
        if found.end() == len(self._rest):
            raise _NeedMore
        if self._rest[found.end()] not in _SCALAR_ENDS:
            raise BadTagList("invalid tag list: a value that is not JSON")
        self._at = found.end()
        return found.group()

    def _skip(self) -> None:
        character = self._rest[self._at : self._at + 1]
        if not character:
            raise _NeedMore
        if character == b'"':
            self._text()
            return
        if character not in b"{}[]":
            self._at = _DULL.match(self._rest, self._at).end()  # type: ignore[union-attr]
            return
        self._depth += 1 if character in b"{[" else -1
        self._at += 1
        if self._depth == 0:
            self._place = _Place.COMMA


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise BadTagList("invalid tag list: a tag that is not UTF-8") from error
