"""Cosign's first format: a manifest whose layers are small payloads, each with its signature in an annotation.

Source: cosign specs/SIGNATURE_SPEC.md; sigstore/sigstore pkg/signature/payload (SimpleContainerImage).
"""

from __future__ import annotations

from dataclasses import dataclass

from tagstream.domain.signatures.signed import (
    Signed,
    UnreadableSignature,
    decode_base64,
    elements,
    member,
    read_json_object,
)

PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ANNOTATION = "dev.cosignproject.cosign/signature"
CLAIM_TYPE = "cosign container image signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLayer:
    """A layer of a signature manifest: the digest of the payload, and the signature of the payload."""

    digest: str
    signature: bytes


def signature_tag(digest: str) -> str:
    """The tag under which cosign keeps the signatures of a digest."""
    return f"{digest.replace(':', '-')}.sig"


def read_signature_layers(manifest: bytes) -> tuple[SignatureLayer, ...]:
    """The signatures that a manifest lists, without layers of other types.

    Raises:
        UnreadableSignature: it is no JSON object.
    """
    found = []
    for layer in elements(read_json_object(manifest), "layers"):
        digest, signature = layer.get("digest"), member(layer, "annotations").get(ANNOTATION)
        if layer.get("mediaType") != PAYLOAD_TYPE or not isinstance(digest, str):
            continue
        try:
            found.append(SignatureLayer(digest=digest, signature=decode_base64(signature)))
        except UnreadableSignature:
            # The other layers may be good.
            continue
    return tuple(found)


def read_payload(payload: bytes, signature: bytes) -> Signed:
    """A payload and its signature.

    Raises:
        UnreadableSignature: the payload does not speak for an image.
    """
    critical = member(read_json_object(payload), "critical")
    if critical.get("type") != CLAIM_TYPE:
        raise UnreadableSignature("critical.type is not that of an image's signature")
    digest = member(critical, "image").get("docker-manifest-digest")
    if not isinstance(digest, str):
        raise UnreadableSignature("critical.image names no digest")
    return Signed(message=payload, signature=signature, digests=frozenset({digest}))
