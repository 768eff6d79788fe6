"""Records what a real cosign pushes to a registry, into tests/data/cosign. Tests replay it without cosign.

Run it with the path of cosign: ``python -m tests.embedded.record_cosign ~/go/bin/cosign``. The private keys are made
for the recording and thrown away.

Source of cosign: ``go install github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.embedded.push import push_image, push_index
from tests.embedded.registry import Registry, running_registry

FOLDER = Path(__file__).parents[1] / "data" / "cosign"
NAME = "app"
KEYS: Mapping[str, tuple[str, ...]] = {
    "p256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "p384": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "p521": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"),
    "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    "ed25519": ("-algorithm", "ED25519"),
}
NEW_BUNDLE = "--new-bundle-format"


def record(cosign: str, folder: Path) -> None:
    """Sign images in every way that is verified, and keep what the registry holds then."""
    for key in KEYS:
        _make_key(cosign, folder, key)
        _recorded(cosign, folder, f"tag-{key}", key)
        _recorded(cosign, folder, f"bundle-{key}", key, NEW_BUNDLE)
    _recorded(cosign, folder, "bundle-referrer", "p256", NEW_BUNDLE, lists_referrers=True)
    _recorded(cosign, folder, "signature-referrer", "p256", "--registry-referrers-mode=oci-1-1", lists_referrers=True)
    _recorded(cosign, folder, "index", "p256", is_index=True)
    _recorded(cosign, folder, "attestation", "p256", NEW_BUNDLE, verb="attest")


def _make_key(cosign: str, folder: Path, key: str) -> None:
    plain = folder / f"{key}.pem"
    subprocess.run(["openssl", "genpkey", *KEYS[key], "-out", plain], check=True, capture_output=True)
    _run(cosign, folder, "import-key-pair", "--key", str(plain), "--output-key-prefix", key)


def _recorded(
    cosign: str,
    folder: Path,
    name: str,
    key: str,
    *options: str,
    verb: str = "sign",
    is_index: bool = False,
    lists_referrers: bool = False,
) -> None:
    with running_registry() as registry:
        registry.lists_referrers = lists_referrers
        push = push_index if is_index else push_image
        digest = push(registry.address, NAME, "1.0.0")
        given = [*options, "--tlog-upload=false", "--yes", "--key", f"{key}.key"]
        if verb == "attest":
            (folder / "predicate.json").write_text('{"found": []}')
            given += ["--predicate", "predicate.json", "--type", "vuln"]
        _run(cosign, folder, verb, *given, f"{registry.address}/{NAME}@{digest}")
        content = _content(registry, digest, (folder / f"{key}.pub").read_text())
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def _run(cosign: str, folder: Path, *arguments: str) -> None:
    environ = {**os.environ, "COSIGN_PASSWORD": "", "COSIGN_EXPERIMENTAL": "1", "HOME": str(folder)}
    done = subprocess.run([cosign, *arguments], cwd=folder, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"cosign {' '.join(arguments)}: {done.stderr}")


def _content(registry: Registry, digest: str, public_key: str) -> Mapping[str, Any]:
    repository = registry.repositories[NAME]
    return {
        "digest": digest,
        "publicKey": public_key,
        "tags": repository.tags,
        "manifests": {one: [kind, content.decode()] for one, (kind, content) in repository.manifests.items()},
        "blobs": {one: content.decode() for one, content in registry.blobs.items()},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="cosign-") as scratch:
        record(str(Path(sys.argv[1]).resolve()), Path(scratch))
