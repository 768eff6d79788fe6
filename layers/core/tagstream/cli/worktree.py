"""A working tree and the automations that would change it, without Git and without a stack.

In: a folder, manifests and ``--ref`` arguments. Out: plans for every file that has markers.

Source: image-automation-controller internal/update/filter.go, setters.go (which files); cyphar/filepath-securejoin:
``update.path`` cannot leave the repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagstream.cli.console import CommandFailed
from tagstream.domain.objects.model import ImagePolicy, ImageRef, ImageUpdateAutomation, NamespacedName
from tagstream.domain.objects.selector import selects
from tagstream.domain.setters.marker import MarkerReport, misspelt
from tagstream.domain.setters.plan import has_marker, is_candidate

# Names that a person takes for a manifest.
_ALIKE = re.compile(r"(?i)\.(?:ya?ml|json)(?:\.[a-z0-9]+)?$|^kustomization$")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
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
    _check_folder(repository)
    found = []
    for path, name in _candidates(repository):
        source = _content(path)
        if has_marker(source):
            found.append(MarkedFile(path=name, source=source))
    return _sorted(found)


def _check_folder(repository: str) -> None:
    if not Path(repository).is_dir():
        raise CommandFailed(f'--repo "{repository}" is not a folder')


def _sorted(files: Iterable[MarkedFile]) -> tuple[MarkedFile, ...]:
    return tuple(sorted(files, key=lambda one: one.path.encode(errors="surrogateescape")))


def _candidates(repository: str) -> Iterator[tuple[str, str]]:
    """Where a file is, and its name from the root: texts, since a path object costs more than reading the file."""
    for entry, name in _entries(repository):
        if is_candidate(os.fsencode(entry.name)) and entry.is_file(follow_symlinks=False):
            yield entry.path, name


def _entries(repository: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Everything in the tree that is no folder, with its name from the root."""
    folders = [(repository, "")]
    while folders:
        folder, below = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            raise CommandFailed(f"failed to read {folder}: {error.strerror}") from error
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield entry, below + entry.name
            elif entry.name != ".git":
                folders.append((entry.path, f"{below}{entry.name}/"))


def surveyed(repository: str) -> tuple[tuple[MarkedFile, ...], tuple[tuple[str, MarkerReport], ...]]:
    """``marked_files``, and the markers that no update will ever look at, each with its file; both sorted.

    Raises:
        CommandFailed: there is no such folder, or a file cannot be read.
    """
    _check_folder(repository)
    marked: list[MarkedFile] = []
    unread: list[tuple[str, MarkerReport]] = []
    for entry, name in _entries(repository):
        is_read = is_candidate(os.fsencode(entry.name))
        if not (is_read or _ALIKE.search(entry.name)) or not entry.is_file():
            continue
        source = _content(entry.path)
        if not is_read or entry.is_symlink():
            unread += ((name, one) for one in _never_read(repository, entry, source))
        elif has_marker(source):
            marked.append(MarkedFile(path=name, source=source))
        else:
            unread += ((name, one) for one in misspelt(source))
    return _sorted(marked), tuple(sorted(unread, key=lambda one: (one[0], one[1].line)))


def _never_read(repository: str, entry: os.DirEntry[str], source: bytes) -> Iterator[MarkerReport]:
    """The markers of a file that is left alone."""
    reason = "only files named *.yaml, *.yml (in lower case) and Kustomization are read"
    if entry.is_symlink():
        if _is_set_elsewhere(repository, entry.path):
            return
        reason = "the file is a symbolic link: links are left alone"
    for line, text in enumerate(source.split(b"\n"), 1):
        if has_marker(text):
            yield MarkerReport(line=line, setter="", state="never read", reason=reason)


def _is_set_elsewhere(repository: str, link: str) -> bool:
    """Whether a link leads to a file of the tree that is looked at under its own name."""
    root, target = os.path.realpath(repository), os.path.realpath(link)
    return target.startswith(f"{root.rstrip('/')}/") and is_candidate(os.fsencode(target))


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
        CommandFailed: one has another form, or a policy is given twice.
    """
    found = {}
    for text in texts:
        policy, separator, ref = text.partition("=")
        name, at, digest = ref.partition("@")
        image, colon, tag = name.rpartition(":")
        if not (separator and policy and colon and image and _TAG.fullmatch(tag)) or bool(at) != bool(digest):
            raise CommandFailed(f"--ref {text}: expected NAMESPACE/NAME=IMAGE:TAG[@DIGEST]")
        own, slash, short = policy.partition("/")
        key = NamespacedName(own, short) if slash else NamespacedName(namespace, policy)
        if key in found:
            raise CommandFailed(f"--ref {key} is given twice")
        found[key] = ImageRef(name=image, tag=tag, digest=digest)
    return found
