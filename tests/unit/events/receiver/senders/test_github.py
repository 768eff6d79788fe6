"""GitHub."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from tests.unit.webhook_builder import DIGEST, Case, signed

GITHUB = Case(kind="github")


def body(
    event: str = "package", action: str = "published", kind: str = "CONTAINER", tag: str = "1"
) -> dict[str, object]:
    version = {"container_metadata": {"tag": {"name": tag, "digest": DIGEST}}}
    package = {"name": "Charts/App", "package_type": kind, "owner": {"login": "Team"}, "package_version": version}
    return {"action": action, event: package, "repository": {"full_name": "Team/source"}}


def headers(given: object, event: str = "package") -> dict[str, str]:
    return {
        "x-github-event": event,
        "x-github-delivery": "40731f00-2623-11ec",
        "x-hub-signature-256": "sha256=" + signed(given),
        "content-type": "application/json",
    }


@pytest.mark.parametrize("event", ["package", "registry_package"])
@pytest.mark.parametrize("action", ["published", "updated"])
def test_a_container_package_is_hinted_at_in_lower_case(event: str, action: str) -> None:
    given = body(event, action)
    assert GITHUB.images(given, headers(given, event)) == [f"push ghcr.io/team/charts/app:1@{DIGEST}"]


@pytest.mark.parametrize(
    ("given", "remark"),
    [
        (body(action="deleted"), "irrelevant"),
        (body(kind="npm"), "irrelevant"),
        (body(tag=""), "untagged"),
        ({}, "irrelevant"),
    ],
)
def test_other_packages_are_quiet(given: object, remark: str) -> None:
    delivery = GITHUB.send(given, headers(given))
    assert delivery.hints == ()
    assert delivery.all_resources is False
    assert delivery.remark == remark


def test_a_ping_is_quiet_even_when_only_other_events_are_wanted() -> None:
    case = Case(kind="github", events=("package",))
    assert case.send({}, headers({}, "ping")).remark == "ping"


@pytest.mark.parametrize(
    ("wanted", "everything", "remark"),
    [((), True, ""), (("PUSH",), True, ""), (("package",), False, "event")],
)
def test_an_event_without_image_asks_for_all_resources_when_wanted(
    wanted: tuple[str, ...], everything: bool, remark: str
) -> None:
    delivery = Case(kind="github", events=wanted).send({}, headers({}, "push"))
    assert delivery.all_resources == everything
    assert delivery.remark == remark
    assert delivery.action == "push"


def test_the_delivery_header_is_the_delivery_id() -> None:
    given = body()
    assert GITHUB.send(given, headers(given)).delivery_id == "40731f00-2623-11ec"


def test_a_form_body_is_verified_raw_and_read() -> None:
    form = urlencode({"payload": json.dumps(body())}).encode()
    given = headers(form) | {"content-type": "application/x-www-form-urlencoded"}
    assert GITHUB.images(form, given) == [f"push ghcr.io/team/charts/app:1@{DIGEST}"]


@pytest.mark.parametrize("form", [b"", b"payload=%7B", b"payload", b"\xff", b"&".join([b"a=1"] * 50)])
def test_a_form_without_json_is_quiet(form: bytes) -> None:
    given = headers(form) | {"content-type": "application/x-www-form-urlencoded"}
    assert GITHUB.send(form, given).remark == "malformed"


def test_an_old_servers_sha1_signature_is_accepted_alone() -> None:
    given = {"x-github-event": "push", "x-hub-signature": "sha1=" + signed({}, "sha1")}
    assert GITHUB.send({}, given).all_resources


def test_a_right_sha1_does_not_make_good_a_wrong_sha256() -> None:
    given = {"x-hub-signature": "sha1=" + signed({}, "sha1"), "x-hub-signature-256": "sha256=" + "0" * 64}
    assert GITHUB.refusal({}, given) == (404, "signature")


@pytest.mark.parametrize("value", ["", "sha256", "sha256=", "md5=" + "0" * 32, signed({}), "sha1=" + signed({})])
def test_a_delivery_without_a_right_signature_is_refused(value: str) -> None:
    assert GITHUB.refusal({}, {"x-hub-signature-256": value}) == (404, "signature")


@pytest.mark.parametrize(
    ("url", "image"),
    [
        ("containers.ghe.example.com/team/app:1.0", "containers.ghe.example.com/team/app"),
        ("https://containers.ghe.example.com/Team/App:1.0", "containers.ghe.example.com/team/app"),
        ("ghcr.io/team/charts/app:", "ghcr.io/team/charts/app"),
        ("", "ghcr.io/team/charts/app"),
        ("team/app:1.0", "ghcr.io/team/charts/app"),
    ],
)
def test_a_package_of_an_enterprise_host_is_on_the_host_of_its_url(url: str, image: str) -> None:
    version = {"package_url": url, "container_metadata": {"tag": {"name": "1.0"}}}
    package = {
        "name": "charts/app",
        "package_type": "CONTAINER",
        "owner": {"login": "Team"},
        "package_version": version,
    }
    given = {"action": "published", "package": package}
    assert GITHUB.images(given, headers(given)) == [f"push {image}:1.0"]


@pytest.mark.parametrize("media", ["text/plain", "application/json; x", "a/b/c"])
def test_a_signed_delivery_of_another_media_type_is_accepted(media: str) -> None:
    assert GITHUB.images(body(), headers(body()) | {"content-type": media}) == [
        f"push ghcr.io/team/charts/app:1@{DIGEST}"
    ]
