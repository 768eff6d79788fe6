"""A request links to the commits between two images, which it asks the registry for once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tagstream.domain.objects.image_name import parse_repository_image
from tagstream.domain.objects.model import Digest, NamespacedName
from tagstream.domain.update.image_labels import REVISION, SOURCE
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import RegistryAccess
from tests.contract.reconcile.update.hosted import Hosted, automation_document, hosted
from tests.contract.reconciling import Silent, document
from tests.embedded.git_server import commit_files
from tests.embedded.hanging import hanging
from tests.embedded.registry import Registry, digest_of

REPOSITORY = "https://github.com/acme/app"
OLD, NEW = "a" * 40, "b" * 40
INDEX = "application/vnd.oci.image.index.v1+json"


def push_labelled(registry: Registry, tag: str, revision: str, source: str = REPOSITORY) -> Digest:
    """An image whose configuration says where it comes from."""
    config = json.dumps({"config": {"Labels": {SOURCE: source, REVISION: revision}}, "tag": tag}).encode()
    registry.blobs[digest_of(config)] = config
    return Digest(registry.add_tags("app", [tag], json.dumps({"config": {"digest": digest_of(config)}}).encode()))


@pytest.fixture
def stack(ports: Ports, silent: Silent, registry: Registry, tmp_path: Path) -> Iterator[Hosted]:
    """A policy whose image is in the registry; both its old and its new image have labels."""
    with hosted(ports, silent, tmp_path, "github") as made:
        ports.objects.put(document("ImageRepository", image=f"{registry.address}/app", interval="1m"))
        policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
        ports.objects.put(policy)
        push_labelled(registry, "v1.0.0", OLD)
        push_labelled(registry, "v1.1.0", NEW)
        registry.requests.clear()
        yield made


def test_the_new_value_links_to_the_commits_of_the_source_between_the_images(stack: Hosted) -> None:
    stack.run()
    assert f"| `v1.0.0` | [`v1.1.0`]({REPOSITORY}/compare/{OLD}...{NEW}) |" in stack.host.requests[0].body


def test_the_registry_is_asked_once_for_each_image(stack: Hosted, registry: Registry) -> None:
    stack.run()
    asked = [path for _, path in registry.requests if "/manifests/sha256" in path]
    assert len(asked) == 2
    commit_files(stack.bare, {"README": b"other"}, "elsewhere")
    stack.run()
    stack.run()
    assert [path for _, path in registry.requests if "/manifests/sha256" in path] == asked


def test_without_a_request_nobody_asks_the_registry(stack: Hosted, registry: Registry) -> None:
    stack.annotate(pull_request=None)
    stack.run()
    assert registry.requests == []


def test_another_tenant_s_repository_gives_no_link_once_the_switch_is_on(stack: Hosted, registry: Registry) -> None:
    foreign = document("ImageRepository", image=f"{registry.address}/app", interval="1m")
    stack.ports.objects.put({**foreign, "metadata": {"name": "app", "namespace": "theirs"}})
    reference = {"name": "app", "namespace": "theirs"}
    stack.ports.objects.put(document("ImagePolicy", imageRepositoryRef=reference, policy={"semver": {"range": "x"}}))
    stack.ports = replace(stack.ports, no_cross_namespace_refs=True)
    stack.run()
    assert "| `v1.0.0` | `v1.1.0` |" in stack.host.requests[0].body
    assert registry.requests == []


def test_images_that_do_not_say_where_they_come_from_have_no_such_link(stack: Hosted, registry: Registry) -> None:
    push_labelled(registry, "v1.0.0", "main")
    stack.run()
    assert "| `v1.0.0` | `v1.1.0` |" in stack.host.requests[0].body
    assert stack.ready == "Succeeded: repository up-to-date"


def test_a_registry_that_fails_stops_no_request_and_takes_no_link_away(stack: Hosted, registry: Registry) -> None:
    stack.run()
    body = stack.host.requests[0].body
    registry.repositories["app"].manifests.clear()
    commit_files(stack.bare, {"README": b"other"}, "elsewhere")
    stack.run(after_s=2 * 86_400)
    assert stack.host.requests[0].body == body
    stack.select("v1.2.0")
    stack.run()
    assert "| `v1.0.0` | `v1.2.0` |" in stack.host.requests[0].body


def test_a_registry_that_hangs_is_waited_for_once_and_its_neighbour_is_asked(
    stack: Hosted, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.reconcile.update.requests.source_ranges.LONGEST_S", 0.5)
    stack.ports.objects.put(automation_document("images/{{ .Policy }}"))
    with hanging() as hung:
        for name in ("a1", "a2"):
            repository = document("ImageRepository", image=f"{hung.address}/{name}", interval="1m")
            policy = document("ImagePolicy", imageRepositoryRef={"name": name}, policy={"semver": {"range": "x"}})
            repository["metadata"]["name"] = policy["metadata"]["name"] = name
            stack.ports.objects.put(repository)
            stack.ports.objects.put(policy)
            marked = f'image: app:v1.0.0 # {{"$imagepolicy": "ns:{name}"}}\n'
            commit_files(stack.bare, {f"{name}.yaml": marked.encode()}, name)
            stack.select("v1.1.0", name)
        stack.run()
        assert len(hung.taken) == 1
        bodies = {one.head: one.body for one in stack.host.requests}
        assert set(bodies) == {"images/a1", "images/a2", "images/app"}
        assert f"/compare/{OLD}...{NEW}" in bodies["images/app"]
    found = NamespacedName("ns", "a1")
    assert stack.ports.tags.image_fact(found, Digest("tag:v1.1.0"), "source") is None


def test_the_annotations_of_an_index_come_before_the_labels_of_its_image(ports: Ports, registry: Registry) -> None:
    image = push_labelled(registry, "v1.0.0", OLD)
    index = {"mediaType": INDEX, "manifests": [{"digest": image}], "annotations": {REVISION: NEW}}
    digest = Digest(registry.add_tags("app", ["v2"], json.dumps(index).encode()))
    access, name = RegistryAccess(insecure=True), parse_repository_image(f"{registry.address}/app")
    found = ports.registry.labels(name, digest, access, ports.clock.monotonic_s() + 10)
    assert found == {SOURCE: REPOSITORY, REVISION: NEW}
