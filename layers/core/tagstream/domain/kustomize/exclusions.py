"""Files that Flux leaves out of a build by default, as tagstream does: those of CI and Git, pictures and archives.

Source: fluxcd/pkg sourceignore/sourceignore.go (the patterns), go-git plumbing/format/gitignore (what they match).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tagstream.domain.kustomize.source import Source

FOLDERS = frozenset({".git", ".github", ".circleci"})
"""Folders at any depth, with all that is below them."""
OF_GIT = (".gitignore", ".gitmodules", ".gitattributes")
PICTURES_AND_ARCHIVES = ("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip")
OF_CI = (
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
)
OF_TOOLS = (".goreleaser.yml", ".sops.yaml", ".flux.yaml")
NAMES = OF_GIT + PICTURES_AND_ARCHIVES + OF_CI + OF_TOOLS
"""Files at any depth, or folders with all that is below them."""


def is_excluded(path: str) -> bool:
    """Whether Flux leaves a file out by default; the path is from the root of the repository."""
    parts = path.split("/")
    if not FOLDERS.isdisjoint(parts[:-1]):
        return True
    return any(fnmatchcase(part, pattern) for part in parts for pattern in NAMES)


@dataclass(frozen=True, slots=True)
class WithoutExcluded:
    """A Source that does not have the excluded files of another one."""

    whole: Source

    def below(self, folder: str) -> Sequence[str]:
        """The files at or below a folder that are not excluded."""
        return [one for one in self.whole.below(folder) if not is_excluded(one)]

    def read(self, paths: Collection[str]) -> Mapping[str, bytes]:
        """The contents of files."""
        return self.whole.read(paths)
