"""``tagstream suspend`` and ``resume``."""

from __future__ import annotations

from typing import Any

from tagstream.domain.objects.annotations import SUSPENDED, SUSPENDED_BY
from tagstream.domain.objects.model import NamespacedName
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import MemoryPorts, command

READY = {"conditions": [{"type": "Ready", "status": "True", "message": "m"}], "observedGeneration": 9}


def two() -> MemoryPorts:
    ports = MemoryPorts()
    for name in ("a", "b"):
        put = ports.objects.put(
            {"kind": "ImagePolicy", "metadata": {"name": name, "namespace": "flux-system"}, "spec": {}}
        )
        put_status(ports.objects, "ImagePolicy", put.key, READY)
    return ports


def document(ports: MemoryPorts, name: str) -> dict[str, Any]:
    return dict(ports.objects.stored["ImagePolicy", NamespacedName("flux-system", name)].document)


def test_a_suspended_object_says_so_and_why() -> None:
    ports = two()
    done = command("suspend", "image", "policy", "a", "--reason", "freeze", ports=ports)
    assert done.err.splitlines() == ["► suspending image policy a in flux-system namespace", "✔ image policy suspended"]
    assert document(ports, "a")["spec"] == {"suspend": True}
    assert document(ports, "a")["metadata"]["annotations"] == {
        SUSPENDED: "2026-01-02T03:04:05Z",
        "suspend.toolkit.fluxcd.io/reason": "freeze",
        SUSPENDED_BY: "arn:aws:iam::1:user/ann",
    }
    assert document(ports, "b")["spec"] == {}


def test_get_shows_who_suspended_an_object_and_why() -> None:
    ports = two()
    command("suspend", "image", "policy", "a", "--reason", "freeze", ports=ports)
    rows = command("get", "images", "policy", "--no-header", ports=ports).out.splitlines()
    assert [[cell.strip() for cell in row.split("\t")][-3:-1] for row in rows] == [
        ["True", "arn:aws:iam::1:user/ann: freeze"],
        ["False", ""],
    ]


def test_suspending_and_resuming_are_events_with_their_author() -> None:
    ports = two()
    command("suspend", "image", "policy", "a", "--reason", "freeze", ports=ports)
    command("resume", "image", "policy", "a", ports=ports)
    assert [(one.reason, one.message) for one in ports.ledger.entries] == [
        ("Suspended", "suspended by arn:aws:iam::1:user/ann: freeze"),
        ("Resumed", "resumed by arn:aws:iam::1:user/ann"),
    ]


def test_deleting_is_an_event_with_its_author() -> None:
    ports = two()
    command("delete", "image", "policy", "a", "--silent", ports=ports)
    assert [(one.key.name, one.reason, one.message) for one in ports.ledger.entries] == [
        ("a", "Deleted", "deleted by arn:aws:iam::1:user/ann")
    ]


def test_all_objects_of_a_namespace_are_suspended() -> None:
    ports = two()
    command("suspend", "image", "policy", "--all", ports=ports)
    assert [document(ports, name)["spec"] for name in "ab"] == [{"suspend": True}] * 2


def test_one_missing_name_does_not_keep_the_others() -> None:
    ports = two()
    done = command("suspend", "image", "policy", "x", "b", "b", ports=ports)
    assert done.err.splitlines() == [
        "✗ ImagePolicy x not found in flux-system namespace",
        "► suspending image policy b in flux-system namespace",
        "✔ image policy suspended",
    ]


def test_a_name_is_required() -> None:
    done = command("suspend", "image", "policy", ports=two())
    assert done.code == 1
    assert done.err == "✗ image policy name is required\n"


def test_resuming_takes_every_trace_away_and_waits() -> None:
    ports = two()
    command("suspend", "image", "policy", "a", "-r", "x", ports=ports)
    done = command("resume", "image", "policy", "a", ports=ports)
    assert done.err.splitlines() == [
        "► resuming image policy a in flux-system namespace",
        "✔ image policy resumed",
        "◎ waiting for ImagePolicy reconciliation",
        "✔ ImagePolicy a reconciliation completed",
        "✔ selected ref :",
    ]
    assert document(ports, "a")["spec"] == {}
    assert document(ports, "a")["metadata"]["annotations"] == {}


def test_a_failure_from_before_the_suspension_is_not_the_outcome_of_resuming() -> None:
    ports = two()
    command("suspend", "image", "policy", "a", ports=ports)
    told = {"type": "Ready", "status": "False", "message": "m", "observedGeneration": 2}
    put_status(ports.objects, "ImagePolicy", NamespacedName("flux-system", "a"), {"conditions": [told]})
    done = command("resume", "image", "policy", "a", "--timeout=1s", ports=ports)
    assert done.err.splitlines()[-1] == "✗ ImagePolicy 'a' was not reconciled within 1 s"


def test_one_that_fails_keeps_no_other_suspended() -> None:
    ports = two()
    command("suspend", "image", "policy", "--all", ports=ports)
    told = {"type": "Ready", "status": "False", "message": "no tag fits", "observedGeneration": 3}
    put_status(ports.objects, "ImagePolicy", NamespacedName("flux-system", "a"), {"conditions": [told]})
    done = command("resume", "image", "policy", "--all", ports=ports)
    assert [document(ports, name)["spec"] for name in "ab"] == [{}, {}]
    assert done.code == 1
    assert done.err.splitlines()[4:] == [
        "◎ waiting for ImagePolicy reconciliation",
        "✔ ImagePolicy a reconciliation completed",
        "✗ ImagePolicy reconciliation failed: no tag fits",
        "◎ waiting for ImagePolicy reconciliation",
        "✔ ImagePolicy b reconciliation completed",
        "✔ selected ref :",
    ]
