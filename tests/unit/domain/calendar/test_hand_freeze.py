"""Freezes that people make: what each stops, and how it is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagstream.domain.calendar.hand_freeze import HandFreeze, Scope, freezes_document, freezes_of, read_freezes
from tagstream.domain.objects.model import NamespacedName

NOW = datetime(2026, 11, 28, 10, tzinfo=UTC)
APP = NamespacedName("apps", "app")


def made(scope: Scope, until: datetime | None = None, reason: str = "") -> HandFreeze:
    return HandFreeze(scope=scope, author="alice", made_at=NOW, until=until, reason=reason)


@pytest.mark.parametrize(
    ("scope", "text", "covers"),
    [
        (Scope(), "everything", True),
        (Scope(namespace="apps"), "namespace apps", True),
        (Scope(namespace="apps", name="app"), "ImageUpdateAutomation apps/app", True),
        (Scope(namespace="other"), "namespace other", False),
        (Scope(namespace="apps", name="other"), "ImageUpdateAutomation apps/other", False),
    ],
)
def test_a_scope_covers_what_it_names(scope: Scope, text: str, covers: bool) -> None:
    assert str(scope) == text
    assert scope.covers(APP) is covers
    assert bool(freezes_of(APP, [made(scope)])) is covers


def test_a_freeze_stops_an_automation_also_where_clocks_differ() -> None:
    (calendar,) = freezes_of(APP, [made(Scope(), reason="incident")])
    early = NOW.replace(hour=9)
    assert calendar.opens(early) is None
    assert calendar.closed_because(early) == "everything is frozen: by alice since 2026-11-28T10:00:00Z: incident"


def test_a_freeze_with_an_end_is_over_then() -> None:
    end = NOW.replace(hour=12)
    freeze = made(Scope(), until=end)
    (calendar,) = freezes_of(APP, [freeze])
    assert calendar.opens(NOW) == end
    assert not freeze.is_over(NOW)
    assert freeze.is_over(end)


def test_freezes_are_read_as_they_were_written() -> None:
    freezes = (made(Scope()), made(Scope(namespace="apps", name="app"), until=NOW, reason="why"))
    assert read_freezes(freezes_document(freezes)) == freezes
    assert read_freezes(freezes_document(())) == ()


@pytest.mark.parametrize("stored", [{}, {"freezes": [{}]}, {"freezes": [1]}, {"freezes": 1}])
def test_what_cannot_be_read_is_an_error_and_no_freeze_is_lost(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="freezes cannot be read"):
        read_freezes(stored)
