"""What annotations and labels of an image say of the source that it was built from.

They are written by whoever builds the image, so nothing in them is trusted before ``read_source`` has checked it.

Source: OCI image-spec annotations.md (``org.opencontainers.image.source`` and ``.revision``), image-index.md,
manifest.md (``annotations``) and config.md (``config.Labels``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from tagstream.domain.json_object import json_object

SOURCE, REVISION = "org.opencontainers.image.source", "org.opencontainers.image.revision"
SOURCE_LABELS = (SOURCE, REVISION)
MAX_URL = 500
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?", re.ASCII)
_REVISION = re.compile(r"[0-9a-f]{7,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSource:
    """Where an image comes from.

    Attributes:
        url: of the repository, ``http(s)://host/path``; without a user, ``.git`` or a slash at the end.
        revision: the commit, in hex digits.
    """

    url: str
    revision: str


def labels_of_manifest(manifest: bytes) -> Mapping[str, str]:
    """The annotations of an index or a manifest, as far as they say where the image comes from."""
    return _ours(json_object(manifest).get("annotations"))


def labels_of_configuration(configuration: bytes) -> Mapping[str, str]:
    """The labels in the configuration of an image, as far as they say where the image comes from."""
    config = json_object(configuration).get("config")
    return _ours(config.get("Labels")) if isinstance(config, dict) else {}


def read_source(labels: Mapping[str, str]) -> ImageSource | None:
    """Where an image comes from; None if its labels do not say, or say what cannot be a repository and a commit."""
    url, revision = repository_url(labels.get(SOURCE, "")), labels.get(REVISION, "").strip().lower()
    return ImageSource(url=url, revision=revision) if url and _REVISION.fullmatch(revision) else None


def repository_url(text: str) -> str:
    """The address of a repository's page, with nothing in it that Markdown or a browser could take for more.

    Returns:
        Empty for anything but an http or https URL with a host and a path.
    """
    try:
        parts = urlsplit(text.strip())
        host = parts.netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
    path = quote(unquote(parts.path), safe="/~").rstrip("/").removesuffix(".git").rstrip("/")
    if len(text) > MAX_URL or parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or path in ("", "/"):
        return ""
    return f"{parts.scheme}://{host}{path}"


def _ours(found: object) -> Mapping[str, str]:
    if not isinstance(found, dict):
        return {}
    return {name: text for name in SOURCE_LABELS if isinstance(text := found.get(name), str)}
