"""Names outside the OCI grammar are no tags."""

from __future__ import annotations

import pytest

from tagstream.domain.scan.tag_grammar import shown, sort_out


@pytest.mark.parametrize(
    "name",
    [
        "2.0.0\n",
        "2.0.0\n2.1.0",
        "\n",
        "x\u2028y",
        "a\x0bb",
        "a\tb",
        "a\x85b",
        "",
        "-a",
        ".a",
        "a" * 129,
        "a b",
        "ä",
        "a/b",
        "a:b",
        "\ud800",
        "a\\b",
    ],
)
def test_what_no_client_could_pull_is_refused(name: str) -> None:
    assert sort_out(["1.0.0", name, "1.1.0"]).tags == ("1.0.0", "1.1.0")
    assert sort_out(["1.0.0", name, "1.1.0"]).refused == (name,)


@pytest.mark.parametrize("name", ["1", "_", "latest", "v1.2.3-rc.1_build", "A" * 128, "sha-0a1b"])
def test_a_name_of_the_grammar_stays(name: str) -> None:
    assert sort_out([name]).tags == (name,)


def test_refused_names_are_safe_to_print_and_few() -> None:
    assert shown(["a\nb", "x\u2028y"]) == ["a\\nb", "x\\u2028y"]
    assert len(shown([f"-{number}" for number in range(50)])) == 10
    assert len(shown(["-" + "a" * 5_000])[0]) == 141
