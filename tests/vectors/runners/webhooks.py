"""Delivers the recorded requests of every sender byte for byte, and valid and invalid OIDC tokens."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tagstream.domain.objects.model import Metadata, NamespacedName, Receiver
from tagstream.domain.objects.receiver import SENDER
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import Delivery, IncomingDelivery
from tagstream.events.receiver import ReceiverSecret, accept
from tagstream.events.source import read_event

FILES: tuple[str, ...] = ("webhooks/manifest.json", "webhooks/gcr_pubsub.jwt.json")

_RECEIVED_AT = datetime(2026, 11, 24, tzinfo=UTC)
# Senders for which Flux has no type, by the first part of the vector's name. They have type generic and an annotation.
_SENDER_BY_NAME = {
    "aliyun": "aliyun",
    "distribution": "distribution",
    "ecr": "ecr",
    "gitlab": "distribution",
    "jfrog": "jfrog",
    "keel": "keel",
}
# Senders that cannot sign. A secret in the manifest is the value of their Authorization header.
_BY_PATH = frozenset({"acr", "aliyun", "cdevents", "dockerhub", "generic", "keel", "quay"})

Case = tuple[str, Callable[[], tuple[object, object]]]


def cases(data: pathlib.Path, file: str) -> Iterator[Case]:
    """Yield one case for each delivery or token."""
    if file.endswith("jwt.json"):
        yield from _token_cases(json.loads((data / file).read_bytes()))
        return
    folder = (data / file).parent
    for entry in json.loads((data / file).read_bytes()):
        yield entry["name"], partial(_run, folder, entry)


def _run(folder: pathlib.Path, entry: Mapping[str, Any]) -> tuple[object, object]:
    return _events(folder, entry), entry["expected_events"]


def deliver(folder: pathlib.Path, entry: Mapping[str, Any], request: IncomingDelivery | None = None) -> Delivery:
    """Return what the receiver makes of a vector's delivery, or of another request in its place."""
    original = hook_request(folder, entry)
    jwt = json.loads((folder / "gcr_pubsub.jwt.json").read_bytes())
    secret = _secret(entry, jwt, original)
    return accept(_receiver(entry), secret, request or original, keys=lambda issuer, fresh: jwt["jwks"])


def hook_request(folder: pathlib.Path, entry: Mapping[str, Any]) -> IncomingDelivery:
    """Make the request of a vector as the Function URL would pass it on."""
    envelope = json.loads((folder / entry["headers"]).read_bytes())
    url = urlsplit(envelope["path"])
    return IncomingDelivery(
        method=envelope["method"],
        path=url.path,
        headers={name.lower(): value for name, value in envelope["headers"].items()},
        query=dict(parse_qsl(url.query)),
        body=_body(folder, entry),
        received_at=_RECEIVED_AT,
    )


def _events(folder: pathlib.Path, entry: Mapping[str, Any]) -> list[dict[str, object]] | None:
    event = json.loads(_body(folder, entry)) if entry["name"].startswith("ecr_") else {}
    if event.get("source") == "aws.ecr":
        delivery = read_event(event, _RECEIVED_AT)
        assert isinstance(delivery, Delivery)
    else:
        delivery = deliver(folder, entry)
    if delivery.all_resources:
        return None
    return [
        {
            "registry": hint.registry,
            "repository": hint.repository,
            "tag": hint.tag,
            "digest": hint.digest,
            "action": hint.action,
        }
        for hint in delivery.hints
    ]


def _body(folder: pathlib.Path, entry: Mapping[str, Any]) -> bytes:
    """Return the body; it is empty for a request without one (OPTIONS)."""
    return (folder / entry["body"]).read_bytes() if entry["body"] else b""


def _receiver(entry: Mapping[str, Any]) -> Receiver:
    sender = _SENDER_BY_NAME.get(entry["name"].partition("_")[0])
    if entry["expected_events"] is None:
        sender = None
    annotations = {SENDER: sender} if sender else {}
    metadata = Metadata(key=NamespacedName(namespace="flux-system", name="hook"), annotations=annotations)
    kind = "generic" if sender else entry["flux_receiver_type"] or "acr"
    return Receiver(metadata=metadata, type=kind, secret_ref="hook", resources=())


def _secret(entry: Mapping[str, Any], jwt: Mapping[str, Any], request: IncomingDelivery) -> ReceiverSecret:
    data = {"token": b"in-the-path"}
    if entry["flux_receiver_type"] == "gcr":
        data |= {"audience": jwt["audience"].encode(), "email": jwt["email"].encode()}
    elif entry["secret"] is not None:
        receiver = _receiver(entry)
        by_path = receiver.metadata.annotations.get(SENDER, receiver.type) in _BY_PATH
        key = "authorization" if by_path and "authorization" in request.headers else "token"
        data[key] = entry["secret"].encode()
    return ReceiverSecret(data=data)


def _token_cases(jwt: Mapping[str, Any]) -> Iterator[Case]:
    for verdict, expected in (("good", jwt["email"]), ("bad", "refused")):
        for name, token in jwt[verdict].items():
            yield f"{verdict}/{name}", partial(_run_token, jwt, token, expected)


def _run_token(jwt: Mapping[str, Any], token: str, expected: str) -> tuple[object, object]:
    return _token_verdict(jwt, token), expected


def _token_verdict(jwt: Mapping[str, Any], token: str) -> object:
    entry: dict[str, Any] = {"name": "gcr_pubsub", "flux_receiver_type": "gcr", "secret": None, "expected_events": []}
    request = IncomingDelivery(
        method="POST",
        path="/hook/x",
        headers={"authorization": f"Bearer {token}"},
        body=b"{}",
        received_at=_RECEIVED_AT,
    )
    secret = _secret(entry, jwt, request)
    try:
        delivery = accept(_receiver(entry), secret, request, keys=lambda issuer, fresh: jwt["jwks"])
    except RefusedDelivery:
        return "refused"
    return delivery.claims["email"]
