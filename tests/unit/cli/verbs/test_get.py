"""``tagstream get`` prints Flux's columns."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import yaml

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.selections import Waiting
from tagstream.ports.webhook import LastDelivery
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command, interrupt

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Succeeded",
    "message": "Latest image tag for ghcr.io/stefanprodan/podinfo resolved to 5.0.3",
    "lastTransitionTime": "2026-01-02T03:04:05Z",
    "observedGeneration": 1,
}


def stored(kind: str, name: str, status: dict[str, Any], namespace: str = "flux-system", **spec: object) -> MemoryPorts:
    ports = MemoryPorts()
    add(ports, kind, name, status, namespace, **spec)
    return ports


def add(
    ports: MemoryPorts, kind: str, name: str, status: dict[str, Any], namespace: str = "flux-system", **spec: object
) -> None:
    metadata = {"name": name, "namespace": namespace}
    put = ports.objects.put(
        {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    )
    put_status(ports.objects, kind, put.key, status)


def policy() -> MemoryPorts:
    ref = {"name": "ghcr.io/stefanprodan/podinfo", "tag": "5.0.3"}
    return stored("ImagePolicy", "podinfo-semver", {"conditions": [READY], "latestRef": ref})


def test_policies_have_the_columns_of_flux_and_whether_they_are_suspended() -> None:
    assert command("get", "images", "policy", ports=policy()).out == (
        "NAME          \tIMAGE                       \tTAG  \tREADY\tMESSAGE"
        "                                                            \tSUSPENDED\n"
        "podinfo-semver\tghcr.io/stefanprodan/podinfo\t5.0.3\tTrue \t"
        "Latest image tag for ghcr.io/stefanprodan/podinfo resolved to 5.0.3\tFalse    \t\n"
    )


def test_repositories_have_the_columns_of_flux() -> None:
    scan = {"scanTime": "2026-01-02T03:04:05Z", "tagCount": 3}
    ports = stored("ImageRepository", "app", {"conditions": [READY | {"message": "ok"}], "lastScanResult": scan})
    assert command("get", "image", "repository", ports=ports).out == (
        "NAME\tLAST SCAN           \tSUSPENDED\tREADY\tMESSAGE\n"
        "app \t2026-01-02T03:04:05Z\tFalse    \tTrue \tok     \t\n"
    )


@pytest.mark.parametrize(("ready", "shown"), [("True", "2026-01-02T03:09:05Z"), ("False", "2026-01-02T03:04:05Z")])
def test_a_scan_without_news_is_the_last_scan_too_but_a_failed_one_is_not(ready: str, shown: str) -> None:
    scan = {"scanTime": "2026-01-02T03:04:05Z", "tagCount": 3}
    ports = stored("ImageRepository", "app", {"conditions": [READY | {"status": ready}], "lastScanResult": scan})
    name = ObjectName(kind="ImageRepository", key=NamespacedName("flux-system", "app"))
    ports.agenda.times[name] = Times(last=NOW + timedelta(minutes=5), due=None)
    whole = json.loads(command("get", "image", "repository", "app", "-o", "json", ports=ports).out)
    assert whole["status"]["lastScanResult"] == {"scanTime": shown, "tagCount": 3}
    assert shown in command("get", "images", "all", ports=ports).out


def test_the_last_delivery_is_shown_behind_fluxs_columns_and_in_the_status() -> None:
    ports = stored("ImageRepository", "app", {"conditions": [READY | {"message": "ok"}]})
    last = LastDelivery(at=NOW, sender="dockerhub", delivery_id="d-1", result="asked for a scan")
    ports.deliveries.deliveries["ImageRepository"] = {NamespacedName("flux-system", "app"): last}
    assert command("get", "image", "repository", ports=ports).out == (
        "NAME\tLAST SCAN\tSUSPENDED\tREADY\tMESSAGE\tLAST DELIVERY                                   \n"
        "app \t         \tFalse    \tTrue \tok     \t2026-01-02T03:04:05Z dockerhub: asked for a scan\t\n"
    )
    whole = json.loads(command("get", "image", "repository", "app", "-o", "json", ports=ports).out)
    assert whole["status"]["lastDelivery"] == {
        "time": "2026-01-02T03:04:05Z",
        "sender": "dockerhub",
        "id": "d-1",
        "result": "asked for a scan",
    }


def test_automations_have_the_columns_of_flux_and_wait_before_their_first_run() -> None:
    ports = stored("ImageUpdateAutomation", "apps", {}, suspend=True)
    assert command("get", "images", "update", ports=ports).out == (
        "NAME\tLAST RUN\tSUSPENDED\tREADY\tMESSAGE                 \n"
        "apps\t        \tTrue     \tFalse\twaiting to be reconciled\t\n"
    )


def test_all_prints_a_table_per_kind_with_the_kind_before_each_name() -> None:
    ports = policy()
    add(ports, "ImageRepository", "podinfo", {})
    lines = command("get", "images", "all", "-A", ports=ports).out.split("\n")
    assert [line.split("\t")[:2] for line in lines] == [
        ["NAMESPACE  ", "NAME                   "],
        ["flux-system", "imagerepository/podinfo"],
        [""],
        ["NAMESPACE  ", "NAME                      "],
        ["flux-system", "imagepolicy/podinfo-semver"],
        [""],
        [""],
    ]


def namespaces() -> MemoryPorts:
    ports = policy()
    for name, notes in (("apps", {"tagstream.dev/window": "Mon-Fri 09:00-17:00"}), ("web", {})):
        metadata = {"name": name, "namespace": name, "annotations": notes}
        ports.objects.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    return ports


def test_namespaces_are_shown_with_their_windows_and_freezes_whatever_the_namespace_of_the_command() -> None:
    assert command("get", "namespaces", ports=namespaces()).out == (
        "NAME\tWINDOW             \tFREEZE\napps\tMon-Fri 09:00-17:00\t      \t\nweb \t                   \t      \t\n"
    )
    assert command("get", "ns", "apps", "-o", "name", ports=namespaces()).out == "namespace/apps\n"
    assert "namespace/apps" in command("get", "all", "-A", ports=namespaces()).out


def test_a_namespace_can_be_described_exported_annotated_and_deleted() -> None:
    ports = namespaces()
    assert "tagstream.dev/window=Mon-Fri 09:00-17:00" in command("describe", "namespace", "apps", ports=ports).out
    assert command("annotate", "ns", "apps", "tagstream.dev/window-", "team=a", ports=ports).code == 0
    exported = yaml.safe_load(command("export", "namespace", "apps", ports=ports).out)
    metadata = {"name": "apps", "annotations": {"team": "a"}}
    assert exported == {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    assert "kind: Namespace" in command("export", "all", "-A", ports=ports).out
    done = command("delete", "namespace", "apps", "-s", ports=ports)
    assert "the objects of the namespace stay" in done.err
    assert command("describe", "namespace", "apps", ports=ports).code == 1


def test_nothing_found_is_said_and_is_no_failure() -> None:
    ports = MemoryPorts()
    done = [
        command("get", "images", "policy", ports=ports),
        command("get", "images", "policy", "x", ports=ports),
        command("get", "images", "policy", "-A", ports=ports),
        command("get", "images", "all", ports=ports),
    ]
    assert [(one.code, one.out, one.err) for one in done] == [
        (0, "", '✗ no ImagePolicy objects found in "flux-system" namespace\n'),
        (0, "", "✗ ImagePolicy object 'x' not found in \"flux-system\" namespace\n"),
        (0, "", "✗ no ImagePolicy objects found in any namespace\n"),
        (0, "", '✗ no image objects found in "flux-system" namespace\n'),
    ]


def test_only_the_namespace_asked_for_is_listed() -> None:
    ports = stored("ImageRepository", "here", {}, "apps")
    add(ports, "ImageRepository", "there", {}, "other")
    assert command("get", "images", "repository", "-n", "apps", "--no-header", ports=ports).out.split()[0] == "here"
    assert command("-n", "other", "get", "images", "repository", "--no-header", ports=ports).out.split()[0] == "there"


def test_a_status_selector_keeps_what_matches_in_any_case() -> None:
    ports = policy()
    add(ports, "ImagePolicy", "waiting", {"conditions": [READY | {"status": "False"}]})
    out = command("get", "images", "policy", "--no-header", "--status-selector", "ready=false", ports=ports).out
    bad = command("get", "images", "policy", "--status-selector", "ready", ports=ports)
    assert out.split("\t")[0].strip() == "waiting"
    assert bad.code == 1


def test_one_object_as_yaml_has_spec_and_status() -> None:
    shown = yaml.safe_load(command("get", "images", "policy", "podinfo-semver", "-o", "yaml", ports=policy()).out)
    assert shown["kind"] == "ImagePolicy"
    assert shown["status"]["latestRef"]["tag"] == "5.0.3"


def test_several_objects_as_json_are_a_list() -> None:
    shown = json.loads(command("get", "images", "all", "-o", "json", ports=policy()).out)
    assert shown["kind"] == "List"
    assert [one["metadata"]["name"] for one in shown["items"]] == ["podinfo-semver"]


def test_before_the_first_reconcile_the_status_is_the_default_of_the_crd() -> None:
    out = command("get", "images", "repository", "a", "-o", "json", ports=stored("ImageRepository", "a", {})).out
    assert json.loads(out)["status"] == {"observedGeneration": -1}


def test_git_repositories_show_where_they_are() -> None:
    ports = stored("GitRepository", "apps", {}, url="https://git.example/a.git")
    assert command("get", "sources", "git", ports=ports).out == (
        "NAME\tURL                      \tSUSPENDED\napps\thttps://git.example/a.git\tFalse    \t\n"
    )


def test_an_automation_shows_why_it_does_not_push_yet_while_it_waits() -> None:
    ports = stored("ImageUpdateAutomation", "app", {"conditions": [READY | {"message": "repository up-to-date"}]})
    key = NamespacedName("flux-system", "app")
    reason = "until nothing new has been selected for 900s"
    ports.selections.waits[key] = Waiting(since=NOW, until=NOW + timedelta(minutes=5), reason=reason)
    out = command("get", "images", "update", ports=ports).out
    assert "WAITS" in out
    assert f"{reason} (" in out
    ports.selections.waits[key] = Waiting(since=NOW, until=NOW - timedelta(minutes=5), reason=reason)
    assert "WAITS" not in command("get", "images", "update", ports=ports).out


def labelled() -> MemoryPorts:
    ports = MemoryPorts()
    for name, labels in (("one", {"app": "web"}), ("two", {"app": "api"}), ("three", {})):
        metadata = {"name": name, "namespace": "flux-system", "labels": labels}
        ports.objects.put({"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": metadata})
    return ports


@pytest.mark.parametrize("flag", ["-l", "--label-selector", "--selector"])
def test_a_label_selector_keeps_what_it_selects(flag: str) -> None:
    out = command("get", "images", "policy", flag, "app,app!=api", "-o", "name", ports=labelled()).out
    assert out == "imagepolicy.image.toolkit.fluxcd.io/one\n"


def test_names_of_every_kind_are_listed_for_other_commands() -> None:
    ports = labelled()
    add(ports, "Receiver", "hook", {})
    assert command("get", "all", "-o", "name", ports=ports).out.splitlines() == [
        "imagepolicy.image.toolkit.fluxcd.io/one",
        "imagepolicy.image.toolkit.fluxcd.io/three",
        "imagepolicy.image.toolkit.fluxcd.io/two",
        "receiver.notification.toolkit.fluxcd.io/hook",
    ]


def test_get_all_has_a_table_for_every_kind_there_is_and_says_when_there_is_none() -> None:
    ports = labelled()
    add(ports, "GitRepository", "apps", {}, url="https://git.example/a.git")
    out = command("get", "all", "--no-header", ports=ports).out
    assert [line.split()[0] for line in out.splitlines() if line] == [
        "imagepolicy/one",
        "imagepolicy/three",
        "imagepolicy/two",
        "gitrepository/apps",
    ]
    assert command("get", "all", ports=MemoryPorts()).err == '✗ no objects found in "flux-system" namespace\n'


def test_a_watch_prints_what_changes_and_nothing_else() -> None:
    ports = policy()
    add(ports, "ImagePolicy", "still", {})
    still = NamespacedName("flux-system", "still")
    ports.clock.turns = [
        lambda: None,
        lambda: put_status(ports.objects, "ImagePolicy", still, {"conditions": [READY]}),
        lambda: add(ports, "ImagePolicy", "new", {}),
        interrupt,
    ]
    done = command("get", "images", "policy", "--watch", ports=ports)
    assert done.code == 130
    assert [line.split()[0] for line in done.out.splitlines()] == ["NAME", "podinfo-semver", "still", "still", "new"]


def test_an_automation_with_a_branch_for_each_policy_shows_all_its_requests() -> None:
    opened = {"number": "7", "url": "https://git.example/pull/7", "state": "open", "checks": "failed"}
    merged = {"number": "8", "url": "https://git.example/pull/8", "state": "merged"}
    branches = [{"branch": "a", "pullRequest": opened}, {"branch": "b", "pullRequest": merged}]
    ports = stored("ImageUpdateAutomation", "app", {"conditions": [READY], "pushBranches": branches})
    shown = "a: #7 open, checks failed https://git.example/pull/7; b: #8 merged https://git.example/pull/8"
    out = command("get", "images", "update", ports=ports).out
    assert shown in out
    assert "PUSH BRANCHES" not in out


def test_an_automation_shows_the_branches_of_its_template_that_have_no_request() -> None:
    opened = {"number": "7", "url": "https://git.example/pull/7", "state": "open"}
    branches = [{"branch": "images/a"}, {"branch": "images/b", "pullRequest": opened}, {"branch": "images/c"}]
    ports = stored("ImageUpdateAutomation", "app", {"conditions": [READY], "pushBranches": branches})
    head, row = command("get", "images", "update", ports=ports).out.splitlines()
    assert row[head.index("PUSH BRANCHES") :].strip() == "images/a, images/c"


def test_an_automation_shows_its_pull_request_once_it_has_one() -> None:
    request = {"number": "7", "url": "https://git.example/pull/7", "state": "open", "checks": "pending"}
    ports = stored("ImageUpdateAutomation", "app", {"conditions": [READY], "pullRequest": {"settings": "1"}})
    assert "PULL REQUEST" not in command("get", "images", "update", ports=ports).out
    ports = stored("ImageUpdateAutomation", "app", {"conditions": [READY], "pullRequest": request})
    out = command("get", "images", "update", ports=ports).out
    assert "PULL REQUEST" in out
    assert "#7 open, checks pending https://git.example/pull/7" in out
    closed = request | {"state": "closed", "closedBy": "a person"}
    ports = stored("ImageUpdateAutomation", "app", {"conditions": [READY], "pullRequest": closed})
    assert "#7 closed by a person https://git.example/pull/7" in command("get", "images", "update", ports=ports).out
