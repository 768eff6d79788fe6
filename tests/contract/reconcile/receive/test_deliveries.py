"""Deliveries against a real table: what they ask for, what is kept of them, and what a flood may cost."""

from __future__ import annotations

import hmac
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest

from tagstream.adapters.aws.queue import message_body
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.objects import StoredObject
from tagstream.ports.queue import QueuedSync
from tagstream.reconcile import handlers
from tagstream.reconcile.receive.paths import publish_receiver
from tagstream.reconcile.receive.scan_windows import WINDOW_S
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconciling import APP, document, emptied
from tests.contract.webhook_front import HOOK, IMAGE, TOKEN, Front
from tests.house.source_files import ROOT
from tests.house.template_file import of_type

FORGED = "refused: signature: X-Signature is not the digest of this body with the secret's token"
SIGNED_TIME = {"tagstream.dev/signature-max-age-seconds": "300"}


@pytest.fixture
def front(table: Table) -> Front:
    return Front(table)


def test_a_delivery_is_shown_with_its_receiver_and_its_repository(front: Front) -> None:
    assert front.post(1)["statusCode"] in (200, 202)
    assert (front.last("Receiver", HOOK), front.last("ImageRepository", APP)) == (
        ("generic-hmac", "asked for 1 scan"),
        ("generic-hmac", "asked for a scan"),
    )


def test_a_delivery_for_nobody_is_shown_with_its_receiver_alone(front: Front) -> None:
    front.ports.objects.delete("ImageRepository", APP)
    front.post(1)
    assert (front.last("Receiver", HOOK), front.last("ImageRepository", APP), front.silent.sent) == (
        ("generic-hmac", "no ImageRepository is meant"),
        ("", ""),
        [],
    )


def test_a_forged_delivery_is_shown_with_its_cause_and_starts_nothing(front: Front) -> None:
    front.post(1, token=b"guessed")
    assert (front.last("Receiver", HOOK), front.silent.sent) == (("generic-hmac", FORGED), [])


def test_an_unknown_path_and_a_wrong_signature_are_answered_alike(front: Front) -> None:
    assert front.post(1, token=b"guessed") == front.post(1, path="/hook/" + "0" * 64)


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/hook/" + "a" * 3000, "/hook/\ud800"])
def test_a_path_that_no_receiver_could_have_is_refused_without_the_table(front: Front, table: Table, path: str) -> None:
    calls: list[str] = []
    table.client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    assert (front.post(1, path=path)["statusCode"], front.silent.lines, calls) == (404, ["delivery refused"], [])


def test_a_flood_of_forged_deliveries_writes_once_in_a_while(front: Front, table: Table) -> None:
    calls: list[str] = []
    table.client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    for number in range(20):
        front.post(number, token=b"guessed")
    writes = [call for call in calls if call != "GetItem"]
    calls.clear()
    for number in range(20):
        front.post(number, path="/hook/" + f"{number:064x}")
    # When a refusal was noted, the last delivery, and the event.
    assert writes == ["PutItem"] * 3
    assert set(calls) == {"GetItem"}
    assert front.silent.lines == ["delivery refused"] * 40


def test_of_a_burst_every_delivery_knows_the_scans_that_may_cover_it(front: Front) -> None:
    for number in range(5):
        front.post(number)
    first, later = (one.cause for one in front.silent.sent)
    joined = [set((one.facts or {})["joined"]) for one in front.told()]  # type: ignore[call-overload]
    assert joined == [set(), {first}, {first, later}, {first, later}, {first, later}]


def test_a_delivery_that_asks_for_nothing_is_an_event_too(front: Front) -> None:
    front.receive("dockerhub")
    body = json.dumps({"repository": {"repo_name": "team/app"}, "push_data": {}}).encode()
    assert front.send(body, {"content-type": "application/json"})["statusCode"] == 200
    assert [(one.severity, one.reason, one.message, one.cause != "") for one in front.told()] == [
        ("info", "DeliveryAccepted", "dockerhub delivery: nothing to scan: untagged", True)
    ]


def test_refused_deliveries_are_one_event_in_a_while(front: Front) -> None:
    for number in range(5):
        front.post(number, token=b"guessed")
    assert [(one.severity, one.reason, one.message, one.cause) for one in front.told()] == [
        ("error", "DeliveryRefused", f"generic-hmac delivery {FORGED}", "")
    ]


