"""Parsers of Lambda events and webhook deliveries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from tagstream.domain.objects.model import Metadata, NamespacedName, Receiver
from tagstream.domain.objects.receiver import SENDER, TYPES
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import IncomingDelivery
from tagstream.events.queue import parse_request
from tagstream.events.receiver import ReceiverSecret, accept, admit, hook_paths, is_hook_path
from tagstream.events.receiver.addressed import AddressedDelivery
from tagstream.events.receiver.bearer import ExpectedToken, unverified_issuer, verified_claims
from tagstream.events.receiver.check import InvalidReceiver, check_receiver
from tagstream.events.receiver.expression import ExpressionFailed, InvalidExpression, check_expression, evaluate
from tagstream.events.receiver.hints import split_image, url_host
from tagstream.events.receiver.senders.gcr import read as read_gcr
from tagstream.events.receiver.senders_table import MODULE_BY_SENDER
from tagstream.events.source import UnknownEvent, read_event
from tagstream.events.widget import BadWidgetRequest, parse_widget
from tests.fuzz.target import ROOT, Shape, Target, files_in, text
from tests.property.test_webhook_never_crashes import proofs

ISSUER = "https://issuer.example.com"
NOW = datetime(2026, 11, 27, tzinfo=UTC)
SECRET = ReceiverSecret(data={"token": b"token", "email": b"a@b", "audience": b"me"})
EVENTS = "tagstream.events."
DEEP = (Shape(b"[", b"", b""), Shape(b'{"a":'), Shape(b'"a",', b"[", b"1]"), Shape(b"\\ud800", b'{"tag":"', b'"}'))
SENDER_WORDS = (
    *(b'"events":', b'"action":', b'"push"', b'"target":', b'"repository":', b'"tag":', b'"digest":', b'"request":'),
    *(b'"host":', b'"url":', b'"id":', b'"type":', b'"data":', b'"specversion":', b'"event_data":', b'"resources":'),
    *(b'"resource_url":', b'"repo_name":', b'"push_data":', b'"docker_url":', b'"updated_tags":', b'"package":'),
    *(b'"package_version":', b'"container_metadata":', b'"name":', b'"owner":', b'"login":', b'"message":'),
    *(b'"component":', b'"asset":', b'"domain":', b'"event_type":', b'"image_name":', b'"repo_key":', b'"context":'),
    *(b'"subject":', b'"detail":', b'"detail-type":', b"null", b"true", b"1e9", b"{", b"}", b"[", b"]", b",", b":"),
)


def _receiver(sender: str) -> Receiver:
    own = {} if sender in TYPES else {SENDER: sender}
    metadata = Metadata(key=NamespacedName(namespace="a", name="b"), annotations=own)
    kind = sender if sender in TYPES else "generic"
    return Receiver(metadata=metadata, type=kind, secret_ref="s", resources=(), resource_filter="true")


def _authentic(data: bytes) -> None:
    """Every sender reads the same authentic body; the first line is what headers say beside the proof."""
    word, _, body = data.partition(b"\n")
    said = text(word)
    headers = proofs(body) | {"x-github-event": said, "x-event-key": said, "ce-id": said, "content-type": said}
    for sender in sorted(set(MODULE_BY_SENDER) - {"gcr", "generic-oidc"}):
        request = IncomingDelivery(method="POST", path="/", headers=headers, body=body, received_at=NOW)
        accept(_receiver(sender), SECRET, request, keys=_no_keys)


def _pub_sub(data: bytes) -> None:
    request = IncomingDelivery(method="POST", path="/", received_at=NOW)
    addressed = AddressedDelivery(receiver=_receiver("gcr"), secret=SECRET, incoming=request, keys=_no_keys)
    read_gcr(addressed, {"message": {"data": text(data), "messageId": "1"}})


def _forged(data: bytes) -> None:
    """Lines of ``name: value`` are headers, what follows an empty line is the body; every sender looks at them."""
    head, _, body = data.partition(b"\n\n")
    pairs = (line.partition(b":") for line in head.split(b"\n"))
    headers = {text(name).strip().lower(): text(value).strip() for name, _, value in pairs}
    request = IncomingDelivery(method="POST", path="/hook/x", headers=headers, body=body, received_at=NOW)
    for sender in sorted(MODULE_BY_SENDER):
        try:
            accept(_receiver(sender), SECRET, admit(request), keys=_no_keys)
        except RefusedDelivery:
            continue


def _event(data: bytes) -> None:
    """Any JSON object as a Lambda event, and as the part of one that outsiders write."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = text(data)
    shaped: list[dict[str, Any]] = [
        {"requestContext": {"http": {"method": "POST"}}, "rawQueryString": text(data), "body": text(data)},
        {"requestContext": {"http": {"method": "POST"}}, "isBase64Encoded": True, "body": text(data)},
    ]
    if isinstance(found, dict):
        shaped += [{"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": found}, found]
    for event in shaped:
        try:
            read_event(event, NOW)
        except (RefusedDelivery, UnknownEvent):
            continue


