"""Function URL events, with the samples of ``events/``."""

from __future__ import annotations

import base64
import json
import pathlib
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent

from tagstream.domain.objects.model import Metadata, NamespacedName, Receiver
from tagstream.domain.objects.receiver import SENDER
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import DeliveryAnswer
from tagstream.events.function_url import function_url_answer, incoming_delivery
from tagstream.events.receiver import BODY_LIMIT, ReceiverSecret, accept, hook_paths

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ROOT = pathlib.Path(__file__).parents[3]
JWT = json.loads((ROOT / "tests/vectors/data/webhooks/gcr_pubsub.jwt.json").read_bytes())

SAMPLES = {
    # sample: (type, sender annotation, token, images read)
    "acr": ("acr", "", "hook-token-123", ["myregistry.azurecr.io/hello-world:v1"]),
    "acr_eventgrid_validation": ("acr", "", "hook-token-123", []),
    "aliyun": ("generic", "aliyun", "hook-token-123", ["registry.cn-hangzhou.aliyuncs.com/team/app:1.2.3"]),
    "bitbucket": ("bitbucket", "", "hook-token-123", "all"),
    "cdevents": ("cdevents", "", "hook-token-123", ["ghcr.io/team/app:1.2.3"]),
    "distribution": ("generic", "distribution", "hook-secret", ["127.0.0.1:5100/apps/podinfo:6.5.0"]),
    "dockerhub": ("dockerhub", "", "hook-token-123", ["docker.io/fireflyiii/core:develop"]),
    "ecr_api_destination": (
        "generic",
        "ecr",
        "hook-token-123",
        ["123456789012.dkr.ecr.us-west-2.amazonaws.com/team/app:1.4.2"],
    ),
    "gcr": ("gcr", "", "hook-token-123", ["us-east1-docker.pkg.dev/my-project/my-repo/hello-world:1.1"]),
    "generic": ("generic", "", "hook-token-123", "all"),
    "generic_hmac": ("generic-hmac", "", "hook-token-123", "all"),
    "github": ("github", "", "hook-token-123", ["ghcr.io/stefan-prodan/podinfo:6.5.1"]),
    "gitlab": ("gitlab", "", "hook-token-123", ["registry.gitlab.example.com/mygroup/myproject/myimage:1.2.3"]),
    "harbor": ("harbor", "", "hook-token-123", ["harbor.example.com/library/alpine:v1.9.1"]),
    "harbor_cloudevents": ("harbor", "", "hook-token-123", ["harbor.example.com/library/alpine:v1.9.1"]),
    "jfrog": ("generic", "jfrog", "hook-token-123", ["example.jfrog.io/docker-local/team/app:1.2.3"]),
    "keel": ("generic", "keel", "hook-token-123", ["ghcr.io/team/app:1.2.3"]),
    "nexus": ("nexus", "", "hook-token-123", ["None/team/app:1.2.3"]),
    "quay": (
        "quay",
        "",
        "hook-token-123",
        ["quay.io/mynamespace/repository:latest", "quay.io/mynamespace/repository:foo"],
    ),
}


def event(**members: Any) -> LambdaFunctionUrlEvent:
    given = {
        "version": "2.0",
        "rawPath": "/hook/x",
        "rawQueryString": "",
        "headers": {"Content-Type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/hook/x"}},
        "body": "{}",
        "isBase64Encoded": False,
    }
    return LambdaFunctionUrlEvent(given | members)


def test_every_webhook_sample_is_listed_here() -> None:
    found = {path.stem.removeprefix("webhook_") for path in (ROOT / "events").glob("webhook_*.json")}
    assert found == set(SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_event_is_accepted_at_its_receivers_path(sample: str) -> None:
    kind, sender, token, images = SAMPLES[sample]
    name = sample.replace("_", "-")
    metadata = Metadata(
        key=NamespacedName(namespace="flux-system", name=name), annotations={SENDER: sender} if sender else {}
    )
    receiver = Receiver(metadata=metadata, type=kind, secret_ref="hook", resources=())
    secret = ReceiverSecret(
        data={"token": token.encode(), "email": JWT["email"].encode(), "audience": JWT["audience"].encode()}
    )
    request = incoming_delivery(
        LambdaFunctionUrlEvent(json.loads((ROOT / f"events/webhook_{sample}.json").read_bytes())), NOW
    )
    delivery = accept(receiver, secret, request, keys=lambda issuer, fresh: JWT["jwks"])
    read = [f"{hint.registry}/{hint.repository}:{hint.tag}" for hint in delivery.hints]
    assert hook_paths(receiver, secret) == (request.path,)
    assert ("all" if delivery.all_resources else read) == images


def test_header_names_become_lower_case_and_the_first_query_value_counts() -> None:
    request = incoming_delivery(event(rawQueryString="secret=a&secret=b&empty="), NOW)
    assert dict(request.headers) == {"content-type": "application/json"}
    assert dict(request.query) == {"secret": "a", "empty": ""}


def test_a_base64_body_becomes_the_original_bytes() -> None:
    body = base64.b64encode(b"\x00\xff").decode()
    assert incoming_delivery(event(body=body, isBase64Encoded=True), NOW).body == b"\x00\xff"


@pytest.mark.parametrize(
    ("members", "status", "cause"),
    [
        ({"body": "%%%", "isBase64Encoded": True}, 400, "encoding"),
        ({"body": "é", "isBase64Encoded": True}, 400, "encoding"),
        ({"body": "\ud800"}, 400, "encoding"),
        ({"body": 7}, 400, "event"),
        ({"rawQueryString": "&".join("a=1" for _ in range(200))}, 400, "query"),
        ({"body": "a" * (BODY_LIMIT + 1)}, 413, "size"),
        ({"body": "A" * (BODY_LIMIT * 4 // 3 + 8), "isBase64Encoded": True}, 413, "size"),
    ],
)
def test_an_event_that_cannot_be_read_is_refused(members: dict[str, Any], status: int, cause: str) -> None:
    with pytest.raises(RefusedDelivery) as refused:
        incoming_delivery(event(**members), NOW)
    assert refused.value.status == status
    assert refused.value.cause == cause


def test_an_event_without_body_or_headers_is_an_empty_request() -> None:
    request = incoming_delivery(
        LambdaFunctionUrlEvent({"requestContext": {"http": {"method": "get"}}, "headers": None}), NOW
    )
    assert request.method == "GET"
    assert request.path == ""
    assert request.body == b""
    assert dict(request.headers) == {}


def test_an_answer_becomes_a_lambda_response() -> None:
    answer = DeliveryAnswer(headers={"Content-Type": "application/json"}, body=b'{"a": 1}')
    assert function_url_answer(answer) == {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": '{"a": 1}',
    }