def test_a_refusal_among_genuine_deliveries_is_told_too(front: Front) -> None:
    for number, token in enumerate((TOKEN, b"guessed", TOKEN)):
        front.post(number, token=token)
    reasons = [one.reason for one in front.told()]
    assert reasons == ["DeliveryAccepted", "DeliveryRefused", "DeliveryAccepted"]


def test_the_same_body_again_is_a_push_again(table: Table) -> None:
    front = Front(table, "quay")
    latest = {"docker_url": IMAGE, "updated_tags": ["latest"]}
    assert [front.send(latest)["statusCode"] for _ in range(2)] == [200, 200]
    assert front.asked() == [("app", ("latest",))] * 2


def test_a_delivery_with_an_id_is_acted_on_once(table: Table) -> None:
    front = Front(table, "generic")
    for identity in ("build-1", "build-1", "build-2"):
        front.send({}, {"x-delivery-id": identity})
    assert [one.cause for one in front.silent.sent] == ["build-1", "build-2"]


def test_the_repetition_of_a_delivery_that_failed_midway_is_acted_on(table: Table) -> None:
    front = Front(table, "generic")
    front.silent.broken = True
    failed = front.send({}, {"x-delivery-id": "build-1"})["statusCode"]
    front.silent.broken = False
    again = front.send({}, {"x-delivery-id": "build-1"})["statusCode"]
    assert (failed, again, [one.cause for one in front.silent.sent]) == (503, 200, ["build-1"])


def test_the_scan_that_covers_a_burst_starts_after_the_last_push_it_covers(front: Front) -> None:
    for number in range(3):
        front.post(number)
    at_once, at_the_end = front.silent.sent
    assert at_once.delay_s == 0.0 and at_the_end.delay_s > WINDOW_S


@pytest.mark.parametrize("image", [IMAGE, "registry.example.com/repository/docker/team/app", "other.example/team/app"])
def test_a_sender_that_names_no_host_means_every_image_of_that_path(table: Table, image: str) -> None:
    front = Front(table, "nexus")
    front.watch("app", image)
    front.watch("bystander", "registry.example.com/team/app-b")
    body = json.dumps({"action": "CREATED", "component": {"format": "docker", "name": "team/app", "version": "1"}})
    front.send(body.encode(), {"x-nexus-webhook-signature": hmac.new(TOKEN, body.encode(), "sha1").hexdigest()})
    assert front.asked() == [("app", ("1",))]


def test_each_repository_of_a_delivery_waits_for_its_own_tags(table: Table) -> None:
    front = Front(table, "harbor")
    front.watch("web", "registry.example.com/team/web")
    images = [f"{IMAGE}:v1", f"{IMAGE}:v2", "registry.example.com/team/web:v9", "registry.example.com/team/other:v1"]
    resources = [{"resource_url": image, "tag": image.rpartition(":")[2]} for image in images]
    body = {"type": "PUSH_ARTIFACT", "event_data": {"resources": resources}}
    front.send(body, {"authorization": TOKEN.decode()})
    assert front.asked() == [("app", ("v1", "v2")), ("web", ("v9",))]


def test_an_internal_host_name_of_any_shape_is_replaced_by_the_registry_annotation(table: Table) -> None:
    annotations = {"tagstream.dev/sender": "distribution", "tagstream.dev/registry": "registry.example.com"}
    front = Front(table, "generic", annotations)
    target = {"repository": "team/app", "tag": "v1"}
    for host in ("internal~registry:5000", ""):
        event = {"id": f"e-{host}", "action": "push", "target": target, "request": {"host": host}}
        front.send({"events": [event]}, {"authorization": TOKEN.decode()})
    assert front.asked() == [("app", ("v1",))] * 2


def test_a_signed_delivery_is_refused_when_it_comes_again_under_another_name(table: Table) -> None:
    front = Front(table, annotations=SIGNED_TIME)
    proof = front.sign("a")
    answers = [front.send(b"{}", proof | {"x-delivery-id": name})["statusCode"] for name in ("a", "a", "b")]
    assert (answers, len(front.silent.sent), front.last("Receiver", HOOK)) == (
        [200, 404, 404],
        1,
        ("generic-hmac", "refused: replay: the same signature was accepted before"),
    )
    assert front.silent.lines.count("delivery refused") == 2


