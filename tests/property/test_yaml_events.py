"""The events that objects and setters are read from are those of today's libyaml, though the parser is an older one."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError
from yaml import YAMLError as OtherError
from yaml._yaml import CParser

from tagstream.domain.objects.yaml_events import parsed_events

FLOW = st.sampled_from(
    ["a", "b: c", "http://x:80", "a:b", "what?", "!foo", "!foo x", "!!int 5", "'q'", "[]", "{}", "&x y", "x?y"]
)
PARTS = st.one_of(
    st.lists(FLOW, max_size=4).map(lambda parts: f"k: [{', '.join(parts)}]\n"),
    st.lists(st.one_of(FLOW, st.just('"a":1')), max_size=3).map(lambda parts: "{" + ", ".join(parts) + "}\n"),
    st.sampled_from(
        ["- a\n", "a: b\n", "  c: d\n", "---\n", "t: |\n  ![x] [y:z]\n", "# c [\n", "e: !x,y z\n", "%YAML 1.2\n"]
    ),
)


def shape(name: str, event: Any) -> tuple[object, ...]:
    place = (event.start_mark.index, event.end_mark.index) if name == "ScalarEvent" else ()
    words = (getattr(event, one, None) for one in ("value", "tag", "anchor"))
    return (name, *(None if one is None else str(one) for one in words), getattr(event, "style", None) or "", *place)


def events_of_libyaml(text: str) -> list[tuple[object, ...]] | None:
    parser: Any = CParser(text)
    found = []
    try:
        while parser.check_event():
            event = parser.get_event()
            found.append(shape(type(event).__name__, event))
    except OtherError:
        return None
    return found


@settings(max_examples=500, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=4).map("".join))
def test_the_same_texts_are_read_as_by_todays_libyaml(text: str) -> None:
    try:
        found = [shape(name, event) for name, event in parsed_events(text)]
    except YAMLError:
        assert events_of_libyaml(text) is None
        return
    assert found == events_of_libyaml(text)
