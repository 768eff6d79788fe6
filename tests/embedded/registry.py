"""An OCI registry in memory: pushes, tag lists in pages, manifests. For tests that need no real registry.

Source: OCI distribution-spec, the parts that pushing images and reflecting tags use.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import threading
import uuid
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

_ROUTE = re.compile(r"/v2/(?P<name>[a-z0-9._/-]+?)/(?P<kind>tags/list|manifests|blobs|referrers)(?:/(?P<rest>.*))?")
_DEFAULT_TYPE = "application/vnd.oci.image.manifest.v1+json"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@dataclass(slots=True)
class Repository:
    """One repository: manifests by digest, and the digest of each tag."""

    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    _listed: list[str] = field(default_factory=list)

    def after(self, last: str, limit: int) -> tuple[list[str], bool]:
        """Return at most ``limit`` tags after ``last`` in byte order (0: no limit), and whether more follow."""
        if len(self._listed) != len(self.tags):
            self._listed = sorted(self.tags)
        start = bisect_right(self._listed, last)
        end = start + limit if limit > 0 else len(self._listed)
        return self._listed[start:end], end < len(self._listed)

    def referrers(self, digest: str) -> list[dict[str, object]]:
        """Return the descriptors of the manifests whose subject is a digest."""
        found: list[dict[str, object]] = []
        for own, (media_type, content) in self.manifests.items():
            if subject_of(content) == digest:
                manifest = json.loads(content)
                kind = manifest.get("artifactType") or manifest["config"]["mediaType"]
                descriptor = {"mediaType": media_type, "digest": own, "size": len(content), "artifactType": kind}
                found.append({**descriptor, "annotations": manifest.get("annotations") or {}})
        return found

    def forget_order(self) -> None:
        """Sort the tags again at the next list; needed after a tag was removed, even if another one was added."""
        self._listed = []


class Registry(ThreadingHTTPServer):
    """The server and what was pushed to it; ``requests`` lists (method, path with query) in the order of arrival.

    With ``lists_referrers`` it has the API of referrers.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.lists_referrers = False
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        """The address, ``127.0.0.1:port``."""
        return f"127.0.0.1:{self.server_address[1]}"

    def add_tags(self, name: str, tags: Iterator[str] | list[str] | tuple[str, ...], content: bytes = b"{}") -> str:
        """Add tags without pushing them, all for one manifest; return its digest."""
        digest = digest_of(content)
        with self.lock:
            repository = self.repositories.setdefault(name, Repository())
            repository.manifests[digest] = (_DEFAULT_TYPE, content)
            repository.tags.update(dict.fromkeys(tags, digest))
        return digest


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Registry

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""

    def _any(self) -> None:
        self.server.requests.append((self.command, self.path))
        body = self._body()
        url = urlsplit(self.path)
        if url.path in ("/v2", "/v2/"):
            self._answer(200, b"{}")
            return
        found = _ROUTE.fullmatch(url.path)
        if found is None:
            self._answer(404, b"404 page not found\n", {"Content-Type": "text/plain"})
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        name, rest = found["name"], found["rest"] or ""
        with self.server.lock:
            if found["kind"] == "tags/list":
                self._tags(name, query)
            elif found["kind"] == "referrers" and self.server.lists_referrers:
                self._referrers(name, rest)
            elif found["kind"] == "referrers":
                self._answer(404, b"404 page not found\n", {"Content-Type": "text/plain"})
            elif found["kind"] == "blobs":
                self._blobs(name, rest, query, body)
            else:
                self._manifests(name, rest, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(found)

    def _tags(self, name: str, query: dict[str, str]) -> None:
        repository = self.server.repositories.get(name)
        if repository is None:
            self._error(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})
            return
        limit = int(query.get("n") or 0)
        tags, more = repository.after(query.get("last", ""), limit)
        headers = {}
        if more:
            link = f"</v2/{name}/tags/list?last={quote(tags[-1])}&n={limit}>"
            headers["Link"] = f'{link}; rel="next"'
        self._answer(200, json.dumps({"name": name, "tags": tags}).encode(), headers)

    def _blobs(self, name: str, rest: str, query: dict[str, str], body: bytes) -> None:
        if self.command == "POST":
            self._answer(202, b"", {"Location": f"/v2/{name}/blobs/uploads/{uuid.uuid4()}"})
            return
        if self.command == "PATCH":
            self.server.uploads[rest] = self.server.uploads.get(rest, b"") + body
            self._answer(202, b"", {"Location": f"/v2/{name}/blobs/{rest}"})
            return
        if self.command == "PUT":
            body = self.server.uploads.pop(rest, b"") + body
        if self.command == "PUT" and digest_of(body) == query.get("digest"):
            self.server.blobs[query["digest"]] = body
            self._answer(201, b"", {"Docker-Content-Digest": query["digest"]})
        elif self.command == "PUT":
            self._error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        elif rest in self.server.blobs:
            self._answer(200, self.server.blobs[rest], {"Docker-Content-Digest": rest})
        else:
            self._error(404, "BLOB_UNKNOWN", "blob unknown to registry")

    def _referrers(self, name: str, digest: str) -> None:
        repository = self.server.repositories.get(name, Repository())
        content = json.dumps({"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": repository.referrers(digest)})
        self._answer(200, content.encode(), {"Content-Type": _INDEX_TYPE})

    def _put_manifest(self, name: str, reference: str, body: bytes) -> None:
        repository = self.server.repositories.setdefault(name, Repository())
        digest = digest_of(body)
        repository.manifests[digest] = (self.headers.get("Content-Type") or _DEFAULT_TYPE, body)
        if reference != digest:
            repository.tags[reference] = digest
        headers = {"Docker-Content-Digest": digest, "Location": f"/v2/{name}/manifests/{digest}"}
        subject = subject_of(body)
        if subject and self.server.lists_referrers:
            headers["OCI-Subject"] = subject
        self._answer(201, b"", headers)

    def _manifests(self, name: str, reference: str, body: bytes) -> None:
        if self.command == "PUT":
            self._put_manifest(name, reference, body)
            return
        repository = self.server.repositories.get(name, Repository())
        digest = repository.tags.get(reference, reference)
        if self.command == "DELETE":
            repository.tags.pop(reference, None)
            repository.forget_order()
            self._answer(202, b"")
            return
        if digest not in repository.manifests:
            self._error(404, "MANIFEST_UNKNOWN", "manifest unknown", {"Tag": reference})
            return
        media_type, content = repository.manifests[digest]
        self._answer(200, content, {"Docker-Content-Digest": digest, "Content-Type": media_type})

    def _error(self, status: int, code: str, message: str, detail: object = None) -> None:
        self._answer(status, json.dumps({"errors": [{"code": code, "message": message, "detail": detail}]}).encode())

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def subject_of(manifest: bytes) -> str:
    """Return the digest that a manifest refers to; empty if it refers to none."""
    try:
        subject = json.loads(manifest)["subject"]
    except (ValueError, KeyError, TypeError):
        return ""
    return str(subject["digest"])


def digest_of(content: bytes) -> str:
    """Return ``sha256:…`` of these bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def running_registry() -> Iterator[Registry]:
    """Run a registry on a free port until the end of the with block."""
    registry = Registry()
    thread = threading.Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        registry.shutdown()
        registry.server_close()
        thread.join()


def main() -> None:
    """Serve until the process is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    Registry(parser.parse_args().port).serve_forever()


if __name__ == "__main__":
    main()