@pytest.mark.parametrize("ending", ["killed before", "killed after", "failed"])
def test_the_repetition_of_a_delivery_is_acted_on_and_told_wherever_the_first_ended(table: Table, ending: str) -> None:
    lives = Front(table, annotations=SIGNED_TIME)
    lives.send(b"{}", lives.sign("whole"))
    outcomes: dict[str, tuple[object, ...]] = {}
    for at, call in enumerate(lives.life.calls, start=1):
        emptied(table)
        front = Front(table, annotations=SIGNED_TIME)
        error = None if ending.startswith("killed") else RetryableError("out of reach", reason="Failed")
        front.life = Life(ends_at=at, after_call=ending == "killed after", error=error)
        signed = front.sign(str(at))
        with suppress(Killed):
            assert front.send(b"{}", signed)["statusCode"] == 503
        front.life = Life()
        answer = front.send(b"{}", signed)["statusCode"]
        told = {one.cause for one in front.told() if one.reason == "DeliveryAccepted"}
        same = told == {one.cause for one in front.silent.sent}
        outcomes[f"{at} {call}"] = answer, same, len(told), front.last("ImageRepository", APP)[1]
    *_, last = outcomes
    # Only one whose every step was done is a replay.
    settled = {last: (404, True, 1, "asked for a scan")} if ending == "killed after" else {}
    assert outcomes == dict.fromkeys(outcomes, (200, True, 1, "asked for a scan")) | settled


def test_a_star_without_labels_means_all_of_its_namespace(table: Table) -> None:
    front = Front(table, "generic")
    front.watch("web", "registry.example.com/team/web")
    front.send({})
    assert [name for name, _ in front.asked()] == ["app", "web"]


def test_a_delivery_for_hundreds_of_repositories_takes_few_messages(table: Table) -> None:
    front = Front(table, "generic")
    for number in range(119):
        front.watch(f"app-{number:03}", f"registry.example.com/team/app-{number}")
    for identity in ("a", "b", "c"):
        front.send({}, {"x-delivery-id": identity})
    sent = [(one.cause, len(one.repositories)) for one in front.silent.sent]
    assert sent == [("a", 50), ("a", 50), ("a", 20), ("b", 50), ("b", 50), ("b", 20)]


def test_other_kinds_of_resources_start_nothing(table: Table) -> None:
    front = Front(table, "generic")
    stored = front.ports.objects.get("Receiver", HOOK)
    assert stored is not None
    spec = cast("dict[str, Any]", stored.document["spec"])
    listed = [{"kind": kind, "name": "app"} for kind in ("GitRepository", "ImagePolicy", "ImageUpdateAutomation")]
    front.ports.objects.put({**stored.document, "spec": {**spec, "resources": listed}})
    assert (front.send({})["statusCode"], front.asked()) == (200, [])


def test_a_filter_that_fails_selects_nothing_and_is_told(table: Table) -> None:
    front = Front(table, "generic")
    stored = front.ports.objects.get("Receiver", HOOK)
    assert stored is not None
    spec = {**cast("dict[str, Any]", stored.document["spec"]), "resourceFilter": "req.image == res.metadata.name"}
    front.ports.objects.put({**stored.document, "spec": spec})
    bodies = {"image": "other"}, {"image": "app"}, {"tag": "no image"}
    told = [(front.send(body)["statusCode"], *front.last("Receiver", HOOK)) for body in bodies]
    assert (front.asked(), told) == (
        [("app", ())],
        [
            (200, "generic", "no ImageRepository is meant"),
            (200, "generic", "asked for 1 scan"),
            (200, "generic", "no ImageRepository is meant, a filter failed"),
        ],
    )
    assert front.told()[-1].message == "generic delivery asks for ImageRepositories: none, a filter failed"


