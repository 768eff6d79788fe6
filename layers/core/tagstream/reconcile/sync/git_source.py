"""The files of one commit, as a build reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tagstream.domain.objects.model import CommitId
from tagstream.ports.git import GitSession


@dataclass(frozen=True, slots=True)
class GitSource:
    """A Source on a Git session: folders are listed once, and only files that are asked for are fetched.

    Paths that are not UTF-8 are left out: no kustomization file can name them.
    """

    session: GitSession
    commit: CommitId
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _listed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def below(self, folder: str) -> Sequence[str]:
        """All regular files at or below a folder; empty if there is no such folder."""
        if folder in self._listed:
            return self._listed[folder]
        for known in self._listed:
            if not known or folder.startswith(f"{known}/"):
                inside = tuple(one for one in self._listed[known] if _is_at(one, folder))
                self._listed[folder] = inside
                return inside
        self._listed[folder] = self._found(folder)
        return self._listed[folder]

    def read(self, paths: Collection[str]) -> Mapping[str, bytes]:
        """The contents of files that were listed, in one request."""
        blobs = {path: self._blobs[path] for path in paths}
        contents = self.session.read(set(blobs.values()))
        return {path: contents[blob] for path, blob in blobs.items()}

    def _found(self, folder: str) -> tuple[str, ...]:
        self.session.fetch(self.commit, {folder})
        try:
            files = self.session.files(self.commit, folder)
        except FileNotFoundError:
            return ()
        names = []
        for one in files:
            try:
                name = one.path.decode()
            except UnicodeDecodeError:
                continue
            self._blobs[name] = one.blob
            names.append(name)
        return tuple(names)


def _is_at(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
