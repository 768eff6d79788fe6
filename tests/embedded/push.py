"""Pushes images to a registry over HTTP, without Docker.

Source: OCI distribution-spec "Push".
"""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urljoin

import requests

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
TIMEOUT_S = 20


def push_image(
    address: str, repository: str, tag: str, content: bytes = b"layer", session: requests.Session | None = None
) -> str:
    """Push an image of one layer under a tag; return its digest.

    Args:
        address: ``host:port``, or a URL for https.
        repository: the image's name on the registry.
        tag: the tag; pushing other content to the same tag moves it.
        content: the bytes of the layer.
        session: holds credentials or a CA, if the registry needs them.
    """
    with open_session(session) as http:
        base = base_url(address, repository)
        config = upload(http, base, CONFIG, b'{"architecture":"amd64","os":"linux"}')
        layer = upload(http, base, LAYER, content)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
        return put_manifest(http, base, tag, MANIFEST, json.dumps(manifest).encode())


def push_index(address: str, repository: str, tag: str, session: requests.Session | None = None) -> str:
    """Push an image for two platforms under a tag; return the digest of its index."""
    with open_session(session) as http:
        base = base_url(address, repository)
        manifests = []
        for architecture in ("amd64", "arm64"):
            config = upload(http, base, CONFIG, json.dumps({"architecture": architecture, "os": "linux"}).encode())
            manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
            body = json.dumps(manifest).encode()
            digest = _digest(body)
            put_manifest(http, base, digest, MANIFEST, body)
            platform = {"architecture": architecture, "os": "linux"}
            manifests.append({"mediaType": MANIFEST, "digest": digest, "size": len(body), "platform": platform})
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
        return put_manifest(http, base, tag, INDEX, json.dumps(index).encode())


def open_session(given: requests.Session | None = None) -> requests.Session:
    """Return a session that uses no proxy of the environment."""
    session = given or requests.Session()
    session.trust_env = False
    return session


def base_url(address: str, repository: str) -> str:
    """Return the URL of a repository."""
    url = address if "://" in address else f"http://{address}"
    return f"{url}/v2/{repository}"


def upload(http: requests.Session, base: str, media_type: str, content: bytes) -> dict[str, object]:
    """Upload a blob; return its descriptor."""
    digest = _digest(content)
    started = http.post(f"{base}/blobs/uploads/", timeout=TIMEOUT_S)
    started.raise_for_status()
    location = urljoin(base, started.headers["Location"])
    separator = "&" if "?" in location else "?"
    headers = {"Content-Type": "application/octet-stream"}
    url = f"{location}{separator}digest={digest}"
    http.put(url, data=content, headers=headers, timeout=TIMEOUT_S).raise_for_status()
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def put_manifest(http: requests.Session, base: str, reference: str, media_type: str, body: bytes) -> str:
    """Put a manifest under a tag or its own digest; return its digest."""
    headers = {"Content-Type": media_type}
    answer = http.put(f"{base}/manifests/{reference}", data=body, headers=headers, timeout=TIMEOUT_S)
    answer.raise_for_status()
    return answer.headers["Docker-Content-Digest"]


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
