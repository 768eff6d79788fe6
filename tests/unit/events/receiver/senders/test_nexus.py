"""Sonatype Nexus."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.receiver import REGISTRY
from tagstream.errors import RefusedDelivery
from tests.unit.webhook_builder import DIGEST, Case, signed

NEXUS = Case(kind="nexus")


def headers(body: object) -> dict[str, str]:
    return {"x-nexus-webhook-signature": signed(body, "sha1"), "x-nexus-webhook-delivery": "7f4a6dde"}


def component(action: str = "CREATED", kind: str = "docker", version: object = "1") -> dict[str, object]:
    return {"action": action, "component": {"format": kind, "name": "team/app", "version": version}}


def asset(name: str, kind: str = "docker") -> dict[str, object]:
    return {"action": "UPDATED", "asset": {"format": kind, "name": name}}


@pytest.mark.parametrize(
    ("body", "images"),
    [
        (component(), ["push None/team/app:1"]),
        (component("UPDATED"), ["push None/team/app:1"]),
        (component("DELETED"), ["delete None/team/app:1"]),
        (component("OTHER"), []),
        (component(kind="maven2"), []),
        (component(version=None), []),
        (component(version=DIGEST), []),
        (asset("v2/team/app/manifests/1"), ["push None/team/app:1"]),
        (asset("/v2/team/app/manifests/1"), ["push None/team/app:1"]),
        (asset(f"v2/team/app/manifests/{DIGEST}"), []),
        (asset(f"v2/-/blobs/{DIGEST}"), []),
        (asset("v2/team/app/manifests/1", "raw"), []),
    ],
)
def test_docker_components_and_manifests_are_hinted_at_without_a_host(body: object, images: list[str]) -> None:
    assert NEXUS.images(body, headers(body)) == images
    assert NEXUS.send(body, headers(body)).delivery_id == "7f4a6dde"


def test_the_registry_annotation_gives_the_host() -> None:
    case = Case(kind="nexus", annotations={REGISTRY: "nexus.example:5000"})
    assert case.images(component(), headers(component())) == ["push nexus.example:5000/team/app:1"]


@pytest.mark.parametrize("value", ["", "0" * 40, "sha1=" + signed({}, "sha1"), signed({}, "sha256")])
def test_a_delivery_without_a_right_signature_is_refused(value: str) -> None:
    assert NEXUS.refusal({}, {"x-nexus-webhook-signature": value}) == (404, "signature")


@pytest.mark.parametrize("behind", ["0", "g", "zz"])
def test_a_signature_with_more_behind_it_is_refused(behind: str) -> None:
    given = headers(component())
    with pytest.raises(RefusedDelivery):
        NEXUS.send(component(), given | {"x-nexus-webhook-signature": given["x-nexus-webhook-signature"] + behind})
