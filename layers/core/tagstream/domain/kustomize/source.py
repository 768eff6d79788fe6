"""What a build reads, and how it says that it cannot go on."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol


class BuildFailed(ValueError):
    """The files cannot be built; the message is ``file:line: cause`` or ``file: cause``."""


class Source(Protocol):
    """The files of one commit; paths are from the root of the repository, and its root is the empty path."""

    def below(self, folder: str) -> Sequence[str]:
        """Return the paths of all regular files at or below a folder, sorted; the folder may be a file itself."""

    def read(self, paths: Collection[str]) -> Mapping[str, bytes]:
        """Return the contents of files that ``below`` has named."""


def joined(folder: str, entry: str, where: str) -> str:
    """Return the path of an entry that a file of a folder names.

    Args:
        folder: of the file.
        entry: as it is written, relative to the folder.
        where: ``file:line`` of the entry.

    Raises:
        BuildFailed: the path is absolute, or leads out of the repository.
    """
    path = posixpath.normpath(posixpath.join(folder, entry))
    if entry.startswith("/") or path == ".." or path.startswith("../"):
        raise BuildFailed(f"{where}: the path '{entry}' is outside of the repository")
    return "" if path == "." else path
