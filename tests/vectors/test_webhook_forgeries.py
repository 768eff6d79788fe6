"""Changes one byte of each recorded delivery: a delivery whose signature covers that byte must be refused."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import IncomingDelivery
from tests.vectors.runners.webhooks import deliver, hook_request

DATA = pathlib.Path(__file__).parent / "data/webhooks"
MANIFEST = {entry["name"]: entry for entry in json.loads((DATA / "manifest.json").read_bytes())}
# The headers that prove the origin of a delivery; True if the proof covers the body.
PROOFS = {
    "x-hub-signature-256": True,
    "x-signature": True,
    "x-nexus-webhook-signature": True,
    "x-jfrog-event-auth": True,
    "x-webhook-secret": False,
    "authorization": False,
}


def proven() -> Iterator[tuple[str, str]]:
    for name, entry in MANIFEST.items():
        headers = hook_request(DATA, entry).headers
        proof = next((one for one in PROOFS if one in headers), "")
        if proof and entry["secret"] is not None:
            yield name, proof


def flipped(text: str) -> Iterator[str]:
    for at in range(len(text)) if len(text) < 200 else range(0, len(text) - 1, len(text) // 60):
        # Replace a hexadecimal digit by another one; changing its case would not change its value.
        yield text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


def refused(entry: Mapping[str, Any], request: IncomingDelivery) -> bool:
    try:
        deliver(DATA, entry, request)
    except RefusedDelivery as error:
        return error.status == 404
    return False


def test_most_deliveries_of_the_vectors_prove_their_origin() -> None:
    assert len(list(proven())) >= 20


@pytest.mark.parametrize(("name", "proof"), list(proven()))
def test_every_changed_character_of_the_proof_is_refused(name: str, proof: str) -> None:
    entry = MANIFEST[name]
    request = hook_request(DATA, entry)
    forged = [dict(request.headers) | {proof: value} for value in flipped(request.headers[proof])]
    assert [one[proof] for one in forged if not refused(entry, replace(request, headers=one))] == []


@pytest.mark.parametrize(("name", "proof"), list(proven()))
def test_a_delivery_without_its_proof_is_refused(name: str, proof: str) -> None:
    entry = MANIFEST[name]
    request = hook_request(DATA, entry)
    proofs = {*PROOFS, "x-hub-signature"}
    bare = {key: value for key, value in request.headers.items() if key not in proofs}
    assert refused(entry, replace(request, headers=bare))


@pytest.mark.parametrize("name", [name for name, proof in proven() if PROOFS[proof]])
def test_a_changed_byte_of_a_signed_body_is_refused(name: str) -> None:
    entry = MANIFEST[name]
    request = hook_request(DATA, entry)
    body = request.body
    step = max(1, len(body) // 25)
    forged = [body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in range(0, len(body), step)]
    forged += [body + b" ", body[:-1], b""]
    assert all(refused(entry, replace(request, body=one)) for one in forged)
