"""A fault outside of tagstream shows as a condition that names it, and the last good state is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.registry import Registry, running_registry
from tests.embedded.system import CommandFailed, System, documents

NAMESPACE = "bad-input"


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """A registry whose answers a test can change."""
    with running_registry() as running:
        running.add_tags("team/app", ["v1.0.0", "v1.1.0"])
        yield running


@pytest.fixture(scope="module")
def system(stack: EmbeddedStack, registry: Registry) -> System:
    """The deployed stack and its command line."""
    return System(stack=stack, registry=registry.address)


def image_object(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def automation(name: str, source: str, **commit: str) -> dict[str, Any]:
    git = {"commit": {"author": {"email": "bot@example.com"}, **commit}, "checkout": {"ref": {"branch": "main"}}}
    reference = {"kind": "GitRepository", "name": source}
    return image_object("ImageUpdateAutomation", name, interval="5m", sourceRef=reference, git=git)


def git_repository(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    body = {"interval": "1m", "url": "http://127.0.0.1:9/nowhere.git", **spec}
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata, "spec": body}


def ready(system: System, kind: str, name: str) -> dict[str, str]:
    """Return the Ready condition of an object; empty before its first reconcile."""
    found = {one["metadata"]["name"]: one for one in system.objects(kind, NAMESPACE)}
    conditions = found[name].get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == "Ready"), {})


def applied(system: System, kind: str, name: str, *objects: dict[str, Any]) -> dict[str, str]:
    """Apply objects, wait until one of them was reconciled, and return its Ready condition."""
    system.cli("apply", "-f", "-", stdin=documents(*objects))
    found: dict[str, str] = system.stack.wait_for(f"a condition of {name}", lambda: ready(system, kind, name))
    return found


def test_an_unknown_repository_is_a_failing_scan_in_the_registrys_words(system: System, registry: Registry) -> None:
    unknown = image_object("ImageRepository", "unknown", image=f"{registry.address}/no/such", interval="5m")
    found = applied(system, "repository", "unknown", unknown)
    assert (found["status"], found["reason"], "NAME_UNKNOWN" in found["message"]) == (
        "False",
        "ReadOperationFailed",
        True,
    )


def test_an_unreachable_git_server_is_named(system: System) -> None:
    found = applied(system, "update", "far", git_repository("far"), automation("far", "far"))
    assert found["reason"] == "GitOperationFailed"
    assert "unable to reach 'http://127.0.0.1:9/nowhere.git'" in found["message"]


def test_a_missing_git_secret_is_named(system: System) -> None:
    objects = (git_repository("locked", secretRef={"name": "nope"}), automation("locked", "locked"))
    found = applied(system, "update", "locked", *objects)
    assert (found["reason"], found["message"]) == (
        "SourceManagerFailed",
        f"failed configuring source manager: failed to get auth secret '{NAMESPACE}/nope': secrets \"nope\" not found",
    )


def test_a_missing_git_repository_is_named(system: System) -> None:
    found = applied(system, "update", "lost", automation("lost", "nowhere"))
    assert found["reason"] == "SourceManagerFailed"
    assert "referenced git repository does not exist" in found["message"]


def test_an_empty_answer_never_replaces_known_tags(system: System, registry: Registry) -> None:
    repository = image_object("ImageRepository", "app", image=f"{registry.address}/team/app", interval="5m")
    policy = image_object("ImagePolicy", "app", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    system.cli("apply", "-f", "-", stdin=documents(repository, policy))
    system.stack.wait_for("the selection", lambda: ready(system, "policy", "app").get("status") == "True")
    registry.repositories["team/app"].tags.clear()
    registry.repositories["team/app"].forget_order()
    body = {"repositories": [f"{NAMESPACE}/app"], "reason": "interval", "cause": "schedule"}
    record = {"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(body)}
    assert system.stack.invoke("scan", {"Records": [record]}) == {"batchItemFailures": []}
    assert "lists no tags where 2 are known" in ready(system, "repository", "app")["message"]
    assert "resolved to v1.1.0" in ready(system, "policy", "app")["message"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"kind: [", "stdin"),
        (
            documents(
                image_object("ImagePolicy", "p", imageRepositoryRef={"name": "r"}, policy={"semver": {"range": "x.y"}})
            ),
            'improper constraint: "x.y"',
        ),
        (
            documents(image_object("ImageRepository", "r", image="https://example.com/a", interval="5m")),
            "should not include URL scheme",
        ),
        (documents(image_object("ImageRepository", "r", image="a/b", interval="5 minutes")), "5 minutes"),
        (documents(git_repository("g", url="git@example.com:a/b")), "git@example.com:a/b"),
        (documents(automation("t", "g", messageTemplate="{{ .Foo")), "unclosed action"),
    ],
    ids=["yaml", "range", "image", "interval", "url", "template"],
)
def test_what_cannot_be_meant_is_refused_with_its_value_and_nothing_is_stored(
    system: System, source: bytes, words: str
) -> None:
    before = kept(system)
    with pytest.raises(CommandFailed, match=r"(?s)tagstream apply") as caught:
        system.cli("apply", "-f", "-", stdin=source)
    assert words in str(caught.value)
    assert kept(system) == before


def kept(system: System) -> list[dict[str, Any]]:
    """Return what people have stored. What functions write for the objects of other tests is left out."""
    items = system.stack.table_items()
    return sorted((one for one in items if one["pk"]["S"].startswith(("object#", "hook#", "image#"))), key=str)


def test_an_unreadable_scan_request_is_given_back_to_the_queue(system: System) -> None:
    record = {"eventSource": "aws:sqs", "messageId": "m-1", "body": "not a request"}
    answer = system.stack.invoke("scan", {"Records": [record]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


def test_what_control_cannot_mean_is_refused_with_annotation_and_value(system: System) -> None:
    def noted(found: dict[str, Any], **annotations: str) -> dict[str, Any]:
        notes = {f"tagstream.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
        return {**found, "metadata": {**found["metadata"], "annotations": notes}}

    policies = [
        image_object("ImagePolicy", f"p{number}", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
        for number in range(2)
    ]
    private = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": NAMESPACE}}
    objects = (
        noted(automation("a0", "far"), window="Mon-Fri 09:00-17:00 Europe/Atlantis"),
        noted(automation("a1", "far"), window="Mon to Fri"),
        noted(automation("a2", "far"), push_branch_template="images/{{ .Tag }}"),
        noted(policies[0], minimum_age="3 days"),
        noted(policies[1], verify="cosign", verify_secret="keys"),
        {**private, "stringData": {"cosign.pub": "no key"}},
    )
    with pytest.raises(CommandFailed) as refused:
        system.cli("apply", "-f", "-", stdin=documents(*objects))
    for words in ("Europe/Atlantis", "Mon to Fri", "can't evaluate field Tag", "3 days", "cosign.pub"):
        assert words in str(refused.value)
