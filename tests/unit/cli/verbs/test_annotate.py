"""``tagstream annotate`` changes annotations as ``apply`` would."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.annotations import annotations_of
from tagstream.domain.objects.model import NamespacedName
from tests.unit.cli.memory_ports import MemoryPorts, command
from tests.unit.cli.verbs.test_get import stored

KEY = NamespacedName("flux-system", "app")
WORDS = ("annotate", "image", "policy", "app")


def policy() -> MemoryPorts:
    return stored("ImagePolicy", "app", {}, imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})


def annotations(ports: MemoryPorts) -> dict[str, str]:
    return dict(annotations_of(ports.objects.stored["ImagePolicy", KEY].document))


def test_annotations_are_set_changed_and_removed() -> None:
    ports = policy()
    assert command(*WORDS, "team=a", "tagstream.dev/minimum-age=24h", ports=ports).code == 0
    assert annotations(ports) == {"team": "a", "tagstream.dev/minimum-age": "24h"}
    command(*WORDS, "team-", "tagstream.dev/minimum-age=1h=", "note=", ports=ports)
    command(*WORDS, "team-", "tagstream.dev/minimum-age=1h", "note=", ports=ports)
    assert annotations(ports) == {"tagstream.dev/minimum-age": "1h", "note": ""}


def test_the_ledger_says_who_changed_what() -> None:
    ports = policy()
    command(*WORDS, "team=a", "note-", ports=ports)
    assert [one.message for one in ports.ledger.entries] == ["annotated by arn:aws:iam::1:user/ann with team=a"]


def test_what_is_so_already_writes_nothing() -> None:
    ports = policy()
    command(*WORDS, "team=a", ports=ports)
    writes = len(ports.objects.writes)
    done = command(*WORDS, "team=a", "other-", ports=ports)
    assert (done.code, done.err, len(ports.objects.writes)) == (0, "✔ image policy not changed\n", writes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("tagstream.dev/minimum-age=soon", "tagstream.dev/minimum-age"),
        ("team", "'team' is no change of an annotation"),
        ("=a", "'' cannot be the key"),
        ("a b=c", "'a b' cannot be the key"),
        ("reconcile.fluxcd.io/requestedAt=now", "is kept by a command of its own"),
    ],
)
def test_what_apply_would_refuse_is_refused(change: str, message: str) -> None:
    ports = policy()
    done = command(*WORDS, change, ports=ports)
    assert done.code == 1
    assert message in done.err
    assert annotations(ports) == {}


def test_one_annotation_cannot_be_set_and_removed() -> None:
    assert "is given twice" in command(*WORDS, "team=a", "team-", ports=policy()).err


def test_an_object_that_is_not_there_is_a_failure() -> None:
    done = command("annotate", "image", "update", "app", "a=b", ports=MemoryPorts())
    assert done.err == "✗ ImageUpdateAutomation 'app' not found in flux-system namespace\n"