def test_a_resource_of_another_namespace_is_not_scanned_where_such_references_are_blocked(table: Table) -> None:
    front = Front(table, "generic")
    stored = front.ports.objects.get("Receiver", HOOK)
    assert stored is not None
    spec = cast("dict[str, Any]", stored.document["spec"])
    listed = [{"kind": "ImageRepository", "name": name, "namespace": "tenant"} for name in ("app", "*")]
    front.ports.objects.put({**stored.document, "spec": {**spec, "resources": listed}})
    tenant = document("ImageRepository", image=IMAGE, interval="1h")
    front.ports.objects.put({**tenant, "metadata": {"name": "app", "namespace": "tenant"}})
    front.ports = replace(front.ports, no_cross_namespace_refs=True)
    assert front.send({"image": IMAGE})["statusCode"] == 200
    blocked = front.asked(), front.last("Receiver", HOOK)
    front.ports = replace(front.ports, no_cross_namespace_refs=False)
    front.send({"image": IMAGE, "tag": "v2"})
    assert blocked == (
        [],
        ("generic", "no ImageRepository is meant, cross-namespace references are not allowed"),
    )
    assert front.asked() == [("app", ())]


def test_words_that_no_encoding_can_hold_do_not_break_a_delivery(table: Table) -> None:
    front = Front(table, "generic", {"tagstream.dev/sender": "distribution"})
    target = {"repository": "team/app", "tag": "v1", "digest": "\ud800"}
    events = [
        {"id": "\ud800", "action": action, "target": target, "request": {"host": "registry.example.com"}}
        for action in ("push", "\ud800")
    ]
    assert front.send({"events": events}, {"authorization": TOKEN.decode()})["statusCode"] == 200
    assert front.asked() == [("app", ("v1",))]


def test_a_delivery_that_cannot_be_acted_on_is_counted_and_its_repetition_is_the_first(front: Front) -> None:
    front.silent.broken = True
    broken = front.post(1)["statusCode"]
    front.silent.broken = False
    assert (broken, front.post(1)["statusCode"], len(front.silent.sent)) == (503, 200, 1)
    assert front.silent.counted == ["HookFailed receiver"]
    assert front.silent.lines == ["delivery failed", "delivery accepted"]


def test_an_ecr_event_is_shown_with_its_repository_and_is_the_cause_of_what_follows(front: Front) -> None:
    event = json.loads((ROOT / "events/ecr_push.json").read_bytes())
    detail = event["detail"]
    image = f"{event['account']}.dkr.ecr.{event['region']}.amazonaws.com/{detail['repository-name']}"
    # Suspended, so that nobody is called.
    front.ports.objects.put(document("ImageRepository", image=image, interval="1h", suspend=True))
    assert handlers.scan(event, 30_000, front.ports) == {"batchItemFailures": []}
    assert front.last("ImageRepository", APP) == ("ecr", "asked for a scan")
    assert [(one.kind, one.key, one.cause, one.facts) for one in front.told()] == [
        (
            "ImageRepository",
            APP,
            event["id"],
            {
                "sender": "ecr",
                "action": "PUSH",
                "tags": [detail["image-tag"]],
                "repositories": [str(APP)],
                "joined": [],
            },
        )
    ]


