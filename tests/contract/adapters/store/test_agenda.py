"""The agenda knows what is due when, from pages and notes, whatever is read twice or comes late."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.agenda import NOTES_KEPT, DynamoAgenda, change_note
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.objects.model import Digest, NamespacedName
from tagstream.ports.agenda import ObjectName, Times
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import document
from tests.embedded.single_writes import put_status

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
APP = ObjectName(kind="ImageRepository", key=NamespacedName("ns", "app"))
SOON = Times(last=NOW, due=NOW + timedelta(minutes=5))


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic_s(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def agenda_of(table: Table) -> tuple[DynamoAgenda, HandClock]:
    clock = HandClock()
    return DynamoAgenda(table=table, clock=clock), clock


def notes_in(table: Table) -> int:
    return len(list(table.query("agenda", "note#")))


def test_the_newest_note_of_an_object_counts(table: Table) -> None:
    agenda, clock = agenda_of(table)
    agenda.note({APP: SOON})
    clock.sleep(1)
    agenda.note({APP: Times(last=None, due=NOW + timedelta(minutes=9))})
    assert agenda.read().times == {APP: Times(last=NOW, due=NOW + timedelta(minutes=9))}


def test_a_change_outlives_what_a_scan_that_began_before_it_notes(table: Table) -> None:
    agenda, clock = agenda_of(table)
    table.put(change_note(APP, clock.now(), clock.now()))
    clock.sleep(5)
    agenda.note({APP: SOON})
    assert agenda.read().times[APP] == Times(last=NOW, due=NOW)
    clock.sleep(60)
    agenda.note({APP: SOON})
    assert agenda.read().times[APP] == SOON


def test_a_note_that_says_how_things_were_hides_none_that_was_made_since(table: Table) -> None:
    agenda, clock = agenda_of(table)
    clock.sleep(2)
    agenda.note({APP: SOON})
    clock.sleep(2)
    agenda.note({APP: Times(last=None, due=NOW + timedelta(minutes=9))}, NOW + timedelta(seconds=1))
    assert agenda.read().times[APP] == SOON


def test_notes_are_folded_into_a_page_and_say_the_same_then(table: Table) -> None:
    agenda, clock = agenda_of(table)
    for number in range(NOTES_KEPT + 1):
        agenda.note({ObjectName(kind="ImagePolicy", key=NamespacedName("ns", f"p{number}")): SOON})
        clock.sleep(0.01)
    before = agenda.read()
    assert notes_in(table) == NOTES_KEPT + 1, "who only looks writes nothing"
    assert agenda.read(folds=True).times == before.times
    assert notes_in(table) == 0
    assert agenda.read().times == before.times
    assert len(before.times) == NOTES_KEPT + 1


def test_a_sweep_forgets_what_is_gone_and_keeps_what_is_newer(table: Table) -> None:
    agenda, clock = agenda_of(table)
    gone, kept = (ObjectName(kind="ImageRepository", key=NamespacedName("ns", name)) for name in ("gone", "kept"))
    agenda.note({gone: SOON, kept: SOON})
    clock.sleep(1)
    agenda.rewrite({kept: Times(last=None, due=NOW)}, clock.now())
    found = agenda.read()
    assert found.times == {kept: Times(last=NOW, due=NOW)}
    assert found.swept_at == clock.now()


def test_a_sweep_keeps_objects_that_were_applied_while_it_read(table: Table) -> None:
    agenda, clock = agenda_of(table)
    begun = clock.now()
    clock.sleep(1)
    table.put(change_note(APP, clock.now(), clock.now()))
    other = ObjectName(kind="ImageRepository", key=NamespacedName("ns", "other"))
    agenda.note({other: SOON})
    clock.sleep(1)
    after = agenda.rewrite({}, begun)
    assert set(after.times) == {APP, other}
    assert agenda.read().times == after.times


def test_a_sweep_keeps_what_a_scan_noted_while_it_read(table: Table) -> None:
    agenda, clock = agenda_of(table)
    agenda.note({APP: Times(last=NOW - timedelta(minutes=5), due=NOW)})
    begun, known = clock.now(), agenda.read().times[APP]
    clock.sleep(2)
    agenda.note({APP: Times(last=clock.now(), due=clock.now() + timedelta(minutes=5))})
    noted = agenda.read().times[APP]
    clock.sleep(2)
    agenda.rewrite({APP: known}, begun)
    assert agenda.read().times[APP] == noted


def test_a_scan_whose_note_arrives_late_counts_more_than_a_sweep_that_did_not_know_of_it(table: Table) -> None:
    agenda, clock = agenda_of(table)
    agenda.note({APP: SOON})
    clock.sleep(300)
    late = Times(last=clock.now(), due=clock.now() + timedelta(minutes=5))
    agenda.note({APP: late})
    clock.sleep(1)
    agenda.rewrite({APP: Times(last=SOON.last, due=SOON.due)}, clock.now())
    assert agenda.read().times[APP] == late


def test_what_a_tick_notes_after_its_sweep_counts_more_than_the_sweep(table: Table) -> None:
    agenda, clock = agenda_of(table)
    agenda.rewrite({APP: Times(last=None, due=NOW)}, clock.now())
    agenda.note({APP: SOON}, clock.now())
    assert agenda.read().times[APP] == SOON


def test_a_sweep_keeps_the_name_of_a_deleted_object_until_what_is_left_of_it_is_removed(table: Table) -> None:
    agenda, clock = agenda_of(table)
    agenda.note({APP: Times(last=None, due=clock.now())})
    clock.sleep(90)
    agenda.rewrite({}, clock.now())
    assert set(agenda.read().times) == {APP}


def test_a_page_that_cannot_be_read_asks_for_a_sweep(table: Table) -> None:
    agenda, clock = agenda_of(table)
    table.put(keys.key("agenda", "page#000") | {"rows": {"B": b"?"}, "version": keys.text("x")})
    assert agenda.read().swept_at is None
    agenda.rewrite({APP: SOON}, clock.now())
    assert agenda.read().times == {APP: SOON}


def test_thousands_of_names_cost_a_tick_few_read_units(table: Table) -> None:
    counting: Any = CountingClient(table.client)
    agenda = DynamoAgenda(table=Table(client=counting, name=table.name, clock=table.clock), clock=table.clock)
    names = [ObjectName(kind="ImageRepository", key=NamespacedName(f"t{n % 20}", f"app-{n:05}")) for n in range(5_000)]
    soon = datetime.now(UTC) + timedelta(minutes=5)
    agenda.rewrite({name: Times(last=datetime.now(UTC), due=soon) for name in names}, datetime.now(UTC))
    counting.reset()
    assert len(agenda.read().times) == 5_000
    assert counting.read_units <= 50


def long_names(count: int, characters: int) -> list[ObjectName]:
    """Names that cannot be compressed, as generated ones are."""
    chance = random.Random(1)
    letters = string.ascii_lowercase + string.digits
    texts = ("".join(chance.choices(letters, k=characters)) for _ in range(count))
    return [ObjectName(kind="ImageRepository", key=NamespacedName(text[:63], text)) for text in texts]


def test_pages_have_room_for_names_of_any_length_and_number(table: Table) -> None:
    agenda, clock = agenda_of(table)
    names = long_names(10_500, 63)
    agenda.rewrite(dict.fromkeys(names, SOON), clock.now())
    pages = list(table.query("agenda", "page#"))
    assert len(pages) == 3
    found = agenda.read()
    assert found.times == dict.fromkeys(names, SOON)
    assert found.swept_at == clock.now()
    for _ in range(NOTES_KEPT + 1):
        clock.sleep(1)
        agenda.note({APP: SOON})
    agenda.read(folds=True)
    assert notes_in(table) == 0
    assert len(list(table.query("agenda", "page#"))) == len(pages), "no former page is left"
    assert agenda.read().times == dict.fromkeys([*names, APP], SOON)
    clock.sleep(1)
    agenda.rewrite({APP: SOON}, clock.now())
    assert len(list(table.query("agenda", "page#"))) == 1


def test_a_note_has_room_for_the_longest_names(table: Table) -> None:
    agenda, _ = agenda_of(table)
    names = long_names(2_000, 253)
    agenda.note(dict.fromkeys(names, SOON))
    assert agenda.read().times == dict.fromkeys(names, SOON)


def test_a_tick_that_is_overtaken_while_it_writes_pages_leaves_those_of_the_other(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.adapters.store.agenda.MOST_BYTES", 4_000)
    agenda, clock = agenda_of(table)
    agenda.rewrite({APP: SOON}, clock.now())
    clock.sleep(1)
    names = long_names(400, 63)

    class Overtaken:
        """A client that another tick is faster than."""

        is_over = False

        def __getattr__(self, name: str) -> Any:
            return getattr(table.client, name)

        def put_item(self, **arguments: Any) -> Any:
            if not self.is_over:
                self.is_over = True
                clock.sleep(1)
                agenda.rewrite(dict.fromkeys(names[:300], SOON), clock.now())
                agenda.note({APP: SOON})
            return table.client.put_item(**arguments)

    client: Any = Overtaken()
    slow = DynamoAgenda(table=Table(client=client, name=table.name, clock=table.clock), clock=clock)
    slow.rewrite(dict.fromkeys(names, SOON), clock.now())
    assert client.is_over
    assert agenda.read().times == dict.fromkeys([*names[:300], APP], SOON)
    assert notes_in(table) == 1, "a note that is in no page stays"


def test_a_status_beyond_what_an_item_holds_is_kept_without_its_largest_member(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=HandClock())
    objects.put(document("ImageUpdateAutomation", interval="1m"))
    observed = {f"policy-{n}": {"tag": Digest(f"{n * 7919:064x}{n * 104729:064x}")} for n in range(2_600)}
    conditions = [{"type": "Ready", "status": "True"}]
    put_status(objects, "ImageUpdateAutomation", APP.key, {"observedPolicies": observed, "conditions": conditions})
    found = objects.get("ImageUpdateAutomation", APP.key)
    assert found is not None
    assert found.status["observedPolicies"] == observed
    huge = {f"{n}": f"{hash((n, 1)):x}{hash((n, 2)):x}" * 3 for n in range(40_000)}
    put_status(objects, "ImageUpdateAutomation", APP.key, {"observedPolicies": huge, "conditions": conditions})
    found = objects.get("ImageUpdateAutomation", APP.key)
    assert found is not None
    assert found.status == {"conditions": conditions, "observedPolicies": huge}
    assert objects.replace_status(found, {"conditions": conditions})


def test_sightings_go_with_their_repository_and_expire(table: Table) -> None:
    objects, tags = DynamoObjects(table=table, clock=HandClock()), DynamoTags(table=table)
    objects.put(document("ImageRepository", image="registry.example.com/app", interval="1m"))
    tags.first_seen(APP.key, "v1", Digest("sha256:1"), NOW)
    (stored,) = table.query("seen#ns/app")
    assert keys.read_number(stored, "expiresAt") > (NOW + timedelta(days=365)).timestamp()
    later = NOW + timedelta(days=300)
    assert tags.first_seen(APP.key, "v1", Digest("sha256:1"), later) == NOW
    (renewed,) = table.query("seen#ns/app")
    assert keys.read_number(renewed, "expiresAt") > (later + timedelta(days=365)).timestamp()
    objects.delete("ImageRepository", APP.key)
    assert list(table.query("seen#ns/app")) == []


DAY = timedelta(days=1)


def of_tomorrow(table: Table, clock: HandClock) -> tuple[DynamoAgenda, HandClock]:
    """The agenda of a worker whose clock is a day ahead."""
    ahead = HandClock()
    ahead.time = clock.now() + DAY
    return DynamoAgenda(table=table, clock=ahead), ahead


def test_a_note_of_a_clock_that_is_ahead_counts_less_than_any_other(table: Table) -> None:
    agenda, clock = agenda_of(table)
    agenda.note({APP: SOON})
    wrong, _ = of_tomorrow(table, clock)
    wrong.note({APP: Times(last=NOW + DAY, due=NOW + DAY + timedelta(minutes=5))})
    assert agenda.read().times == {APP: SOON}
    later = Times(last=NOW + timedelta(minutes=5), due=NOW + timedelta(minutes=10))
    clock.sleep(300)
    agenda.note({APP: later})
    assert agenda.read().times == {APP: later}


def test_an_object_of_which_only_a_wrong_clock_says_something_is_looked_at_now(table: Table) -> None:
    agenda, clock = agenda_of(table)
    wrong, ahead = of_tomorrow(table, clock)
    wrong.note({APP: Times(last=ahead.now(), due=ahead.now() + timedelta(minutes=5))})
    assert agenda.read().times == {APP: Times(last=None, due=NOW)}
    table.put(change_note(APP, ahead.now(), ahead.now()))
    assert agenda.rewrite({APP: SOON}, NOW).times == {APP: SOON}
    assert agenda.read().times == {APP: SOON}


def test_a_look_of_a_clock_that_was_ahead_does_not_count_as_one(table: Table) -> None:
    agenda, clock = agenda_of(table)
    wrong, ahead = of_tomorrow(table, clock)
    wrong.rewrite({APP: Times(last=ahead.now(), due=ahead.now() + timedelta(minutes=5))}, ahead.now())
    assert agenda.read().swept_at is None
    assert agenda.rewrite({APP: SOON}, NOW).times == {APP: SOON}
    assert (agenda.read().swept_at, agenda.read().times) == (NOW, {APP: SOON})


def test_clocks_may_differ_by_minutes(table: Table) -> None:
    agenda, _ = agenda_of(table)
    ahead = HandClock()
    ahead.sleep(180)
    DynamoAgenda(table=table, clock=ahead).note({APP: SOON})
    table.put(change_note(APP, ahead.now(), ahead.now()))
    assert agenda.read().times == {APP: Times(last=NOW, due=ahead.now())}
