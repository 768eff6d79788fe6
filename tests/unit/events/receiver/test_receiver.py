"""What every sender's delivery goes through."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from tagstream.domain.objects.model import NamespacedName, ReceiverResource
from tagstream.domain.objects.receiver import REGISTRY, TYPES
from tagstream.events.receiver import ReceiverSecret, hook_path, hook_paths
from tests.unit.webhook_builder import TOKEN, Case

HUB = {"push_data": {"tag": "1.0"}, "repository": {"repo_name": "team/app"}}
ROOT = pathlib.Path(__file__).parents[4]
HEAVY = ("requests", "boto3", "dulwich", "yaml", "re2", "jwt", "cryptography", "cel_expr_python")
JSON = {"content-type": "application/json"}


def test_the_path_is_the_sha256_of_token_name_and_namespace() -> None:
    # printf tokennamenamespace | sha256sum
    assert (
        hook_path("token", "name", "namespace")
        == "/hook/033cd85fb94eef8b750b62b37d50fa65adb47b1f0ab5d6a8f9f6692e516e686a"
    )


def test_each_token_in_force_has_its_path() -> None:
    secret = ReceiverSecret(data={"token": b"new", "token-previous": b"old"})
    assert hook_paths(Case(kind="generic").receiver(), secret) == (
        hook_path("new", "hook", "apps"),
        hook_path("old", "hook", "apps"),
    )


def test_a_previous_token_that_is_still_the_present_one_is_one_path() -> None:
    # The table takes no item twice in a batch.
    same = ReceiverSecret(data={"token": b"new", "token-previous": b"new"})
    assert len(hook_paths(Case(kind="quay").receiver(), same)) == 1


def test_an_empty_secret_has_no_path_and_generic_oidc_needs_none() -> None:
    empty = ReceiverSecret(data={"token": b""})
    oidc = Case(kind="generic-oidc").receiver()
    assert hook_paths(Case(kind="generic").receiver(), empty) == ()
    assert hook_paths(oidc, empty) == (hook_path("", "hook", "apps"),)


def test_importing_the_receivers_loads_no_library_that_slows_a_cold_start() -> None:
    code = (
        "import sys, tagstream.events.function_url, tagstream.events.receiver, tagstream.events.ecr; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "[]"


def test_a_signed_delivery_loads_only_its_senders_module() -> None:
    code = (
        "import sys\n"
        "from tests.unit.webhook_builder import Case\n"
        "Case(kind='dockerhub').send({})\n"
        "senders = [name.rpartition('.')[2] for name in sys.modules if name.startswith('tagstream.events.receiver.')]\n"
        f"print(sorted(set(senders) & {{'dockerhub', 'quay', 'gcr', 'bearer', 'expression'}}),"
        f" [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "['dockerhub'] []"


@pytest.mark.parametrize(
    "kind",
    [*sorted(TYPES), "no-such-type"],
)
@pytest.mark.parametrize("token", [b"", None])
def test_an_empty_secret_never_authenticates(kind: str, token: bytes | None) -> None:
    case = Case(kind=kind, secret={} if token is None else {"token": token})
    headers = {"authorization": "", "x-gitlab-token": "", "x-hub-signature-256": "sha256=", "x-signature": "sha256="}
    assert case.refusal({}, headers)[0] == 404


def test_a_delivery_for_a_suspended_receiver_is_accepted_and_quiet() -> None:
    delivery = Case(kind="dockerhub", suspend=True).send(HUB)
    assert delivery.hints == ()
    assert delivery.all_resources is False
    assert delivery.remark == "suspended"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"NaN", b'{"a": ' + b"9" * 5000 + b"}"])
@pytest.mark.parametrize("kind", ["dockerhub", "quay", "acr", "cdevents"])
def test_a_malformed_body_of_an_authentic_sender_is_quiet(kind: str, body: bytes) -> None:
    delivery = Case(kind=kind).send(body)
    assert delivery.hints == ()
    assert delivery.all_resources is False
    assert delivery.remark == "malformed"


def test_the_registry_annotation_replaces_the_senders_host() -> None:
    case = Case(kind="dockerhub", annotations={REGISTRY: "mirror.example.com:5000"})
    assert case.images(HUB) == ["push mirror.example.com:5000/team/app:1.0"]


def test_the_first_authorization_member_of_the_secret_must_be_presented() -> None:
    case = Case(kind="quay", secret={"token": TOKEN, "authorization": b"Basic abc"})
    answers = [case.refusal({}, {"authorization": value} if value else {}) for value in ("", "Basic abd")]
    assert answers == [(404, "signature")] * 2
    assert case.send({}, {"authorization": "Basic abc"}).sender == "quay"


@pytest.mark.parametrize("filtered", ["resource_filter", "resources"])
def test_a_receiver_with_filters_keeps_the_json_body_for_them(filtered: str) -> None:
    entry = ReceiverResource(kind="ImageRepository", key=NamespacedName("apps", "app"), filter="true")
    case = Case(kind="generic", **{filtered: "true" if filtered == "resource_filter" else (entry,)})
    documents = [case.send({"a": 1}, JSON).document, case.send({"a": 1}).document, case.send([1], JSON).document]
    cloud = case.send({"a": 1}, {"content-type": "application/cloudevents+json; charset=utf-8"}).document
    assert [*documents, cloud] == [{"a": 1}, {}, {}, {"a": 1}]


def test_a_receiver_without_filters_keeps_no_body() -> None:
    assert Case(kind="generic").send({"a": 1}, JSON).document == {}


def test_a_cloudevents_handshake_is_answered_with_the_origin() -> None:
    headers = {"webhook-request-origin": "eventgrid.azure.net", "webhook-request-rate": "120"}
    answer = Case(kind="acr").send(b"", headers, method="OPTIONS").answer
    assert answer.status == 200
    assert dict(answer.headers) == {"WebHook-Allowed-Origin": "eventgrid.azure.net", "WebHook-Allowed-Rate": "120"}


@pytest.mark.parametrize(
    ("kind", "headers", "refusal"),
    [
        ("acr", {}, (405, "method")),
        ("acr", {"webhook-request-origin": "a\r\nset-cookie: b"}, (404, "method")),
        ("github", {"webhook-request-origin": "a.example"}, (404, "method")),
    ],
)
def test_other_options_requests_are_refused(kind: str, headers: dict[str, str], refusal: tuple[int, str]) -> None:
    assert Case(kind=kind).refusal(b"", headers, method="OPTIONS") == refusal


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", ""])
def test_other_methods_are_refused_before_anything_is_verified(method: str) -> None:
    assert Case(kind="generic", secret={}).refusal(b"", method=method) == (405, "method")
