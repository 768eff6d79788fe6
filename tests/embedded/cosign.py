"""What a real cosign pushed to a registry, as tests/embedded/record_cosign.py recorded it; it is pushed again here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.embedded.push import base_url, open_session, put_manifest, upload
from tests.embedded.registry import subject_of

FOLDER = Path(__file__).parents[1] / "data" / "cosign"
SIGNED = sorted(path.stem for path in FOLDER.glob("*.json") if path.stem != "attestation")
"""The recordings of an image with a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One image, and what belongs to its signature; ``keys`` are the members of the secret that verifies it."""

    digest: str
    keys: Mapping[str, bytes]
    tags: Mapping[str, str]
    manifests: Mapping[str, tuple[str, bytes]]
    blobs: Mapping[str, bytes]

    @property
    def own(self) -> frozenset[str]:
        """Return the digests of the manifests that are the image, without those of its signature."""
        manifest = json.loads(self.manifests[self.digest][1])
        return frozenset({self.digest, *(one["digest"] for one in manifest.get("manifests", ()))})


def recording(name: str) -> Recording:
    """Read a recording."""
    found = json.loads((FOLDER / f"{name}.json").read_text())
    return Recording(
        digest=found["digest"],
        keys={"cosign.pub": found["publicKey"].encode()},
        tags=found["tags"],
        manifests={digest: (kind, content.encode()) for digest, (kind, content) in found["manifests"].items()},
        blobs={digest: content.encode() for digest, content in found["blobs"].items()},
    )


def push_signed_image(address: str, repository: str, tag: str, given: Recording) -> None:
    """Push the image under a tag, without its signature."""
    _push(address, repository, {digest: one for digest, one in given.manifests.items() if digest in given.own}, given)
    with open_session() as http:
        put_manifest(http, base_url(address, repository), tag, *given.manifests[given.digest])


def push_signature(address: str, repository: str, given: Recording, digest: str = "") -> None:
    """Push the signature of the image; with a digest, pretend that it is one of another image."""
    own = given.digest.replace(":", "-")
    wanted = (digest or given.digest).replace(":", "-")
    _push(address, repository, {name: one for name, one in given.manifests.items() if name not in given.own}, given)
    with open_session() as http:
        for tag, target in given.tags.items():
            if tag.startswith(own):
                put_manifest(http, base_url(address, repository), tag.replace(own, wanted), *given.manifests[target])


def _push(address: str, repository: str, manifests: Mapping[str, tuple[str, bytes]], given: Recording) -> None:
    """Push manifests with all blobs; those that others refer to go first."""
    base = base_url(address, repository)
    with open_session() as http:
        for content in given.blobs.values():
            upload(http, base, "", content)
        for digest, (kind, content) in sorted(manifests.items(), key=lambda one: b'"manifests"' in one[1][1]):
            assert digest != subject_of(content)
            put_manifest(http, base, digest, kind, content)
