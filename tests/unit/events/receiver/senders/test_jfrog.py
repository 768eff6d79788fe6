"""JFrog Artifactory."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.receiver import REGISTRY, REPOSITORY_PREFIX
from tests.unit.webhook_builder import DIGEST, Case, signed

JFROG = Case(kind="generic", sender="jfrog")
AUTH = {"x-jfrog-event-auth": "hook-token-123"}


def body(event: str = "pushed", domain: str = "docker", tag: str = "1") -> dict[str, object]:
    data = {"repo_key": "docker-local", "image_name": "team/app", "tag": tag, "sha256": DIGEST.removeprefix("sha256:")}
    return {"domain": domain, "event_type": event, "data": data, "jpd_origin": "https://example.jfrog.io"}


@pytest.mark.parametrize("value", ["hook-token-123", signed(body()), signed(body()).upper()])
def test_the_secret_itself_and_its_mac_are_accepted(value: str) -> None:
    assert len(JFROG.send(body(), {"x-jfrog-event-auth": value}).hints) == 1


@pytest.mark.parametrize("value", ["", "hook-token-12", signed({}), "0" * 64])
def test_another_value_is_refused(value: str) -> None:
    assert JFROG.refusal(body(), {"x-jfrog-event-auth": value}) == (404, "signature")


@pytest.mark.parametrize(
    ("annotations", "image"),
    [
        ({}, "example.jfrog.io/docker-local/team/app:1"),
        ({REPOSITORY_PREFIX: "docker-virtual"}, "example.jfrog.io/docker-virtual/team/app:1"),
        ({REPOSITORY_PREFIX: "", REGISTRY: "docker.example.com"}, "docker.example.com/team/app:1"),
    ],
)
def test_annotations_give_host_and_prefix(annotations: dict[str, str], image: str) -> None:
    case = Case(kind="generic", sender="jfrog", annotations=annotations)
    assert case.images(body(), AUTH) == [f"push {image}@{DIGEST}"]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (body("promoted"), 1),
        (body("deleted"), 1),
        (body("scanned"), 0),
        (body(domain="artifact"), 0),
        (body(tag=""), 0),
    ],
)
def test_only_docker_tags_are_hinted_at(given: object, count: int) -> None:
    assert len(JFROG.images(given, AUTH)) == count


@pytest.mark.parametrize(
    ("path", "image"),
    [
        ("foo/bar/web/1/manifest.json", "foo/bar/web"),
        ("team/web/1/list.manifest.json", "team/web"),
        ("web/1/manifest.json", "web"),
        ("foo/bar/web/1", "foo/bar/web"),
        # Anything else is no path of a tag, so that only the name's last part is known.
        ("foo/bar/web/2/manifest.json", "web"),
        ("foo/bar/web/1/sha256__abc", "web"),
        ("", "web"),
    ],
)
def test_a_nested_image_has_its_whole_path(path: str, image: str) -> None:
    data = {"repo_key": "docker-local", "path": path, "image_name": "web", "tag": "1"}
    given = {"domain": "docker", "event_type": "pushed", "data": data, "jpd_origin": "https://acme.jfrog.io"}
    assert JFROG.images(given, AUTH) == [f"push acme.jfrog.io/docker-local/{image}:1"]


def test_an_event_without_origin_names_no_host() -> None:
    data = {"repo_key": "docker-local", "path": "team/web/1/list.manifest.json", "image_name": "web", "tag": "1"}
    given = {"domain": "docker", "event_type": "pushed", "data": data}
    assert JFROG.images(given, AUTH) == ["push None/docker-local/team/web:1"]
