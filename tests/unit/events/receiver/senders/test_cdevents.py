"""CDEvents."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import DIGEST, Case

PUBLISHED = "dev.cdevents.artifact.published.0.2.0"
PURL = f"pkg:oci/app@{DIGEST.replace(':', '%3A')}?repository_url=ghcr.io/team/app&tag=1"


def body(purl: object = PURL, word: str = PUBLISHED) -> dict[str, object]:
    return {"context": {"id": "271069a8", "type": word}, "subject": {"id": purl}}


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        (body(), {"ce-type": PUBLISHED, "ce-id": "271069a8"}),
        (body(), {}),
        ({"specversion": "1.0", "type": PUBLISHED, "data": body()}, {}),
    ],
)
def test_a_published_artifact_is_hinted_at_in_binary_and_structured_mode(
    given: object, headers: dict[str, str]
) -> None:
    case = Case(kind="cdevents", events=(PUBLISHED.upper(),))
    assert case.images(given, headers) == [f"push ghcr.io/team/app:1@{DIGEST}"]
    assert case.send(given, headers).delivery_id == "271069a8"


@pytest.mark.parametrize(
    ("purl", "remark"),
    [
        (PURL.replace("&tag=1", ""), "untagged"),
        ("pkg:oci/app@sha256%3Aab", "untagged"),
        ("pkg:npm/app@1", "irrelevant"),
        ("pkg:oci/app?" + "&".join(["a=1"] * 50), "irrelevant"),
        (None, "irrelevant"),
    ],
)
def test_a_subject_without_a_tagged_image_is_quiet(purl: object, remark: str) -> None:
    delivery = Case(kind="cdevents").send(body(purl))
    assert delivery.hints == ()
    assert delivery.remark == remark


@pytest.mark.parametrize(
    ("wanted", "everything", "remark"),
    [((), False, "irrelevant"), (("dev.cdevents.change.merged.0.1.2",), True, ""), ((PUBLISHED,), False, "event")],
)
def test_another_event_asks_for_all_resources_only_when_listed(
    wanted: tuple[str, ...], everything: bool, remark: str
) -> None:
    headers = {"ce-type": "dev.cdevents.change.merged.0.1.2"}
    delivery = Case(kind="cdevents", events=wanted).send({}, headers)
    assert delivery.all_resources == everything
    assert delivery.remark == remark
