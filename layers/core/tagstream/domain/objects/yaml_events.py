"""The events of a YAML text: scalars, mappings, sequences, anchors and aliases, each with its place in the text.

Everything that reads YAML here reads these events: objects, the setters' exact reader and the names of objects. The
parser is the C one of ruamel.yaml, which is libyaml 0.1.7. ruamel's parser in Python reads the few texts that libyaml
0.1.7 reads otherwise than the libyaml that go-yaml is a port of: ``[http://host:80]``, ``{a:b}``, ``[what?]`` and
``[!tag, value]``. It is about 50 times slower, so it must never see what the C parser reads right.

Source: libyaml's scanner.c (0.1.7 and 0.2.6), compared by tests/property/test_yaml_events.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_FLOW_DEPTH = 1000
"""libyaml's own limit since 0.2.6. Before it, the time for nested ``[`` grew with the square of the depth."""
MAX_SLOW_BYTES = 2**20
"""The parser in Python needs some ten seconds for a text of this size; a longer one is refused with libyaml's error."""
TOO_DEEP = "exceeded maximum nesting depth"

_OPENING, _BRACKETS = b"[{", b"[]{}"
_NO_BRACKETS = bytes(one for one in range(256) if one not in _BRACKETS)
# libyaml 0.1.7 takes , [ and ] for letters of a tag.
_GLUED_TAG = re.compile(rb"!(?<![^\s\[{,]!)(?!<)[^\s,\[\]]*[,\[\]]")
_NAMED_HANDLE = re.compile(r"![0-9A-Za-z_-]*!")
_TAG_ENDS = re.compile(r"[,\[\]]")
# libyaml 0.1.7 ends a plain scalar inside [] or {} at every : and at every ?.
_COLON = "found unexpected ':'"
_QUESTION_MARK = re.compile(rb"\S\?")
_NO_TAG_END = "did not find expected whitespace or line break"
_CUT_SHORT = frozenset({"did not find expected ',' or ']'", "did not find expected ',' or '}'"})


def check_yaml(source: bytes) -> None:
    """Parse a text without making anything of it.

    Raises:
        ruamel.yaml.error.YAMLError: not valid YAML, or ``[`` and ``{`` nested deeper than MAX_FLOW_DEPTH.
    """
    _parser_of(source)


def parsed_events(source: str | bytes) -> Iterator[tuple[str, Any]]:
    """The events of a text, each with the name of its class (``ScalarEvent`` …).

    Args:
        source: a text, or its bytes in UTF-8 or in UTF-16 with a byte order mark.

    Raises:
        ruamel.yaml.error.YAMLError: as ``check_yaml``, before the first event.
    """
    data = source.encode(errors="surrogatepass") if isinstance(source, str) else source
    for event in _parser_of(data)(source):
        yield type(event).__name__, event


def _parser_of(data: bytes) -> Any:
    """The function that reads this text right: a text to its events."""
    from _ruamel_yaml import CParser
    from ruamel.yaml.error import YAMLError

    _check_depth(data)
    try:
        CParser(data).raw_parse()
    except YAMLError as error:
        if len(data) > MAX_SLOW_BYTES or not _is_misread(data, error):
            raise
        return _slow_parser(data, error)
    if _GLUED_TAG.search(data) and _has_glued_tag(data) and len(data) <= MAX_SLOW_BYTES:
        return _slow_parser(data)
    return _c_events


def _c_events(source: str | bytes) -> Iterator[Any]:
    from _ruamel_yaml import CParser

    parser: Any = CParser(source)
    while parser.check_event():
        yield parser.get_event()


def _check_depth(data: bytes) -> None:
    """Refuse what nests too deep. Brackets in texts count at first: few files have as many, and those are parsed."""
    if data.count(b"[") + data.count(b"{") <= MAX_FLOW_DEPTH or _risen(data) <= MAX_FLOW_DEPTH:
        return
    from ruamel.yaml.error import MarkedYAMLError

    depth = 0
    # The parser goes from event to event here, so that it never has more open than this.
    for event in _c_events(data):
        name = type(event).__name__
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            depth += 1
            if depth > MAX_FLOW_DEPTH:
                raise MarkedYAMLError(problem=TOO_DEEP, problem_mark=event.start_mark)
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            depth -= 1


