"""The page on which a Git host shows the commits between two images of one repository."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from tagstream.domain.objects.git_host import GitHostKind, git_host_kind
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.image_labels import ImageSource

Ranges = Mapping[tuple[NamespacedName, str], str]
"""The page of a change, by its policy and the value that is replaced."""
_PATHS: Mapping[GitHostKind, str] = {
    "github": "/compare/{old}...{new}",
    "gitlab": "/-/compare/{old}...{new}",
    "gitea": "/compare/{old}...{new}",
    "forgejo": "/compare/{old}...{new}",
    "bitbucket": "/branches/compare/{new}%0D{old}",
    "azure": "/branchCompare?baseVersion=GC{old}&targetVersion=GC{new}",
}


def compare_page(old: ImageSource, new: ImageSource, kinds: Mapping[str, GitHostKind]) -> str:
    """Where the commits between two images are shown.

    Args:
        old: of the image that is replaced.
        new: of the image that replaces it.
        kinds: by host name, for hosts whose name does not tell their kind.

    Returns:
        Empty if the images are of two repositories or of one commit, or if nobody knows how the host shows commits.
    """
    if old.url != new.url or old.revision == new.revision:
        return ""
    kind = git_host_kind(new.url) or kinds.get(urlsplit(new.url).hostname or "")
    path = _PATHS.get(kind, "") if kind is not None else ""
    return new.url + path.format(old=old.revision, new=new.revision) if path else ""


def replaced_image(change: Change, ref: ImageRef) -> ImageRef | None:
    """The image that a change replaces; None if it was another repository's, or the value names no tag and no digest.

    Args:
        change: of one value.
        ref: what its policy has selected.
    """
    part, value = ":".join(change.setter.split(":")[2:]), change.old_value
    name, at, digest = value.partition("@")
    if part == "digest":
        return ImageRef(name=ref.name, tag="", digest=value) if value.startswith("sha256:") else None
    if part == "":
        if not name.startswith(f"{ref.name}:"):
            return None
        name = name.removeprefix(f"{ref.name}:")
    elif part not in ("tag", "tag@digest"):
        return None
    if not name:
        return None
    return ImageRef(name=ref.name, tag=name, digest=digest if at else "")
