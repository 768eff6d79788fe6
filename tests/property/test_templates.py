"""Laws of templates: any text is rendered or refused, within the bounds, and with the same result each time."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gocompat.json import decode, encode
from gocompat.render import parse_template, render
from gocompat.sprig.functions import names
from gocompat.sprig.paths import clean
from gocompat.sprig.strings import trunc
from gocompat.template.bounds import Meter
from gocompat.template.faults import CallError, ExecutionError
from gocompat.template.parser import InvalidTemplate
from gocompat.template.printf import sprintf
from tests.unit.rendered import rendered

_CALLED = sorted(names())
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_VALUES = (
    """
1;-3;2.5;"a";"a,b";nil;true;.;.Values;.Changed.Changes;$;(list 1 2);(dict "a" 1);.Values.cluster;0x1F;'x'
.Changed.Objects;(semver "1.2.3");1i;.AutomationObject;-9223372036854775808;9223372036854775807;1e300;"\\xff"
(list);(dict);(list nil);(toDate "2006" "2020");print;(index "a" 0);"";"2h";"/a";"[";.Values.nosuch
""".strip()
    .replace("\n", ";")
    .split(";")
)
_OPERANDS = st.sampled_from(_VALUES)
_CALLS = st.builds(
    lambda name, given: " ".join((name, *given)), st.sampled_from(_CALLED), st.lists(_OPERANDS, max_size=4)
)
_PIPES = st.lists(_CALLS | _OPERANDS, min_size=1, max_size=3).map(" | ".join)
_MARKS = st.sampled_from(
    """{{;end;}} {{;else;}} {{;range;.;}} {{;range;3;}} {{;if;.;}} {{;with;.Values;}} {{;break;}} {{;define;"x";}}
    {{;template;"x";.;}} {{-; ;-}} {{/*; ;*/}} ` " text {{;$x;:=;1;}} {{;$x;}} {{;$x;=;""".replace("\n", " ").split()
).map(lambda one: one.replace(";", " "))
_PIECES = st.lists(_PIPES.map(lambda pipe: f"{{{{ {pipe} }}}}") | _MARKS, max_size=8).map("".join)
_SCALARS = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text('ab<\u2028é"\\')
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=60))
def test_any_text_is_rendered_or_refused(text: str) -> None:
    assert isinstance(rendered(text), str)


@given(_PIECES)
@settings(max_examples=400, deadline=None)
def test_any_combination_of_template_pieces_gives_the_same_result_each_time(template: str) -> None:
    assert rendered(template) == rendered(template)


@given(_CALLS)
@settings(max_examples=600, deadline=None)
def test_any_call_of_any_function_is_answered_or_refused(call: str) -> None:
    assert isinstance(rendered(f"{{{{ {call} }}}}"), str)


@pytest.mark.parametrize("name", _CALLED)
def test_every_function_answers_or_refuses_every_kind_of_value(name: str) -> None:
    calls = [name]
    for value in _VALUES:
        calls += [f"{name} {value}", f"{name} {value} {value}", f'{name} "a" {value}', f"{name} 1 {value}"]
        calls += [f'{name} 1 "a" {value}', f'{name} {value} "a" 1', f"{value} | {name}"]
    assert [call for call in calls if not rendered(f"{{{{ {call} | printf `%#v %d` }}}}")] == []


@given(_PIECES, st.integers(0, 200), st.integers(0, 50))
@settings(deadline=None)
def test_a_run_writes_no_more_than_its_meter_allows(template: str, steps: int, size: int) -> None:
    try:
        tree = parse_template("t", template)
    except InvalidTemplate:
        return
    try:
        text = render(tree, None, now=_NOW, entropy=bytes, meter=Meter(steps=steps, size=size))
    except ExecutionError:
        text = ""
    assert len(text) <= size


@given(st.text(max_size=12), st.lists(st.integers() | st.text(max_size=3) | st.floats() | st.none(), max_size=3))
def test_any_format_prints_something(form: str, values: list[object]) -> None:
    assert isinstance(sprintf("%" + form, values), str)


@given(_JSON)
def test_json_that_is_parsed_and_written_again_has_the_same_value(value: object) -> None:
    assert json.loads(encode(decode(json.dumps(value))), parse_int=float) == value


@given(st.text("[]{}:,\"\\ntrue1.e-u0 '", max_size=12))
def test_text_is_json_exactly_if_python_says_so(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda name: [][1])
        valid = True
    except (ValueError, IndexError):
        valid = False
    try:
        decode(text)
        read = True
    except CallError:
        read = False
    assert read == valid


@given(st.text("a./", max_size=12))
def test_cleaning_a_clean_path_changes_nothing(path: str) -> None:
    assert clean(clean(path)) == clean(path)


@given(st.integers(-20, 20), st.text("aé", max_size=8))
def test_truncated_text_has_at_most_the_given_number_of_bytes(count: int, text: str) -> None:
    assert len(trunc(count, text).encode("utf-8", "surrogateescape")) <= max(abs(count), 0)
