"""Counts calls to the table and its read and write units, for a repository, a policy, a tick and both halves of a push.

The registry answers from memory, so that nothing but the table is measured; the table is the embedded one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.sync.store import inventory, synced_objects
from tests.bench.fleet import Cost, Fleet, measured
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import shown
from tests.bench.updates import NEW, OLD, Shape, updates
from tests.embedded.aws import running

COUNTS = (100, 1_000, 5_000)
IDLE_UNITS, SCAN_HALF_UNITS, UPDATE_HALF_UNITS = 50, 8.5, 9.5
IDLE_RUN_UNITS, HOURLY_RUN_UNITS = 6, 8
SYNCED = 10


def _scans(_flux: Flux | None) -> Iterator[Row]:
    with running() as aws:
        for count in COUNTS:
            fleet = Fleet(aws.endpoint, count).applied()
            yield _each("repository, first scan", 5, count, measured(fleet.client, fleet.scan))
            fleet.registry.grow()
            yield _each("repository, changed scan", 5, count, measured(fleet.client, fleet.scan))
            yield _each("repository, unchanged scan", 1, count, measured(fleet.client, fleet.scan))


def _digests(_flux: Flux | None) -> Iterator[Row]:
    with running() as aws:
        for count in COUNTS:
            fleet = Fleet(aws.endpoint, count, digests=True).applied()
            fleet.scan()
            cost = measured(fleet.client, fleet.evaluate)
            yield _each("policy with digest Always, unchanged", 1, count, cost)


def _ticks(_flux: Flux | None) -> Iterator[Row]:
    with running() as aws:
        for count in COUNTS:
            fleet = Fleet(aws.endpoint, count).applied()
            fleet.settled()
            idle = measured(fleet.client, fleet.tick)
            yield Row(
                what=f"idle tick, {count:,} repositories and policies: read units",
                ours=f"{idle.read_units} ({idle.calls} calls, {shown(idle.cpu)} CPU)",
                value=idle.read_units,
                goal=IDLE_UNITS,
            )
            fleet.clock.moved += timedelta(hours=2)
            swept = measured(fleet.client, partial(fleet.tick))
            yield Row(
                what=f"hourly tick that looks at everything, {count:,} repositories: read units",
                ours=f"{swept.read_units} ({swept.calls} calls, {shown(swept.cpu)} CPU)",
                value=swept.read_units,
            )


def _pushes(_flux: Flux | None) -> Iterator[Row]:
    """One push among many policies, and one automation that selects the policy: each half, and both.

    The interval of the automation ends, too, while nothing is new.
    """
    with running() as aws:
        for count in COUNTS:
            fleet = Fleet(aws.endpoint, count).applied()
            fleet.settled()
            # The repository was scanned before, as nearly all are to which somebody pushes.
            fleet.push()
            fleet.registry.grow()
            scanned = measured(fleet.client, fleet.push)
            with updates(aws.endpoint, Shape(automations=1, policies=count, selects=True)) as found:
                found.choose(OLD)
                found.run()
                found.choose_first(NEW)
                committed = found.cost_woken()
                found.check_committed(NEW)
                idle = measured(found.client, found.run_one_by_one)
                found.an_hour_passes()
                hourly = measured(found.client, found.run_one_by_one)
            push = f"one push among {count:,} policies"
            yield _units(f"{push}, scan half", SCAN_HALF_UNITS, scanned)
            yield _units(f"{push}, update half, an automation with a selector", UPDATE_HALF_UNITS, committed)
            yield _units(f"{push}, both halves", SCAN_HALF_UNITS + UPDATE_HALF_UNITS, scanned, committed)
            selecting = f"an automation with a selector among {count:,} policies"
            yield _units(f"interval run without news, {selecting}", IDLE_RUN_UNITS, idle)
            yield _units(f"interval run without news, the first of an hour, {selecting}", HOURLY_RUN_UNITS, hourly)


def _units(what: str, most: float | None, *costs: Cost) -> Row:
    """A row about the read units of some costs together."""
    read, written = sum(one.read_units for one in costs), sum(one.write_units for one in costs)
    calls = sum(one.calls for one in costs)
    ours = f"{read:g} ({calls} calls, {written} write units)"
    return Row(what=f"{what}: read units", ours=ours, value=read, goal=most)


def _syncs(_flux: Flux | None) -> Iterator[Row]:
    with running() as aws:
        for count in COUNTS:
            fleet = Fleet(aws.endpoint, count).applied()
            listed = fleet.ports.objects.list("ImagePolicy")[:SYNCED]
            key = NamespacedName("ns", "fleet")
            of_ten = StoredObject(kind="Kustomization", key=key, document={}, status={"inventory": inventory(listed)})
            found = measured(fleet.client, partial(synced_objects, of_ten, fleet.ports))
            yield Row(
                what=f"what an idle sync of {SYNCED} objects compares, among {count:,} repositories: read units",
                ours=f"{found.read_units} ({found.calls} calls)",
                value=found.read_units,
                goal=SYNCED,
            )


def _each(what: str, most: float, count: int, cost: Cost) -> Row:
    units = f"{cost.read_units / count:.2f} read, {cost.write_units / count:.2f} write units"
    calls = cost.calls / count
    return Row(what=f"calls a {what}, of {count:,}", ours=f"{calls:.2f} ({units})", value=calls, goal=most)


BENCHES = {
    "units-scan": _scans,
    "units-digest": _digests,
    "units-tick": _ticks,
    "units-push": _pushes,
    "units-sync": _syncs,
}
