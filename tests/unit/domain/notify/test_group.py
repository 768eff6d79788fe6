"""The events of one run become one chat message for each severity."""

from __future__ import annotations

from dataclasses import replace

from tagstream.domain.notify.group import MAX_LINES, grouped
from tagstream.domain.objects.model import NamespacedName
from tests.unit.domain.notify.sample_events import EVENT, FAILURE


def some(count: int, base=EVENT):
    return [
        replace(base, id=f"{number:04}", key=NamespacedName("ns", f"app-{number}"), message=f"message {number}\nmore")
        for number in range(count)
    ]


def test_few_events_are_told_one_by_one() -> None:
    assert [one.event for one in grouped(some(2))] == some(2)


def test_many_events_are_one_message_that_stands_for_all_of_them() -> None:
    (told,) = grouped(some(3))
    assert told.ids == ("0000", "0001", "0002")
    assert told.event.id == "0000"
    assert told.event.message == (
        "3 events\n"
        "imageupdateautomation/app-0.ns: message 0\n"
        "imageupdateautomation/app-1.ns: message 1\n"
        "imageupdateautomation/app-2.ns: message 2"
    )


def test_failures_are_told_apart_from_what_went_well_and_first() -> None:
    told = grouped([*some(3), *some(4, FAILURE)])
    assert [(len(one.ids), one.event.severity) for one in told] == [(4, "error"), (3, "info")]


def test_a_message_keeps_the_facts_that_all_of_its_events_share() -> None:
    one, two, three = some(3)
    (told,) = grouped([one, two, replace(three, metadata={"branch": "main", "revision": "other"})])
    assert told.event.metadata == {"branch": "main"}


def test_a_storm_of_events_is_a_message_of_bounded_length() -> None:
    (told,) = grouped(some(100))
    lines = told.event.message.splitlines()
    assert len(lines) == MAX_LINES + 2
    assert lines[-1] == "and 60 more"
    assert len(told.ids) == 100
