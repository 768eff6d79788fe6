"""``shuffle`` and ``randInt`` draw from the entropy they are given."""

from __future__ import annotations

import secrets
from dataclasses import replace

from tagstream.domain.update.message import render_message
from tests.unit.rendered import DATA, rendered

DRAWING = replace(DATA, entropy=secrets.token_bytes)


def test_shuffled_text_has_the_same_characters() -> None:
    text = "abcdefghij\u00e9"
    found = {rendered(f'{{{{ shuffle "{text}" }}}}', DRAWING) for _ in range(50)}
    assert {"".join(sorted(one)) for one in found} == {"".join(sorted(text))}
    assert len(found) > 40


def test_a_random_integer_is_within_its_bounds() -> None:
    found = {rendered("{{ randInt 3 6 }}", DRAWING) for _ in range(200)}
    assert found == {"3", "4", "5"}


def test_a_random_integer_without_room_is_refused_in_the_words_of_go() -> None:
    assert rendered("{{ randInt 3 3 }}").endswith("error calling randInt: invalid argument to Intn")


def test_the_same_entropy_gives_the_same_message() -> None:
    template = '{{ shuffle "abcdef" }} {{ randInt 0 100 }}'
    assert render_message(template, DATA) == render_message(template, DATA)
