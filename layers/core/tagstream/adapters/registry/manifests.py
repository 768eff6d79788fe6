"""Manifests and blobs of one repository, each checked against its digest."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

from tagstream.adapters.http.fault_text import redacted_url
from tagstream.adapters.http.retrying_session import REASON, Answer, read_body
from tagstream.adapters.http.session import Request
from tagstream.adapters.registry.authenticate import AuthenticatedRepository
from tagstream.domain.objects.model import Digest
from tagstream.errors import RetryableError

MANIFEST_TYPES = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
MAX_MANIFEST = 8 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", re.ASCII)


class MalformedDigest(ValueError):
    """A manifest names a digest that is none."""


def fetch_digest(repository: AuthenticatedRepository, tag: str) -> Digest:
    """The digest that a tag points to.

    Raises:
        ThrottledError: ReadOperationFailed, the registry asks for a pause.
        RetryableError: ReadOperationFailed, anything else that is no digest.
    """
    url, headers = f"{repository.base}/manifests/{quote(tag, safe='')}", {"Accept": MANIFEST_TYPES}
    # HEAD does not count against Docker Hub's pull limit, GET does.
    answer = repository.success(repository.fetch(Request(method="HEAD", url=url, headers=headers), lambda _: None))
    digest = answer.headers.get("Docker-Content-Digest")
    if digest is None:
        digest = f"sha256:{hashlib.sha256(_body(repository.success(_get(repository, url)))).hexdigest()}"
    if not _DIGEST.fullmatch(digest):
        text = f"HEAD {redacted_url(url)}: response did not include a valid Docker-Content-Digest header"
        raise RetryableError(text, reason=REASON)
    return Digest(digest)


def fetch_verified(repository: AuthenticatedRepository, kind: str, digest: str) -> bytes:
    """A manifest or a blob, if it is what its digest says.

    Args:
        repository: where it is.
        kind: ``manifests`` or ``blobs``.
        digest: of its bytes.

    Raises:
        MalformedDigest: the digest is none.
        RetryableError: ReadOperationFailed, the registry fails, or what comes has another digest.
    """
    if not _DIGEST.fullmatch(digest):
        raise MalformedDigest("a digest is malformed")
    url = f"{repository.base}/{kind}/{digest}"
    content = _body(repository.success(_get(repository, url, names_types=kind == "manifests")))
    algorithm, _, wanted = digest.partition(":")
    if hashlib.new(algorithm, content).hexdigest() != wanted:
        raise RetryableError(f"GET {redacted_url(url)}: what came has another digest", reason=REASON)
    return content


def fetch_if_there(repository: AuthenticatedRepository, path: str) -> bytes | None:
    """What a path below the repository holds now, whatever its digest is; None if there is nothing.

    Args:
        repository: where it is.
        path: for example ``manifests/1.4.2``.

    Raises:
        ThrottledError: ReadOperationFailed, the registry asks for a pause.
        RetryableError: ReadOperationFailed, the registry fails.
    """
    answer = _get(repository, f"{repository.base}/{path}")
    return None if answer.status in (404, 405) else _body(repository.success(answer))


def _get(repository: AuthenticatedRepository, url: str, *, names_types: bool = True) -> Answer:
    headers = {"Accept": MANIFEST_TYPES} if names_types else {}
    return repository.fetch(Request(method="GET", url=url, headers=headers), lambda one: read_body(one, MAX_MANIFEST))


def _body(answer: Answer) -> bytes:
    assert isinstance(answer.value, bytes)
    return answer.value
