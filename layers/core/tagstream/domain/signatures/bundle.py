"""Sigstore's bundle: an envelope with a statement about an image, or a signature of the manifest itself.

Certificates and entries of transparency logs in a bundle are not read: the keys are given.

Source: sigstore protobuf-specs sigstore_bundle.proto; DSSE protocol.md; in-toto Statement v1; cosign
pkg/cosign/verify.go (VerifyNewBundle).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tagstream.domain.signatures.signed import (
    Signed,
    UnreadableSignature,
    decode_base64,
    elements,
    member,
    read_json_object,
)

BUNDLE_TYPES = frozenset(
    {
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        *(f"application/vnd.dev.sigstore.bundle+json;version=0.{minor}" for minor in (1, 2, 3)),
    }
)
STATEMENT_TYPE = "application/vnd.in-toto+json"
STATEMENTS = frozenset({"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"})
SIGNS_IMAGE = "https://sigstore.dev/cosign/sign/v1"
"""The predicate by which cosign says that an image is signed. An attestation of something else is no signature."""


def read_bundle(content: bytes, manifest: Callable[[], bytes], digest: str) -> tuple[Signed, ...]:
    """The signatures of a bundle.

    Args:
        content: the bundle.
        manifest: the manifest of the image, for a bundle that signs it without an envelope.
        digest: of the manifest.

    Raises:
        UnreadableSignature: it is no bundle, or it speaks of something else than a signed image.
    """
    bundle = read_json_object(content)
    if bundle.get("mediaType") not in BUNDLE_TYPES:
        raise UnreadableSignature("it is no Sigstore bundle of a known version")
    if "dsseEnvelope" in bundle:
        return _read_envelope(member(bundle, "dsseEnvelope"))
    signature = decode_base64(member(bundle, "messageSignature").get("signature"))
    return (Signed(message=manifest(), signature=signature, digests=frozenset({digest})),)


def _read_envelope(envelope: Mapping[str, object]) -> tuple[Signed, ...]:
    kind, payload = envelope.get("payloadType"), decode_base64(envelope.get("payload"))
    if kind != STATEMENT_TYPE:
        raise UnreadableSignature("the envelope holds no statement")
    digests = _signed_digests(payload)
    message = b"DSSEv1 %d %s %d %s" % (len(STATEMENT_TYPE), STATEMENT_TYPE.encode(), len(payload), payload)
    signatures = (decode_base64(one.get("sig")) for one in elements(envelope, "signatures"))
    return tuple(Signed(message=message, signature=one, digests=digests) for one in signatures)


def _signed_digests(payload: bytes) -> frozenset[str]:
    statement = read_json_object(payload)
    if statement.get("_type") not in STATEMENTS or statement.get("predicateType") != SIGNS_IMAGE:
        raise UnreadableSignature("the statement is not that of a signed image")
    digests = (member(one, "digest").get("sha256") for one in elements(statement, "subject"))
    return frozenset(f"sha256:{one}" for one in digests if isinstance(one, str))
