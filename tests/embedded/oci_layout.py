"""Writes an OCI image layout to disk: an index with one image for each platform, for skopeo to copy.

Source: OCI image-spec, image-layout.md.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def write_layout(folder: Path, name: str, platforms: Sequence[str] = ("amd64", "arm64")) -> str:
    """Write an image for several architectures; return the digest of its index."""
    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    images = [_image(folder, name, platform) for platform in platforms]
    index = _blob(folder, _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}), INDEX)
    named = {**index, "annotations": {"org.opencontainers.image.ref.name": name}}
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [named]}))
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    return str(index["digest"])


def _image(folder: Path, name: str, platform: str) -> Mapping[str, Any]:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        content = f"{name} for {platform}".encode()
        member = tarfile.TarInfo("hello")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    layer = _blob(folder, gzip.compress(plain.getvalue(), mtime=0), LAYER)
    rootfs = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain.getvalue()).hexdigest()]}
    config = _blob(folder, _json({"architecture": platform, "os": "linux", "config": {}, "rootfs": rootfs}), CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
    return {**_blob(folder, _json(manifest), MANIFEST), "platform": {"architecture": platform, "os": "linux"}}


def _blob(folder: Path, content: bytes, kind: str) -> Mapping[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (folder / "blobs/sha256" / digest).write_bytes(content)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()