def _risen(data: bytes) -> int:
    """The most brackets that are open at once, at the highest estimate: closing ones below the start do not count."""
    depth = highest = 0
    for one in data.translate(None, _NO_BRACKETS):
        if one in _OPENING:
            depth += 1
            if depth > highest:
                highest = depth
        elif depth:
            depth -= 1
    return highest


def _is_misread(data: bytes, error: Any) -> bool:
    """Whether libyaml 0.1.7 may refuse what its successors read."""
    problem = getattr(error, "problem", "")
    if _GLUED_TAG.search(data) is not None or problem == _COLON:
        return True
    return problem in _CUT_SHORT and _QUESTION_MARK.search(data) is not None


def _has_glued_tag(data: bytes) -> bool:
    """Whether a tag really ends with a letter that is none; else the pattern found a text such as ``![image]``."""
    return any(_TAG_ENDS.search(_tag(event)) for event in _c_events(data))


def _slow_parser(data: bytes, first: Exception | None = None) -> Any:
    """ruamel's parser in Python, if it takes the text.

    Args:
        data: the text.
        first: the C parser's error, which is raised when both refuse.
    """
    from ruamel.yaml.scanner import ScannerError

    parse, before = _python_parser(), ""
    try:
        for event in parse(data):
            # ruamel also lets the text of a block scalar begin in the first column, where libyaml sees its end.
            if before == "DocumentStartEvent" and getattr(event, "style", "") in ("|", ">"):
                raise ScannerError(problem="did not find expected <document start>", problem_mark=event.end_mark)
            before = type(event).__name__
    except Exception as error:
        raise (first or error) from None
    return parse


def _tag(event: Any) -> str:
    """The tag of an event, empty where there is none."""
    return str(getattr(event, "tag", None) or "")


def _python_parser() -> Any:
    # Only this parser needs it, and few texts need this parser.
    from urllib.parse import unquote

    from ruamel.yaml import YAML
    from ruamel.yaml.scanner import Scanner, ScannerError
    from ruamel.yaml.tokens import TagToken

    class LibyamlScanner(Scanner):
        """ruamel's scanner with libyaml's rules for tabs, which separate tokens and never indent, and for tags."""

        def scan_to_next_token(self) -> None:
            """Go on to where the next token begins."""
            peek, forward = self.reader.peek, self.reader.forward
            if self.reader.index == 0 and peek() == "\ufeff":
                forward()
            while True:
                while peek() == " " or (peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                    forward()
                if peek() == "#":
                    while peek() not in "\0\r\n\x85\u2028\u2029":
                        forward()
                if not self.scan_line_break():
                    return
                if not self.flow_level:
                    self.allow_simple_key = True

        def scan_tag(self) -> Any:
            """A tag ends before a blank, and before a comma inside ``[]`` and ``{}``."""
            peek, start, length = self.reader.peek, self.reader.get_mark(), 1
            if peek(1) == "<":
                return super().scan_tag()
            while peek(length) not in "\0\t\r\n\x85\u2028\u2029 ,[]{}":
                length += 1
            if peek(length) in "[]{}" or (peek(length) == "," and not self.flow_level):
                raise ScannerError("while scanning a tag", start, _NO_TAG_END, self.reader.get_mark())
            text = self.reader.prefix(length)
            self.reader.forward(length)
            named = _NAMED_HANDLE.match(text)
            handle = named[0] if named else "!"
            suffix = unquote(text[len(handle) :])
            value = (handle, suffix) if suffix else (None, handle)
            return TagToken(value, start, self.reader.get_mark())

    reader = YAML(typ="safe", pure=True)
    reader.Scanner = LibyamlScanner
    return reader.parse