def _widget(data: bytes) -> None:
    """Any JSON as an event of a widget, and any text as each of its parameters."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = text(data)
    given = ({"namespace": found}, {"policy": found}, {"policy": f"a/{text(data)}"}, {"widgetContext": found})
    for event in (found, *given):
        try:
            parse_widget(event)
        except BadWidgetRequest:
            continue


def _stream(data: bytes) -> None:
    image = {"t": {"S": "selection"}, "pk": {"S": text(data)}, "sk": {"S": text(data)}, "doc": {"S": text(data)}}
    for name in ("NewImage", "OldImage"):
        for kind in ("selection", "object"):
            record = {"eventSource": "aws:dynamodb", "dynamodb": {name: {**image, "t": {"S": kind}}}}
            read_event({"Records": [record]}, NOW)


def _token(data: bytes) -> None:
    """The first line is a token, the rest is what its issuer answers when it is asked for its keys."""
    line, _, answer = data.partition(b"\n")
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = {}
    keys = found if isinstance(found, dict) else {}
    expected = ExpectedToken(key_issuer=ISSUER, issuers=(ISSUER,), audience="me")
    try:
        unverified_issuer(text(line))
    except RefusedDelivery:
        return
    verified_claims(text(line), expected, lambda _issuer, _fresh: keys, NOW)


def _signed() -> Iterator[bytes]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    claims = {"iss": ISSUER, "aud": "me", "exp": int(NOW.timestamp()) + 60, "iat": int(NOW.timestamp())}
    token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "1"})
    member = {**OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "1"}
    yield f"{token}\n{json.dumps({'keys': [member]})}".encode()
    yield b"eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlLmNvbSJ9.AAAA\n{}"


def _expression(data: bytes) -> None:
    expression = text(data)
    check_expression(expression, ("req", "res"), boolean=True)
    evaluate(expression, {"req": {"body": {"a": [1]}}, "res": {"name": "x"}}, boolean=True)


def _paths(data: bytes) -> None:
    word = text(data)
    is_hook_path(word)
    split_image(word)
    url_host(word)
    receiver = _receiver("generic")
    hook_paths(receiver, ReceiverSecret(data={"token": data}))
    check_receiver(receiver)


def _no_keys(_issuer: str, _fresh: bool) -> dict[str, object]:
    return {"keys": [{"kty": "RSA", "kid": "1", "n": "AQAB", "e": "AQAB"}]}


def _bodies() -> Iterator[bytes]:
    for content in files_in(ROOT / "events", "webhook_*.json"):
        yield b"push\n" + json.loads(content)["body"].encode()


TARGETS = (
    Target(
        name="webhook-body",
        parse=_authentic,
        modules=(
            *(f"{EVENTS}receiver", f"{EVENTS}receiver.addressed", f"{EVENTS}receiver.document"),
            f"{EVENTS}receiver.request_numbers",
            *(f"{EVENTS}receiver.hints", f"{EVENTS}receiver.resource_filter", f"{EVENTS}delivery"),
            *sorted(set(MODULE_BY_SENDER.values())),
            f"{EVENTS}receiver.senders_table",
            f"{EVENTS}receiver.senders.envelope",
        ),
        allowed=(RefusedDelivery,),
        words=SENDER_WORDS,
        seeds=_bodies,
        shapes=(
            *tuple(Shape(one.unit, b"push\n" + one.before, one.after) for one in DEEP),
            Shape(b'"1.0.0",', b'push\n{"docker_url":"a/b","updated_tags":[', b'"x"]}'),
        ),
    ),
    Target(
        name="webhook-headers",
        parse=_forged,
        modules=(f"{EVENTS}receiver.body", f"{EVENTS}receiver.secret", f"{EVENTS}function_url"),
        allowed=(RefusedDelivery,),
        words=(
            *(b"authorization:", b"content-type:", b"content-encoding:", b"x-hub-signature-256:", b"x-signature:"),
            *(b"x-gitlab-token:", b"x-github-event:", b"ce-type:", b"ce-id:", b"Bearer ", b"sha256=", b"gzip"),
            *(b"application/json", b"; charset=", b"\n\n", b"\n", b"webhook-request-origin:", b"{}"),
        ),
        seeds=lambda: [b"authorization: Bearer a.b.c\ncontent-type: application/json\n\n{}"],
        shapes=(Shape(b",", b"authorization:"), Shape(b";a=b", b"content-type:a/b"), Shape(b" ", b"x-signature:")),
    ),
    Target(
        name="pub-sub",
        parse=_pub_sub,
        modules=(f"{EVENTS}receiver.senders.gcr",),
        words=SENDER_WORDS,
        seeds=lambda: [b"eyJhY3Rpb24iOiJJTlNFUlQiLCJ0YWciOiJnY3IuaW8vYS9iOjEifQ=="],
        shapes=(Shape(b"W1tb"),),
    ),
    Target(
        name="widget",
        parse=_widget,
        modules=(f"{EVENTS}widget",),
        words=(b'"namespace":', b'"policy":', b'"widgetContext":', b'"theme":', b'"describe":true', b"a/b", b"null"),
        seeds=lambda: files_in(ROOT / "events", "widget_*.json"),
        shapes=(Shape(b"a"), Shape(b"a-"), Shape(b".", b"a"), Shape(b"a/")),
    ),
    Target(
        name="lambda-event",
        parse=_event,
        modules=(f"{EVENTS}source", f"{EVENTS}ecr", f"{EVENTS}function_url", f"{EVENTS}ecr_partition_table"),
        words=(
            b'"Records":',
            b'"eventSource":',
            b'"aws:sqs"',
            b'"aws:dynamodb"',
            b'"dynamodb":',
            b'"detail":',
            b'"image-tag":',
            b'"repository-name":',
            b'"body":',
            b'"requestContext":',
            b"{",
            b"}",
            b"[",
            b"]",
            b"%ff",
            b"&",
        ),
        seeds=lambda: files_in(ROOT / "events", "*.json"),
        shapes=(*DEEP, Shape(b"a=b&"), Shape(b"%41")),
    ),
    Target(
        name="stream-record",
        parse=_stream,
        modules=(f"{EVENTS}stream",),
        seeds=lambda: [b"selection#ns", b"object#ImagePolicy", b'{"cause":"a"}', b"ns/app"],
        words=(b"#", b"/", b'{"cause":', b'"'),
        shapes=(*DEEP, Shape(b"/"), Shape(b"#")),
    ),
    Target(
        name="queue-message",
        parse=lambda data: parse_request(text(data)),
        modules=(f"{EVENTS}queue", f"{EVENTS}notices"),
        seeds=lambda: [
            b'{"repositories":["ns/a"],"reason":"r","receivedAt":"2026-01-01T00:00:00+00:00","attempt":1}',
            b'{"automations":["ns/a"],"reason":"r"}',
            b'{"tagstream":"notice","entries":["2026-01-01T00:00:00Z#a"],"alert":"ns/a","attempt":2}',
        ],
        words=(b'"repositories":', b'"automations":', b'"receivedAt":', b'"attempt":', b'"hops":', b"1e999", b"null"),
        shapes=(*DEEP, Shape(b"9", b'{"repositories":[],"reason":"","attempt":', b"}")),
    ),
    Target(
        name="bearer-token",
        parse=_token,
        modules=(f"{EVENTS}receiver.bearer",),
        allowed=(RefusedDelivery,),
        seeds=_signed,
        words=(
            b".",
            b"eyJ",
            b"eyJhbGciOiJub25lIn0",
            b"eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ",
            b"=",
            b"\n",
            b'{"keys":',
            b'"kty":',
            b'"RSA"',
            b'"EC"',
            b'"OKP"',
            b'"n":',
            b'"e":',
            b'"crv":',
            b'"x":',
            b'"kid":',
            b"AQAB",
            b"null",
        ),
        shapes=(Shape(b"."), Shape(b"W1tb", b"", b".e30.AA"), Shape(b"W1tb", b"e30.", b".AA")),
    ),
    Target(
        name="cel-expression",
        parse=_expression,
        modules=(f"{EVENTS}receiver.expression",),
        allowed=(InvalidExpression, ExpressionFailed),
        seeds=lambda: [b"true", b"req.body.a.size() > 0", b"res.name.startsWith('a')", b"res.name in ['a', 'b']"],
        words=(
            b"req",
            b"res",
            b".body",
            b"(",
            b")",
            b"[",
            b"]",
            b"'",
            b"&&",
            b"||",
            b"!",
            b"?",
            b":",
            b"==",
            b".map(x,x)",
        ),
        shapes=(
            Shape(b"!", b"", b"true"),
            Shape(b"(", b""),
            Shape(b"true&&", b"", b"true"),
            Shape(b"1+", b"", b"1==1"),
        ),
    ),
    Target(
        name="webhook-path",
        parse=_paths,
        modules=(f"{EVENTS}receiver.secret", f"{EVENTS}receiver.hints", f"{EVENTS}receiver.check"),
        allowed=(InvalidReceiver,),
        seeds=lambda: [b"/hook/" + b"0" * 64, b"https://host/a/b:1@sha256:00", b"a/b:c", b"[::1]:5000/a"],
        words=(b"/hook/", b"https://", b":", b"@", b"/", b"[", b"]", b"sha256:"),
        shapes=(Shape(b"/"), Shape(b":"), Shape(b"a/"), Shape(b"[")),
    ),
)
