"""Measures how work grows with the number of objects: `make bench growth`.

Each piece of work is done for several sizes, once unmeasured and then in turns, more than once where it is cheap; the
medians count. The exponent is the slope of a straight line through the logarithms of size and cost, fitted by least
squares: 1 is linear, 2 is quadratic. The exponent between the last two sizes is shown beside it, because a line through
small sizes, whose cost is mostly constant, hides a square that has only begun to show.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from statistics import median
from typing import TypeVar

from tagstream.reconcile.scan.tick import INLINE_SCANS
from tests.bench.fleet import Cost, Fleet, measured
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import shown
from tests.bench.updates import NEW, OLD, Shape, Updates, updates
from tests.embedded.aws import running

_Costs = TypeVar("_Costs")
WORST = 1.15
# What is smaller than these is noise, or the cost of asking at all.
LEAST_CPU_S, LEAST_UNITS = 0.02, 20
# Turns of a row, and the seconds after which no further one begins.
TURNS, MOST_S = 3, 8.0


@dataclass(frozen=True, slots=True)
class Point:
    """What the work of one size took."""

    size: int
    cost: Cost


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """The slope of the line through the logarithms; 0 when there are fewer than two costs above zero."""
    points = [(math.log(size), math.log(cost)) for size, cost in zip(sizes, costs, strict=True) if cost > 0]
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def turns(work: Callable[[], _Costs]) -> list[_Costs]:
    """The costs of all sizes, turn by turn, so that a busy machine slows all sizes alike."""
    begun, found = time.perf_counter(), [work()]
    while len(found) < TURNS and time.perf_counter() - begun < MOST_S:
        found.append(work())
    return found


def points(sizes: Sequence[int], measured: Sequence[Sequence[Cost]]) -> list[Point]:
    """The median cost of each size over all turns."""
    return [Point(size, _median(costs)) for size, costs in zip(sizes, zip(*measured, strict=True), strict=True)]


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        median(one.wall for one in costs),
        median(one.cpu for one in costs),
        round(median(one.calls for one in costs)),
        median(one.read_units for one in costs),
        round(median(one.write_units for one in costs)),
    )


def grown(what: str, points: Sequence[Point]) -> Iterator[Row]:
    """A row for CPU seconds, and one each for read and write units."""
    sizes = [point.size for point in points]
    cpu = [point.cost.cpu for point in points]
    span = f"{what}, {sizes[0]:,} → {sizes[-1]:,}"
    yield _row(f"{span}: CPU", sizes, cpu, " → ".join(map(shown, cpu)), max(cpu) < LEAST_CPU_S)
    read, written = [point.cost.read_units for point in points], [point.cost.write_units for point in points]
    for kind, units in (("read", read), ("write", written)):
        if any(units):
            told = " → ".join(f"{one:,}" for one in units) + " units"
            yield _row(f"{span}: {kind} units", sizes, units, told, max(units) < LEAST_UNITS)


def _row(what: str, sizes: Sequence[int], costs: Sequence[float], told: str, is_small: bool) -> Row:
    value, last = exponent(sizes, costs), exponent(sizes[-2:], costs[-2:])
    return Row(
        what=what, ours=f"{value:.2f}, at the end {last:.2f} ({told})", value=0.0 if is_small else value, goal=WORST
    )


def _fleets(
    what: str, sizes: Sequence[int], work: Callable[[Fleet], Cost], others: int, _flux: Flux | None
) -> Iterator[Row]:
    """Fleets of these sizes and ``others``, the repositories that the work passes over."""
    with running() as aws:
        work(Fleet(aws.endpoint, sizes[0] + others).applied())
        measured = turns(lambda: [work(Fleet(aws.endpoint, size + others).applied()) for size in sizes])
        yield from grown(what, points(sizes, measured))


def _due(fleet: Fleet) -> Cost:
    _all_due(fleet)
    return measured(fleet.client, fleet.tick)


def _queued(fleet: Fleet) -> Cost:
    _all_due(fleet)
    fleet.tick()
    return measured(fleet.client, fleet.carry_out_messages)


def _all_due(fleet: Fleet) -> None:
    fleet.scan()
    fleet.settled()
    fleet.queue.sent.clear()
    fleet.clock.moved += timedelta(minutes=10)


def _first(fleet: Fleet) -> Cost:
    return measured(fleet.client, fleet.scan)


def _changed(fleet: Fleet) -> Cost:
    fleet.scan()
    fleet.registry.grow()
    return measured(fleet.client, fleet.scan)


def _idle(fleet: Fleet) -> Cost:
    fleet.settled()
    return measured(fleet.client, fleet.tick)


def _push(fleet: Fleet) -> Cost:
    fleet.settled()
    fleet.push()
    fleet.registry.grow()
    return measured(fleet.client, fleet.push)


FLEETS: Mapping[str, tuple[str, Sequence[int], Callable[[Fleet], Cost], int]] = {
    # A tick scans up to a thousand repositories itself, out of pages that it has read, and sends others to the queue,
    # where they are read by name. One line through both ways would show the step, not the growth of either.
    "due-few": ("tick that scans all repositories itself, unchanged", (100, 300, 1_000), _due, 0),
    "due": ("messages of a tick that has scanned a thousand, unchanged", (800, 2_000, 5_000), _queued, INLINE_SCANS),
    "first": ("repositories scanned for the first time", (100, 300, 1_000), _first, 0),
    "changed": ("repositories changed in one invocation", (100, 300, 1_000), _changed, 0),
    "idle": ("idle tick", (200, 1_000, 5_000), _idle, 0),
    "push": ("one push among all policies", (200, 1_000, 5_000), _push, 0),
}


def _commits(what: str, shapes: Mapping[int, Shape], _flux: Flux | None) -> Iterator[Row]:
    """A run that commits, and one that finds nothing to do."""
    sizes, tags = tuple(shapes), iter([f"v{number}.0.0" for number in range(2, TURNS + 2)])
    with running() as aws, ExitStack() as stack:
        with updates(aws.endpoint, shapes[sizes[0]]) as warm:
            _commit_and_look(warm, NEW)
        found = [stack.enter_context(updates(aws.endpoint, shape)) for shape in shapes.values()]

        def turn() -> Sequence[tuple[Cost, Cost]]:
            tag = next(tags)
            return [_commit_and_look(one, tag) for one in found]

        measured = turns(turn)
    yield from grown(f"{what}: commit", points(sizes, [[one for one, _ in costs] for costs in measured]))
    yield from grown(f"{what}: nothing changed", points(sizes, [[one for _, one in costs] for costs in measured]))


def _commit_and_look(found: Updates, tag: str) -> tuple[Cost, Cost]:
    """What a run takes that commits, and one after it that finds nothing to do; the run between them settles."""
    found.choose(tag)
    committed = found.cost()
    found.check_committed(tag)
    found.run()
    return committed, found.cost()


def _intervals(sizes: Sequence[int], _flux: Flux | None) -> Iterator[Row]:
    """Automations with twenty policies in the namespace for each; it selects one, and runs in its own invocation."""
    points = []
    with running() as aws:
        for size in sizes:
            with updates(aws.endpoint, Shape(automations=size, policies=20 * size, selects=True)) as found:
                found.choose(NEW)
                found.run()
                points.append(Point(size, measured(found.client, found.run_one_by_one)))
    yield from grown("automations with selectors whose intervals are over, one by one", points)


def _messages(sizes: Sequence[int], _flux: Flux | None) -> Iterator[Row]:
    """As many policies as automations with selectors; a message of the stream asks for a hundred of the runs."""
    within, first = [], []
    with running() as aws:
        for size in sizes:
            with updates(aws.endpoint, Shape(automations=size, policies=size, selects=True)) as found:
                found.choose(NEW)
                found.run()
                found.run_by_hundreds()
                within.append(Point(size, measured(found.client, found.run_by_hundreds)))
                found.an_hour_passes()
                first.append(Point(size, measured(found.client, found.run_by_hundreds)))
    yield from grown("automations with selectors whose intervals are over, a hundred at a time", within)
    yield from grown("automations with selectors whose intervals are over, the first of an hour", first)


def _neighbours(sizes: Sequence[int], _flux: Flux | None) -> Iterator[Row]:
    """One automation has something to commit to its branch, and all others have branches of their own."""
    points = []
    with running() as aws:
        for size in sizes:
            with updates(aws.endpoint, Shape(automations=size, policies=1, own_branch=True)) as found:
                found.choose_first(OLD)
                found.run_first()
                found.choose_first(NEW)
                points.append(Point(size, measured(found.client, found.run_first)))
    yield from grown("a commit of one automation among others, a branch each", points)


SHAPES: Mapping[str, tuple[str, Mapping[int, Shape]]] = {
    "files": (
        "changed files in one folder",
        {size: Shape(automations=1, policies=1, files=size) for size in (250, 1_000, 4_000)},
    ),
    "selectors": (
        "automations with a selector each, as many policies",
        {size: Shape(automations=size, policies=size, selects=True) for size in (150, 450, 1_350)},
    ),
    "whole": (
        "automations with `path: ./` on one branch",
        {size: Shape(automations=size, policies=size, selects=True, whole=True) for size in (150, 450, 1_350)},
    ),
    "branches": (
        "automations, a branch each",
        {size: Shape(automations=size, policies=size, own_branch=True) for size in (25, 75, 225)},
    ),
    "own-branches": (
        "automations, a branch and a selector each",
        {size: Shape(automations=size, policies=size, selects=True, own_branch=True) for size in (25, 75, 225)},
    ),
    "template": (
        "policies of one automation, a branch each by a template",
        {size: Shape(automations=1, policies=size, whole=True, by_policy=True) for size in (20, 60, 180)},
    ),
    "policies": (
        "policies of one automation",
        {size: Shape(automations=1, policies=size, whole=True) for size in (200, 600, 1_800)},
    ),
}
BENCHES: Mapping[str, Callable[[Flux | None], Iterator[Row]]] = {
    **{f"growth-{name}": partial(_fleets, *inputs) for name, inputs in FLEETS.items()},
    **{f"growth-{name}": partial(_commits, *inputs) for name, inputs in SHAPES.items()},
    "growth-intervals": partial(_intervals, (5, 15, 45)),
    "growth-messages": partial(_messages, (100, 400, 1_600)),
    "growth-neighbours": partial(_neighbours, (200, 1_000, 5_000)),
}
