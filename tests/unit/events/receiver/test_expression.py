"""CEL expressions."""

from __future__ import annotations

import pytest

from tagstream.events.receiver.expression import ExpressionFailed, InvalidExpression, check_expression, evaluate

DOCUMENTS = {
    "res": {"metadata": {"name": "webapp"}},
    "req": {"tag": "r.io/p/webapp:1", "n": 3, "xs": ["a", 1, None], "yes": True, "one": 1},
}


@pytest.mark.parametrize(
    "expression",
    [
        "res.metadata.name == 'webapp'",
        "req.tag.split('/')[2].split(':')[0] == res.metadata.name",
        "req.tag.contains(res.metadata.name) && req.tag.endsWith(':1')",
        "req.tag.matches('^r[.]io/.*:[0-9]+$')",
        "req.n == 3 && req.n > 2 && req.n < 3.5",
        "'A'.lowerAscii() == 'a' && 'ab'.replace('a', 'b') == 'bb' && 'abc'.substring(1) == 'bc'",
        "base64.decode('eA==') == b'x'",
        "req.?missing.orValue('none') == 'none'",
        "!has(req.missing) && size(req.xs) == 3",
        "sets.contains(req.xs, ['a']) && sets.contains(req.xs, [1])",
        "sets.intersects(['a', 'b'], req.xs) && !sets.intersects(['b'], req.xs)",
        "!sets.contains([1], [req.yes]) && !sets.intersects([true], [req.one]) && sets.contains([true], [req.yes])",
        "sets.equivalent(['a', 'a'], ['a']) && !sets.equivalent(['a'], ['b'])",
        "req.xs.exists(x, x == 'a') && req.xs.all(x, x != 'b')",
    ],
)
def test_fluxs_functions_are_there(expression: str) -> None:
    assert evaluate(expression, DOCUMENTS, boolean=True) is True


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("(", "failed to parse the CEL expression '(': ERROR: <input>:1:2: Syntax error"),
        ("nope == 1", "failed to parse the CEL expression 'nope == 1': ERROR: <input>:1:1: undeclared reference"),
        ("'a' + 1", "failed to parse the CEL expression ''a' + 1': ERROR: <input>:1:5: found no matching overload"),
        ("1", "CEL expression output type mismatch: expected bool, got int"),
        ("req.tag", "CEL expression output type mismatch: expected bool, got dyn"),
    ],
)
def test_what_does_not_compile_says_why(expression: str, message: str) -> None:
    with pytest.raises(InvalidExpression) as invalid:
        check_expression(expression, ("req", "res"), boolean=True)
    assert str(invalid.value)[: len(message)] == message


@pytest.mark.parametrize("expression", ["req.missing == 1", "req.n % 2 == 1", "req.xs[7] == 1", "req.tag.matches('(')"])
def test_what_cannot_be_evaluated_says_so(expression: str) -> None:
    with pytest.raises(ExpressionFailed, match="failed to evaluate the CEL expression"):
        evaluate(expression, DOCUMENTS, boolean=True)


def test_a_document_nested_beyond_reason_fails_instead_of_crashing() -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(ExpressionFailed):
        evaluate("has(req.a)", {"req": deep}, boolean=True)


def test_a_number_beyond_every_double_fails_instead_of_crashing() -> None:
    with pytest.raises(ExpressionFailed):
        evaluate("has(req.a)", {"req": {"a": 10**400}}, boolean=True)


@pytest.mark.parametrize(
    "expression", ["req.?tag", "[req.?tag]", "{'a': [optional.of(1)]}", "timestamp(0)", "[duration('1s')]", "type(1)"]
)
def test_a_variable_is_a_json_value(expression: str) -> None:
    with pytest.raises(InvalidExpression, match="type mismatch: expected a JSON value, got"):
        check_expression(expression, ("req", "res"), boolean=False)


def test_an_optional_value_among_others_fails_instead_of_crashing() -> None:
    with pytest.raises(ExpressionFailed):
        evaluate("[1, req.?tag]", DOCUMENTS, boolean=False)


def test_values_come_back_as_plain_json() -> None:
    assert evaluate("req.xs.map(x, x)", DOCUMENTS, boolean=False) == ["a", 1.0, None]
