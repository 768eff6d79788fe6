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
from tests.bench.go_programs import NotBuilt
from tests.bench.image_automation import automating, built
from tests.bench.repository import MARKED, generate
from tests.bench.row import Row
from tests.bench.timing import Taken, in_turns, shown, timed
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
MANY = 100
DEFAULT_CONCURRENT = 4
LOOK_GOAL, COMMIT_GOAL = 3.0, 1.0
COMMIT_ROUNDS = 5
NEVER_S = 86_400
# Each look must be over, and seen to be over, before an automation is due again.
LOOKS = {
    "one": ("one automation", Shape(automations=1, policies=1), 2, 9),
    "branch": (f"{MANY} automations of one branch", Shape(automations=MANY, policies=MANY, selects=True), 6, 3),
    "repositories": (
        f"{MANY} automations with a repository each",
        Shape(automations=MANY, policies=MANY, selects=True, own_repository=True),
        8,
        3,
    ),
}
FILES = (50, 5_000)


def _looks(what: str, shape: Shape, interval_s: int, rounds: int, flux: Flux | None) -> Iterator[Row]:
    if not _is_built(flux):
        return
    with running() as aws, updates(aws.endpoint, shape) as fleet, automating(interval_s, DEFAULT_CONCURRENT) as rival:
        # The files have this tag already, so that there is nothing to commit.
        fleet.choose(OLD)
        fleet.run()
        rival.create(fleet.objects, OLD)
        (found,) = in_turns(partial(timed, fleet.run), [rival.looked], rounds)
        # It says whether all automations are ready.
        fleet.cost()
    yield Row(
        what=f"nothing changed, {what}, CPU",
        ours=shown(found.ours.cpu),
        rival=CONTROLLER,
        theirs=shown(found.theirs.cpu),
        value=found.cpu_ratio,
        goal=LOOK_GOAL,
    )


def _commits(files: int, flux: Flux | None) -> Iterator[Row]:
    if not _is_built(flux):
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
    cpu = (shown(found.ours.cpu), shown(found.theirs.cpu), found.cpu_ratio)
    wall = (shown(found.ours.wall), shown(found.theirs.wall), found.wall_ratio)
    for kind, goal, (taken, other, value) in (
        ("CPU", COMMIT_GOAL, cpu),
        ("on the wall, with the emulated table", None, wall),
    ):
        what = f"commit, {files:,} files, whole run, {kind}"
        yield Row(what=what, ours=taken, rival=CONTROLLER, theirs=other, value=value, goal=goal)


def _objects(url: str) -> Sequence[FleetObject]:
    return [git_repository(APP, url), image_policy(APP), automation(APP, APP.name, "./deploy")]


def _tags() -> Iterator[str]:
    return (f"v{number}.0.0" for number in count(2))


def _check_committed(bare: Path) -> None:
    changed = git("diff", "--name-only", "main~1", "main", folder=bare).split()
    if len(changed) != MARKED:
        raise RuntimeError(f"{len(changed)} files changed instead of {MARKED}")


def _is_built(flux: Flux | None) -> bool:
    """Whether the controller can be run here; why it cannot is noted."""
    if flux is None:
        return False
    try:
        built()
    except NotBuilt as error:
        note = f"Rows against {CONTROLLER} are left out: {error}."
        if note not in flux.notes:
            flux.notes.append(note)
        return False
    return True


BENCHES = {
    **{f"automation-look-{name}": partial(_looks, *given) for name, given in LOOKS.items()},
    **{f"automation-commit-{files}": partial(_commits, files) for files in FILES},
}
