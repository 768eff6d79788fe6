"""What cosign's payloads, bundles and lists of referrers say, and what in them is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tagstream.domain.signatures.bundle import SIGNS_IMAGE, STATEMENT_TYPE, read_bundle
from tagstream.domain.signatures.referrers import read_bundle_digest, read_referrers
from tagstream.domain.signatures.signed import UnreadableSignature
from tagstream.domain.signatures.simple_signing import CLAIM_TYPE, read_payload, read_signature_layers, signature_tag

DIGEST = "sha256:" + "a" * 64
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "https://in-toto.io/Statement/v1"


def payload(kind: str = CLAIM_TYPE, digest: object = DIGEST) -> bytes:
    critical = {"type": kind, "image": {"docker-manifest-digest": digest}}
    return json.dumps({"critical": critical}).encode()


def envelope(statement: dict[str, Any], kind: str = STATEMENT_TYPE) -> bytes:
    body = base64.b64encode(json.dumps(statement).encode()).decode()
    signed = {"payloadType": kind, "payload": body, "signatures": [{"sig": "AAEC"}]}
    return json.dumps({"mediaType": BUNDLE_TYPE, "dsseEnvelope": signed}).encode()


def statement(**changed: object) -> dict[str, Any]:
    subject = [{"name": "x", "digest": {"sha256": "a" * 64, "sha512": "b"}}]
    return {"_type": IN_TOTO, "predicateType": SIGNS_IMAGE, "subject": subject, **changed}


def test_a_payload_speaks_for_the_digest_that_it_names() -> None:
    found = read_payload(payload(), b"sig")
    assert (found.message, found.signature, found.digests) == (payload(), b"sig", {DIGEST})


@pytest.mark.parametrize(
    "content", [payload("something else"), payload(digest=None), b"{}", b"[]", b"\xff", b"[" * 9999]
)
def test_a_payload_that_does_not_speak_for_an_image_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableSignature):
        read_payload(content, b"sig")


def test_layers_without_a_usable_signature_are_passed_over() -> None:
    kind = "application/vnd.dev.cosign.simplesigning.v1+json"
    layers: list[Any] = [
        {"mediaType": kind, "digest": DIGEST, "annotations": {"dev.cosignproject.cosign/signature": text}}
        for text in ("AAEC", "not base64!", 7)
    ]
    layers += ["x", {"mediaType": "other", "digest": DIGEST}, {"mediaType": kind, "digest": 1}]
    found = read_signature_layers(json.dumps({"layers": layers}).encode())
    assert [(one.digest, one.signature) for one in found] == [(DIGEST, b"\x00\x01\x02")]


def test_the_tag_of_a_signature_is_made_of_the_digest() -> None:
    assert signature_tag("sha256:ab") == "sha256-ab.sig"


def test_an_envelope_is_signed_with_its_type_and_its_lengths() -> None:
    (found,) = read_bundle(envelope(statement()), lambda: b"", DIGEST)
    body = json.dumps(statement()).encode()
    assert found.message == b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(body), body)
    assert found.digests == {DIGEST}


@pytest.mark.parametrize(
    "content",
    [
        envelope(statement(predicateType="https://slsa.dev/provenance/v1")),
        envelope(statement(_type="other")),
        envelope(statement(), kind="text/plain"),
        json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v9+json"}).encode(),
        json.dumps(
            {"mediaType": BUNDLE_TYPE, "dsseEnvelope": {"payloadType": STATEMENT_TYPE, "payload": "!"}}
        ).encode(),
        json.dumps({"mediaType": BUNDLE_TYPE, "messageSignature": {}}).encode(),
    ],
)
def test_a_bundle_that_does_not_say_that_an_image_is_signed_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableSignature):
        read_bundle(content, lambda: b"", DIGEST)


def test_a_bundle_without_an_envelope_signs_the_manifest_itself() -> None:
    content = json.dumps({"mediaType": BUNDLE_TYPE, "messageSignature": {"signature": "AAEC"}}).encode()
    (found,) = read_bundle(content, lambda: b"manifest", DIGEST)
    assert (found.message, found.signature, found.digests) == (b"manifest", b"\x00\x01\x02", {DIGEST})


def test_referrers_that_say_that_they_are_something_else_are_left_out() -> None:
    predicate = "dev.sigstore.bundle.predicateType"
    listed: list[Any] = [
        {"digest": "1", "artifactType": BUNDLE_TYPE, "annotations": {predicate: SIGNS_IMAGE}},
        {"digest": "2", "artifactType": BUNDLE_TYPE, "annotations": {predicate: "https://spdx.dev/Document"}},
        {"digest": "3", "artifactType": "application/spdx+json"},
        {"digest": "4", "artifactType": "application/vnd.oci.empty.v1+json"},
        {"digest": "5", "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"},
        {"digest": "6"},
        {"digest": 7, "artifactType": BUNDLE_TYPE},
        {"digest": "8", "artifactType": [BUNDLE_TYPE]},
    ]
    assert read_referrers(json.dumps({"manifests": listed}).encode()) == ("1", "4", "5", "6")
    assert read_referrers(b'{"manifests": {}}') == ()


def test_a_manifest_without_a_bundle_has_none() -> None:
    assert read_bundle_digest(b'{"layers": []}') is None
    layer = {"mediaType": BUNDLE_TYPE, "digest": DIGEST}
    assert read_bundle_digest(json.dumps({"layers": [layer]}).encode()) == DIGEST
    with pytest.raises(UnreadableSignature):
        read_bundle_digest(json.dumps({"layers": [{"mediaType": BUNDLE_TYPE}]}).encode())
