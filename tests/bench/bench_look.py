"""Measures an automation that finds nothing to do, beside Flux's Git client that finds the branch where it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench.fleet import counted_table, measured
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import in_turns, shown, timed
from tests.contract.reconcile.update.test_burst import choose
from tests.contract.reconciling import APP, Silent, automated, ports_on, run, run_woken
from tests.embedded.aws import running
from tests.embedded.git_server import bare_repository, git, git_server

ROUNDS, GOAL = 31, 3.0
FILE = b'image: app:v1.0.0 # {"$imagepolicy": "ns:app-0"}\n'


def _look(flux: Flux | None) -> Iterator[Row]:
    with running() as aws, tempfile.TemporaryDirectory() as name:
        bare = bare_repository(Path(name), "fleet.git", {"app.yaml": FILE})
        with git_server(Path(name)) as server:
            url = server.url("fleet.git")
            client, table = counted_table(aws.endpoint)
            ports = ports_on(table, Silent())
            automated(ports, url)
            choose(ports, 0, "v2.0.0")
            run_woken([APP], ports)
            if b"v2.0.0" not in git("show", "main:app.yaml", folder=bare).encode():
                raise RuntimeError("the automation has not committed")
            run(ports)
            cost = measured(client, partial(run, ports))
            yield _counted(cost.calls, f"{cost.read_units} read, {cost.write_units} write units")
            if flux is not None:
                seen = f"main@sha1:{git('rev-parse', 'main', folder=bare).strip()}"
                theirs = partial(flux.ask, "look", url=url, branch="main", seen=seen, folder=name)
                (found,) = in_turns(partial(timed, partial(run, ports)), [theirs], ROUNDS)
                yield Row(
                    what="nothing changed, one automation",
                    ours=shown(found.ours.wall),
                    rival="Flux's Git client (without Kubernetes' API)",
                    theirs=shown(found.theirs.wall),
                    value=found.wall_ratio,
                    goal=GOAL,
                )


def _counted(calls: int, units: str) -> Row:
    return Row(what="nothing changed, one automation: calls to the table", ours=f"{calls} ({units})", value=calls)


BENCHES = {"look": _look}
