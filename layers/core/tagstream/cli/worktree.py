"""A working tree and the automations that would change it, without Git and without a stack.

In: a folder, manifests and ``--ref`` arguments. Out: plans for every file that has markers.

Source: image-automation-controller internal/update/filter.go, setters.go (which files); cyphar/filepath-securejoin:
``update.path`` cannot leave the repository.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagstream.cli.console import CommandFailed
from tagstream.domain.model import ImagePolicy, ImageRef, ImageUpdateAutomation, NamespacedName
from tagstream.domain.selector import selects
from tagstream.domain.setters import has_marker, is_candidate

FIRST_READ, LATER_READ = 65_536, 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedFile:
    """A file with ``"$imagepolicy"`` in it; the path is relative to the tree."""

    path: str
    source: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One automation, the folder or file it may change (empty: all) and the policies its selector admits."""

    automation: ImageUpdateAutomation
    path: str
    policies: Mapping[NamespacedName, ImagePolicy]

    @property
    def name(self) -> str:
        """For messages."""
        return f"ImageUpdateAutomation/{self.automation.metadata.key}"

    def covers(self, path: str) -> bool:
        """Whether a file is at or below ``update.path``."""
        return not self.path or path == self.path or path.startswith(f"{self.path}/")


def marked_files(repository: str) -> tuple[MarkedFile, ...]:
    """Every file Flux would look at that has a marker, sorted; links and ``.git`` are left alone.

    Raises:
        CommandFailed: there is no such folder, or a file cannot be read.
    """
    if not Path(repository).is_dir():
        raise CommandFailed(f'--repo "{repository}" is not a folder')
    found = []
    for path, name in _candidates(repository, ""):
        source = _content(path)
        if has_marker(source):
            found.append(MarkedFile(path=name, source=source))
    return tuple(sorted(found, key=lambda one: one.path.encode(errors="surrogateescape")))


def _candidates(folder: str, below: str) -> Iterator[tuple[str, str]]:
    """Where a file is, and its name from the root: texts, since a path object costs more than reading the file."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if is_candidate(os.fsencode(entry.name)) and entry.is_file(follow_symlinks=False):
            yield entry.path, below + entry.name
        elif entry.name != ".git" and entry.is_dir(follow_symlinks=False):
            yield from _candidates(entry.path, f"{below}{entry.name}/")


def _content(path: str) -> bytes:
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CommandFailed(f"failed to read {path}: {error.strerror}") from error
    try:
        # Nearly every file is shorter: one call then reads it whole and the next one finds its end.
        parts = [os.read(number, FIRST_READ)]
        while parts[-1]:
            parts.append(os.read(number, LATER_READ))
    except OSError as error:
        raise CommandFailed(f"failed to read {path}: {error.strerror}") from error
    finally:
        os.close(number)
    return parts[0] if len(parts) == 2 else b"".join(parts)


def workloads(objects: Sequence[object]) -> tuple[Workload, ...]:
    """The automations among these objects, by name."""
    policies = [one for one in objects if isinstance(one, ImagePolicy)]
    automations = [one for one in objects if isinstance(one, ImageUpdateAutomation)]
    return tuple(
        Workload(
            automation=one,
            path=inside(one.update.path if one.update else ""),
            policies={policy.metadata.key: policy for policy in policies if _admits(one, policy)},
        )
        for one in sorted(automations, key=lambda one: one.metadata.key)
    )


def _admits(automation: ImageUpdateAutomation, policy: ImagePolicy) -> bool:
    same = automation.metadata.key.namespace == policy.metadata.key.namespace
    return same and selects(automation.policy_selector, policy.metadata.labels)


def inside(path: str) -> str:
    """``update.path`` from the root of the tree; ``..`` stops there."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def given_refs(texts: Sequence[str], namespace: str) -> Mapping[NamespacedName, ImageRef]:
    """``--ref ns/name=image:tag[@digest]``.

    Raises:
        CommandFailed: one has another form.
    """
    found = {}
    for text in texts:
        policy, separator, ref = text.partition("=")
        name, at, digest = ref.partition("@")
        image, colon, tag = name.rpartition(":")
        if not (separator and policy and colon and image and tag) or "/" in tag or bool(at) != bool(digest):
            raise CommandFailed(f"--ref {text}: expected NAMESPACE/NAME=IMAGE:TAG[@DIGEST]")
        own, slash, short = policy.partition("/")
        key = NamespacedName(own, short) if slash else NamespacedName(namespace, policy)
        found[key] = ImageRef(name=image, tag=tag, digest=digest)
    return found
