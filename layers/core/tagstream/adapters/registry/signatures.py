"""Finds what a registry keeps as signatures of an image: cosign's tag, then the referrers of the image.

Nothing is checked here. What cannot be read is passed over, because anybody who may push can leave it there.

Source: cosign specs/SIGNATURE_SPEC.md and BUNDLE_SPEC.md; OCI distribution-spec "Listing Referrers".
"""

from __future__ import annotations

from collections.abc import Iterator

from tagstream.adapters.http.retrying_session import Refused
from tagstream.adapters.registry.authenticate import AuthenticatedRepository
from tagstream.adapters.registry.manifests import MalformedDigest, fetch_if_there, fetch_verified
from tagstream.domain.objects.model import Digest
from tagstream.domain.signatures.bundle import read_bundle
from tagstream.domain.signatures.referrers import read_bundle_digest, read_referrers, referrers_tag
from tagstream.domain.signatures.signed import Signed, UnreadableSignature
from tagstream.domain.signatures.simple_signing import read_payload, read_signature_layers, signature_tag

# Whoever signs again adds a signature; of more than these, the newest are looked at.
MOST_SIGNATURES = 10


def find_signatures(repository: AuthenticatedRepository, digest: Digest) -> Iterator[Signed]:
    """The signatures of an image, each fetched only when the one before did not do.

    Args:
        repository: of the image.
        digest: of its manifest or index.

    Raises:
        ThrottledError: ReadOperationFailed, the registry asks for a pause.
        RetryableError: ReadOperationFailed, the registry fails.
    """
    manifest = fetch_if_there(repository, f"manifests/{signature_tag(digest)}")
    if manifest is not None:
        yield from _of_signature_manifest(repository, manifest)
    # A registry without the API answers 404, and clients keep a list under a tag instead.
    index = fetch_if_there(repository, f"referrers/{digest}")
    if index is None:
        index = fetch_if_there(repository, f"manifests/{referrers_tag(digest)}")
    for referrer in _referrers(index)[-MOST_SIGNATURES:]:
        yield from _of_referrer(repository, referrer, digest)


def _of_signature_manifest(repository: AuthenticatedRepository, manifest: bytes) -> Iterator[Signed]:
    try:
        layers = read_signature_layers(manifest)
    except UnreadableSignature:
        return
    for layer in reversed(layers[-MOST_SIGNATURES:]):
        try:
            yield read_payload(_read(repository, "blobs", layer.digest), layer.signature)
        except UnreadableSignature:
            continue


def _referrers(index: bytes | None) -> tuple[str, ...]:
    if index is None:
        return ()
    try:
        return read_referrers(index)
    except UnreadableSignature:
        return ()


def _of_referrer(repository: AuthenticatedRepository, referrer: str, digest: Digest) -> Iterator[Signed]:
    try:
        manifest = _read(repository, "manifests", referrer)
        bundle = read_bundle_digest(manifest)
        if bundle is not None:
            content = _read(repository, "blobs", bundle)
            yield from read_bundle(content, lambda: _read(repository, "manifests", digest), digest)
            return
    except UnreadableSignature:
        return
    yield from _of_signature_manifest(repository, manifest)


def _read(repository: AuthenticatedRepository, kind: str, digest: str) -> bytes:
    """A manifest or a blob that is listed as a part of a signature.

    Raises:
        UnreadableSignature: it is not there any more, or the digest is none.
        RetryableError: ReadOperationFailed, the registry fails.
    """
    try:
        return fetch_verified(repository, kind, digest)
    except MalformedDigest as error:
        raise UnreadableSignature(str(error)) from error
    except Refused as error:
        if error.status != 404:
            raise
        raise UnreadableSignature("it is not there any more") from error
