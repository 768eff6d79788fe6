"""Whatever bytes arrive, every parser of outside bytes answers or refuses as it says it may."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.inputs import inputs
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

ALL = [pytest.param(one, id=name) for name, one in TARGETS.items()]
WITH_FINDINGS = [pytest.param(one, id=name) for name, one in TARGETS.items() if one.found()]


@pytest.mark.parametrize("target", ALL)
@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_bytes_are_read_or_refused(target: Target, data: st.DataObject) -> None:
    target.accepts(data.draw(inputs(target)))


@pytest.mark.parametrize("target", ALL)
def test_the_samples_are_read_or_refused(target: Target) -> None:
    corpus = target.corpus()
    assert corpus
    for sample in corpus:
        target.accepts(sample)


@pytest.mark.parametrize("target", WITH_FINDINGS)
def test_what_once_broke_a_parser_breaks_it_no_more(target: Target) -> None:
    for data in target.found():
        target.accepts(data)


@pytest.mark.parametrize("target", ALL)
def test_an_adversarial_shape_of_a_few_kilobytes_is_read_or_refused(target: Target) -> None:
    assert target.shapes
    for shape in target.shapes:
        target.accepts(shape.of_size(4_000))
