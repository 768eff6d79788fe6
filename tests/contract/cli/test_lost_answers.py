"""A write of the command line whose answer got lost leaves the stack as if it had come: one of them, or every one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tests.contract.lost_answers import EVERY, Ending, losing_ports, picture
from tests.contract.reconciling import Silent, emptied, ports_on
from tests.unit.cli.memory_ports import command

OBJECTS = """
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app}
spec: {image: registry.example.com/team/app, interval: 1m}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: app}
spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.x}}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app}
spec: {url: https://git.example.com/a.git, interval: 1m, ref: {branch: main}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: app}
spec:
  interval: 1m
  sourceRef: {kind: GitRepository, name: app}
  git: {commit: {author: {email: bot@example.com}}}
  update: {path: ./}
---
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: app}
spec: {type: generic, secretRef: {name: token}, resources: [{kind: ImageRepository, name: app}]}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: a-token-of-the-receiver}
"""


@dataclass(frozen=True)
class Verb:
    """A command; ``before`` are the commands that prepare the stack for it, ``deletes`` is the kind that it deletes."""

    words: str
    before: tuple[str, ...] = ("apply -f -",)
    deletes: str = ""


VERBS = {
    "apply": Verb("apply -f -", before=()),
    "apply-again": Verb("apply -f -"),
    "create": Verb("create source git new --url https://git.example.com/new.git --branch main", before=()),
    "suspend": Verb("suspend image update app"),
    "suspend-all": Verb("suspend image repository --all"),
    "resume": Verb("resume image update app --no-wait", before=("apply -f -", "suspend image update app")),
    "reconcile": Verb("reconcile image repository app --no-wait"),
    "reconcile-receiver": Verb("reconcile receiver app"),
    "annotate": Verb("annotate image policy app tagstream.dev/minimum-age=1h team-"),
    "create-receiver": Verb(
        "create receiver new --type generic --secret-ref token --resource ImageRepository/app",
    ),
    "delete-repository": Verb("delete image repository app --silent", deletes="ImageRepository"),
    "delete-policy": Verb("delete image policy app --silent", deletes="ImagePolicy"),
    "delete-automation": Verb("delete image update app --silent", deletes="ImageUpdateAutomation"),
    "delete-receiver": Verb("delete receiver app --silent", deletes="Receiver"),
}


def run(words: str, ports: object, code: int | None = 0) -> int:
    done = command(*words.split(), ports=ports, stdin=OBJECTS)  # type: ignore[arg-type]
    assert code is None or done.code == code, done.err
    return done.code


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("ending", ["repeated", "given up"])
def test_a_command_leaves_the_same_whichever_answer_of_the_table_is_lost(
    table: Table, name: str, ending: Ending
) -> None:
    verb = VERBS[name]
    silent = Silent()

    def begun() -> None:
        emptied(table)
        for words in verb.before:
            run(words, ports_on(table, silent))

    begun()
    worker, client = losing_ports(table, silent=silent)
    run(verb.words, worker)
    # An index without policies goes with its repository at the latest.
    without = frozenset[str]() if ending == "repeated" else frozenset({"ledger", "policies#flux-system/app"})
    expected = picture(table, without)
    found = {}
    for at in [*range(1, len(client.writes) + 1), *([EVERY] if ending == "repeated" else [])]:
        begun()
        worker, _ = losing_ports(table, at, ending, silent=silent)
        code = run(verb.words, worker, code=0 if ending == "repeated" else None)
        if code != 0:
            again = ports_on(table, silent)
            # The person runs it again. Of an object that is gone already, the next tick removes what is left.
            run(verb.words, again, code=None if verb.deletes else 0)
            if verb.deletes:
                again.objects.delete_derived(verb.deletes, NamespacedName("flux-system", "app"))
        found[f"{at} of {client.writes}"] = picture(table, without)
    assert {where for where, one in found.items() if one != expected} == set()
