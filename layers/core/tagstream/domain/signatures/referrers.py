"""Which manifests of a registry refer to an image and may hold a signature of it.

Source: OCI distribution-spec "Listing Referrers" and "Referrers Tag Schema"; cosign specs/BUNDLE_SPEC.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.signatures.bundle import BUNDLE_TYPES, SIGNS_IMAGE
from tagstream.domain.signatures.signed import UnreadableSignature, elements, member, read_json_object

SIGNATURE_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"
"""The type of a signature manifest that cosign attaches as a referrer instead of under a tag."""
# What a list under a tag says of a bundle: go-containerregistry copies the type of the empty configuration there.
UNNAMED_TYPES = frozenset(
    {None, "", "application/vnd.oci.empty.v1+json", "application/vnd.oci.image.config.v1+json"},
)
POSSIBLE_TYPES = BUNDLE_TYPES | UNNAMED_TYPES | {SIGNATURE_TYPE}
PREDICATE = "dev.sigstore.bundle.predicateType"


def referrers_tag(digest: str) -> str:
    """The tag that lists the referrers of a digest where a registry has no API for them."""
    return digest.replace(":", "-")


def read_referrers(index: bytes) -> tuple[str, ...]:
    """The digests of the manifests that may hold a signature, as they are listed.

    A manifest that says that it holds another statement, such as a list of packages, is left out.

    Raises:
        UnreadableSignature: it is no JSON object.
    """
    listed = elements(read_json_object(index), "manifests")
    return tuple(str(one["digest"]) for one in listed if _may_sign(one) and isinstance(one.get("digest"), str))


def _may_sign(descriptor: Mapping[str, object]) -> bool:
    kind, predicate = descriptor.get("artifactType"), member(descriptor, "annotations").get(PREDICATE)
    if kind is not None and not isinstance(kind, str):
        return False
    return kind in POSSIBLE_TYPES and predicate in (None, SIGNS_IMAGE)


def read_bundle_digest(manifest: bytes) -> str | None:
    """The digest of the bundle that a manifest holds; None for a manifest of another kind.

    Raises:
        UnreadableSignature: the manifest is no JSON object, or its bundle has no digest.
    """
    layers = [one for one in elements(read_json_object(manifest), "layers") if one.get("mediaType") in BUNDLE_TYPES]
    if not layers:
        return None
    digest = layers[0].get("digest")
    if not isinstance(digest, str):
        raise UnreadableSignature("the bundle has no digest")
    return digest