def test_the_webhook_writes_only_where_its_role_may(front: Front, table: Table) -> None:
    written: set[str] = set()

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        body = json.loads(params["body"])
        if model.name == "BatchWriteItem":
            listed = [one for requests in body["RequestItems"].values() for one in requests]
            items = [
                one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"] for one in listed
            ]
        elif model.name in ("PutItem", "UpdateItem", "DeleteItem"):
            items = [body.get("Item") or body["Key"]]
        else:
            items = []
        written.update(item["pk"]["S"].partition("#")[0] + "#*" for item in items)

    table.client.meta.events.register("before-call.dynamodb", note)
    for number in range(3):
        front.post(number)
    front.post(4, token=b"guessed")
    front.silent.broken = True
    front.post(5)
    statements = of_type("AWS::IAM::Role")["WebhookRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    (allowed,) = [one["Condition"] for one in statements if one["Sid"] == "WriteDeliveries"]
    assert written == set(allowed["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])


def test_a_delivery_of_thousands_of_tags_fits_into_the_queue_and_the_table(table: Table) -> None:
    front = Front(table, "generic", {"tagstream.dev/sender": "distribution"})
    host, _, name = IMAGE.partition("/")
    events = [
        {"action": "push", "request": {"host": host}, "target": {"repository": name, "tag": f"{at}-".ljust(128, "x")}}
        for at in range(5_000)
    ]
    assert front.send({"events": events}, {"authorization": f"Bearer {TOKEN.decode()}"})["statusCode"] == 200
    (told,) = (entry.facts or {} for entry in front.told() if entry.reason == "DeliveryAccepted")
    assert (len(told["tags"]), len(message_body(front.silent.sent[0])) < 200_000) == (500, True)  # type: ignore[arg-type]


def test_a_delivery_of_an_image_that_nobody_watches_says_what_was_delivered(table: Table) -> None:
    front = Front(table, "generic", {"tagstream.dev/sender": "distribution"})
    targets = [{"repository": f"team/{number}", "tag": "1"} for number in range(5)]
    events = [{"id": "1", "action": "push", "target": one, "request": {"host": "r.io"}} for one in targets]
    assert front.send({"events": events}, {"authorization": TOKEN.decode()})["statusCode"] == 200
    told = "no ImageRepository is meant: r.io/team/0, r.io/team/1, r.io/team/2 and 2 more delivered"
    assert front.last("Receiver", HOOK) == ("distribution", told)


def test_a_delivery_that_names_a_digest_alone_asks_for_a_scan_without_expected_tags(table: Table) -> None:
    front = Front(table, "harbor")
    digest = "sha256:" + "d" * 64
    resource = {"digest": digest, "tag": digest, "resource_url": f"{IMAGE}@{digest}"}
    body = {"type": "PUSH_ARTIFACT", "event_data": {"resources": [resource], "repository": {}}}
    for number in range(4):
        front.send({**body, "occur_at": number}, {"authorization": TOKEN.decode()})
    # One scan at once, and one at the end of the window for all others: a burst is coalesced as with tags.
    assert front.asked() == [("app", ()), ("app", ())]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "refused: signature: X-Signature is missing"),
        ({"x-signature": "md5=00"}, "refused: signature: X-Signature does not begin with sha1=, sha256= or sha512="),
        ({"x-signature": "sha256=xyz"}, "refused: signature: X-Signature is no hexadecimal digest"),
        ({"x-signature": "sha256=00"}, FORGED),
    ],
)
def test_a_refusal_says_what_was_missing_or_did_not_match(front: Front, headers: dict[str, str], told: str) -> None:
    assert front.send(b"{}", headers)["statusCode"] == 404
    assert front.last("Receiver", HOOK) == ("generic-hmac", told)


def test_a_secret_without_token_is_told_with_the_refusal(front: Front) -> None:
    front.silent.secrets[HOOK] = {"tokn": TOKEN}
    front.post(1)
    told = "refused: secret: the Receiver's secret is missing or has no token"
    assert front.last("Receiver", HOOK) == ("generic-hmac", told)


def test_the_log_of_a_delivery_has_its_id(table: Table) -> None:
    front = Front(table, "generic")
    front.send({}, {"x-delivery-id": "delivery-7"})
    assert front.silent.correlated == ["delivery-7"]


def listing(front: Front, *resources: dict[str, Any]) -> None:
    """Let the Receiver list these resources."""
    stored = front.ports.objects.get("Receiver", HOOK)
    assert stored is not None
    spec = cast("dict[str, Any]", stored.document["spec"])
    front.ports.objects.put({**stored.document, "spec": {**spec, "resources": list(resources)}})
    publish_receiver(cast("StoredObject", front.ports.objects.get("Receiver", HOOK)), front.ports)


def test_a_delivery_of_a_git_host_syncs_what_comes_from_the_listed_git_repository(front: Front) -> None:
    listing(front, {"kind": "GitRepository", "name": "fleet"})
    front.post(1)
    (sent,) = front.silent.sent
    assert isinstance(sent, QueuedSync)
    assert sent.sources == (NamespacedName("ns", "fleet"),)
    assert front.last("Receiver", HOOK) == ("generic-hmac", "asked for ns/fleet")
    assert front.told()[-1].message == "generic-hmac delivery asks for GitRepositories: ns/fleet"


def test_a_receiver_may_list_git_repositories_and_image_repositories(front: Front) -> None:
    listing(front, {"kind": "GitRepository", "name": "fleet"}, {"kind": "ImageRepository", "name": "app"})
    front.post(1)
    assert [type(one).__name__ for one in front.silent.sent] == ["QueuedSync", "QueuedScan"]


def test_a_git_repository_of_another_namespace_may_be_forbidden(front: Front) -> None:
    front.ports = replace(front.ports, no_cross_namespace_refs=True)
    listing(front, {"kind": "GitRepository", "name": "fleet", "namespace": "other"})
    front.post(1)
    assert front.silent.sent == []
