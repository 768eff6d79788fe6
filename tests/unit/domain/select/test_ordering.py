"""Each kind of policy: how it ranks, and that the best is the one ranked highest."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import PolicyChoice
from tagstream.domain.select.ordering import InvalidPolicy, InvalidValue, compile_ordering


def choice(kind: str, argument: str) -> PolicyChoice:
    return PolicyChoice(**{kind: argument})


@pytest.mark.parametrize(
    ("kind", "argument", "values", "best"),
    [
        ("semver", ">=1.0.0", ["1.9.0", "1.10.0", "1.10.0-rc.1", "latest"], "1.10.0"),
        ("semver", ">=1.0.0-0", ["1.10.0-rc.10", "1.10.0-rc.9"], "1.10.0-rc.10"),
        ("semver", ">=1.0.0", ["1.0.0", "v1.0.0", "01.0.0"], "v1.0.0"),
        ("semver", ">=1.0.0", ["1.0.0+a-1", "1.0.0+b"], "1.0.0+b"),
        ("semver", "*", ["1.2.18446744073709551616", "1.2.3"], "1.2.3"),
        ("semver", "*", ["1.2." + "0" * 5000 + "4", "1.2.3"], "1.2." + "0" * 5000 + "4"),
        ("semver", "*", ["1.2." + "9" * 5000, "9" * 5000 + ".0.0", "1.2.3"], "1.2.3"),
        ("semver", "*", ["²2.1.1", "2.1.²", "1.2.3"], "1.2.3"),
        ("alphabetical", "", ["v9", "v10", "V11"], "v9"),
        ("alphabetical", "desc", ["v9", "v10", "V11"], "V11"),
        ("numerical", "asc", ["9", "10", "1e1", "010"], "010"),
        ("numerical", "DESC", ["9", "-10", "-1e1"], "-10"),
        ("numerical", "asc", ["nan", "-inf"], "-inf"),
    ],
)
def test_the_best_value_has_the_greatest_rank(kind: str, argument: str, values: list[str], best: str) -> None:
    ordering = compile_ordering(choice(kind, argument))
    ranks = {}
    for value in values:
        try:
            ranks[value] = ordering.rank(value)
        except InvalidValue:
            continue
    assert ordering.best(values) == best
    assert ordering.best(values[::-1]) == best
    assert max(ranks, key=ranks.__getitem__) == best


@pytest.mark.parametrize("kind", ["semver", "alphabetical", "numerical"])
def test_the_best_of_the_accepted_values_is_chosen(kind: str) -> None:
    ordering = compile_ordering(choice(kind, "asc" if kind != "semver" else "*"))
    values = ["1.1.0", "1.2.0", "1.3.0"] if kind != "numerical" else ["1", "2", "3"]
    assert ordering.best(values, lambda value: "3" not in value) == values[1]


@pytest.mark.parametrize("kind", ["semver", "alphabetical", "numerical"])
def test_of_no_values_none_is_the_best(kind: str) -> None:
    assert compile_ordering(choice(kind, "asc" if kind != "semver" else "*")).best([]) is None


def test_one_value_that_is_no_number_fails_all_and_the_greatest_such_text_is_named() -> None:
    with pytest.raises(InvalidValue) as refused:
        compile_ordering(choice("numerical", "asc")).best(["1", "x", "y"])
    assert str(refused.value) == "failed to parse invalid numeric value 'y'"
    assert refused.value.state == "not a number"


def test_the_first_kind_that_is_set_counts() -> None:
    ordering = compile_ordering(PolicyChoice(semver="1.x", alphabetical="asc", numerical="asc"))
    assert ordering.best(["1.5.0", "9", "z"]) == "1.5.0"


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (PolicyChoice(), "given ImagePolicyChoice object is invalid"),
        (PolicyChoice(semver="~~"), 'improper constraint: "~~"'),
        (PolicyChoice(alphabetical="up"), "invalid order argument provided: 'UP', must be one of: ASC, DESC"),
        (PolicyChoice(numerical="x"), "invalid order argument provided: 'X', must be one of: ASC, DESC"),
    ],
)
def test_a_bad_policy_is_refused_in_flux_words(policy: PolicyChoice, message: str) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        compile_ordering(policy)
    assert str(refused.value) == f"invalid policy: {message}"
