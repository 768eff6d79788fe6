"""Measures whole runs of automations, beside Flux's image-automation-controller.

The figures are CPU seconds of tagstream's process and of the controller's: the Git server, the emulated table and the
Kubernetes API server are processes of their own, whose work would count on the wall.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

from tagstream.domain.objects.model import NamespacedName
from tests.bench.flux_driver import Flux
from tests.bench.image_automation import automating, built
from tests.bench.repository import MARKED, generate
from tests.bench.row import Row
from tests.bench.timing import Compared, Taken, compared, in_turns, shown, timed, turns
from tests.bench.updates import (
    OLD,
    FleetObject,
    Shape,
    Updates,
    automation,
    git_repository,
    git_serving,
    image_policy,
    updates,
)
from tests.embedded.aws import running
from tests.embedded.git_server import git

CONTROLLER = "Flux's image-automation-controller"
APP = NamespacedName("ns", "app")
DEFAULT_CONCURRENT = 4
LOOK_GOAL, COMMIT_GOAL = 3.0, 1.0
COMMIT_ROUNDS = 3
NEVER_S = 86_400
# What is measured, after how many seconds the controller looks again, and how many turns there are. A look must be
# over, and seen to be over, before the next one is due.
LOOKS = {
    "one": ("one automation", Shape(automations=1, policies=1), 2, 7),
    "branch": ("100 automations of one branch", Shape(automations=100, policies=100, selects=True), 5, 3),
    "repositories": (
        "50 automations with a repository each",
        Shape(automations=50, policies=50, selects=True, own_repository=True),
        5,
        3,
    ),
}
FILES = (50, 5_000)


def _looks(what: str, shape: Shape, interval_s: int, rounds: int, flux: Flux | None) -> Iterator[Row]:
    if flux is None or not flux.can_build(CONTROLLER, built):
        return
    with running() as aws, updates(aws.endpoint, shape) as fleet, automating(interval_s, DEFAULT_CONCURRENT) as rival:
        # The files have this tag already, so that there is nothing to commit.
        fleet.choose(OLD)
        fleet.run()
        fleet.settle()
        rival.create(fleet.objects, OLD)
        ways = (partial(timed, fleet.run), partial(timed, fleet.run_by_interval), rival.looked)
        run, with_tick, theirs = turns(ways, rounds)
        fleet.check_next_runs()
        # It says whether all automations are ready.
        fleet.cost()
    yield _row(f"nothing changed, {what}, CPU", compared(run, theirs), LOOK_GOAL)
    yield _row(f"nothing changed, {what}, with the tick of ScanFunction, CPU", compared(with_tick, theirs), None)


def _row(what: str, found: Compared, goal: float | None) -> Row:
    """A row about CPU."""
    ours, theirs = shown(found.ours.cpu), shown(found.theirs.cpu)
    return Row(what=what, ours=ours, rival=CONTROLLER, theirs=theirs, value=found.cpu_ratio, goal=goal)


def _commits(files: int, flux: Flux | None) -> Iterator[Row]:
    if flux is None or not flux.can_build(CONTROLLER, built):
        return
    with running() as aws, tempfile.TemporaryDirectory() as name:
        mine, theirs = Path(name, "mine.git"), Path(name, "theirs.git")
        generate(mine, files, 0)
        shutil.copytree(mine, theirs)
        with git_serving(Path(name), mine.name) as address, automating(NEVER_S, DEFAULT_CONCURRENT) as rival:
            fleet = Updates(aws.endpoint, _objects(f"{address}/{mine.name}"), [])
            rival.create(_objects(f"{address}/{theirs.name}"), OLD)
            my_tags, their_tags = _tags(), _tags()

            def ours() -> Taken:
                fleet.choose(next(my_tags))
                fleet.forget()
                taken = timed(fleet.run)
                _check_committed(mine)
                return taken

            def controller() -> Taken:
                taken = rival.committed(next(their_tags))
                _check_committed(theirs)
                return taken

            (found,) = in_turns(ours, [controller], COMMIT_ROUNDS)
    what = f"commit, {files:,} files, whole run"
    yield _row(f"{what}, CPU", found, COMMIT_GOAL)
    yield Row(
        what=f"{what}, on the wall, with the emulated table",
        ours=shown(found.ours.wall),
        rival=CONTROLLER,
        theirs=shown(found.theirs.wall),
        value=found.wall_ratio,
    )


def _objects(url: str) -> Sequence[FleetObject]:
    return [git_repository(APP, url), image_policy(APP), automation(APP, APP.name, "./deploy")]


def _tags() -> Iterator[str]:
    return (f"v{number}.0.0" for number in count(2))


def _check_committed(bare: Path) -> None:
    changed = git("diff", "--name-only", "main~1", "main", folder=bare).split()
    if len(changed) != MARKED:
        raise RuntimeError(f"{len(changed)} files changed instead of {MARKED}")


BENCHES = {
    **{f"automation-look-{name}": partial(_looks, *given) for name, given in LOOKS.items()},
    **{f"automation-commit-{files}": partial(_commits, files) for files in FILES},
}
