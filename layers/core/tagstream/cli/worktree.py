"""Finds the marked files of a working tree and the automations that would change them; reads ``--ref``.

Source: image-automation-controller internal/update/filter.go, setters.go (which files); cyphar/filepath-securejoin:
``update.path`` cannot leave the repository.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagstream.cli.console import CommandFailed
from tagstream.cli.tree_names import tree_names
from tagstream.domain.objects.model import ImagePolicy, ImageRef, ImageUpdateAutomation, NamespacedName
from tagstream.domain.objects.selector import InvalidSelector, selects
from tagstream.domain.scan.tag_grammar import TAG
from tagstream.domain.setters.marker import MarkerReport, mentions_marker
from tagstream.domain.setters.plan import has_marker, is_candidate

# File names that people take for those of manifests, though an update does not read all of them.
_ALIKE = r"(?i)\.(?:ya?ml|json)(?:\.[a-z0-9]+)?$|^kustomization$"
_NAMES = "only files named *.yaml, *.yml (in lower case) and Kustomization are read"
_NO_FILE = frozenset({errno.ELOOP, errno.EISDIR, errno.ENOENT, errno.ENOTDIR, errno.ENXIO})
# A read takes the memory it asks for first, so that asking for more than a manifest has makes it slower.
FIRST_READ, LATER_READ = 8_192, 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedFile:
    """A file that contains a marker; the path is relative to the tree."""

    path: str
    source: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An automation, the file or folder that it may change (empty: all), and the policies that its selector admits."""

    automation: ImageUpdateAutomation
    path: str
    policies: Mapping[NamespacedName, ImagePolicy]

    @property
    def name(self) -> str:
        """The automation's kind and name, for messages."""
        return f"ImageUpdateAutomation/{self.automation.metadata.key}"

    def covers(self, path: str) -> bool:
        """Tell whether a file is ``update.path`` or is below it."""
        return not self.path or path == self.path or path.startswith(f"{self.path}/")


def marked_files(repository: str) -> tuple[MarkedFile, ...]:
    """Return every file that an update would read and that contains a marker, sorted by path.

    Raises:
        CommandFailed: the folder does not exist, or a file cannot be read.
    """
    found = []
    for name in tree_names(repository):
        if is_candidate(os.fsencode(name)):
            source = _content(f"{repository}/{name}")
            if source is not None and mentions_marker(source):
                found.append(MarkedFile(path=name, source=source))
    return _sorted(found)


def _sorted(files: Iterable[MarkedFile]) -> tuple[MarkedFile, ...]:
    return tuple(sorted(files, key=lambda one: one.path.encode(errors="surrogateescape")))


def surveyed(repository: str) -> tuple[tuple[MarkedFile, ...], tuple[tuple[str, MarkerReport], ...]]:
    """Return the marked files, and each marker that no update ever reads with its file; both are sorted.

    Raises:
        CommandFailed: the folder does not exist, or a file cannot be read.
    """
    marked: list[MarkedFile] = []
    unread: list[tuple[str, MarkerReport]] = []
    for name in tree_names(repository):
        is_read = is_candidate(os.fsencode(name))
        if not (is_read or re.search(_ALIKE, name.rpartition("/")[2])):
            continue
        path = f"{repository}/{name}"
        source = _content(path)
        if source is None:
            unread += ((name, one) for one in _behind_link(repository, path))
        elif not is_read:
            unread += ((name, one) for one in _never_read(source, _NAMES))
        elif mentions_marker(source):
            marked.append(MarkedFile(path=name, source=source))
    return _sorted(marked), tuple(sorted(unread, key=lambda one: (one[0], one[1].line)))


def _behind_link(repository: str, path: str) -> Iterator[MarkerReport]:
    """Yield the markers of a file behind a symbolic link, unless the tree also has the file under its own name."""
    root, target = os.path.realpath(repository), os.path.realpath(path)
    is_read = target.startswith(f"{root.rstrip('/')}/") and is_candidate(os.fsencode(target))
    if Path(path).is_symlink() and not is_read:
        yield from _never_read(_content(target) or b"", "the file is a symbolic link: links are left alone")


def _never_read(source: bytes, reason: str) -> Iterator[MarkerReport]:
    for line, text in enumerate(source.split(b"\n"), 1):
        if has_marker(text):
            yield MarkerReport(line=line, setter="", state="never read", reason=reason)


def _content(path: str) -> bytes | None:
    """Read a file; None for anything that is not a regular file (a link, a submodule) or no longer exists."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise CommandFailed(f"failed to read {path}: {error.strerror}") from error
    try:
        # A regular file answers with less than it was asked for at its end only: nearly every one with the first read.
        parts, asked = [os.read(number, FIRST_READ)], FIRST_READ
        while len(parts[-1]) == asked:
            parts, asked = [*parts, os.read(number, LATER_READ)], LATER_READ
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise CommandFailed(f"failed to read {path}: {error.strerror}") from error
    finally:
        os.close(number)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def write_file(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a full disk never destroys the old content.

    Raises:
        CommandFailed: the file cannot be written.
    """
    new = path.with_name(f"{path.name}.tagstream-new")
    try:
        new.write_bytes(content)
        new.chmod(stat.S_IMODE(path.stat().st_mode))
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise CommandFailed(f"failed to write {path}: {error.strerror}") from error


def workloads(objects: Sequence[object]) -> tuple[Workload, ...]:
    """Return the automations among these objects, sorted by name."""
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
    if automation.metadata.key.namespace != policy.metadata.key.namespace:
        return False
    try:
        return selects(automation.policy_selector, policy.metadata.labels)
    except InvalidSelector:
        # The selector is invalid, which is reported as an error of its own. Treat it as if it admitted every policy.
        return True


def inside(path: str) -> str:
    """Return ``update.path`` relative to the root of the tree; ``..`` cannot lead out of the tree."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def given_refs(texts: Sequence[str], namespace: str) -> Mapping[NamespacedName, ImageRef]:
    """Read ``--ref NAMESPACE/NAME=IMAGE:TAG[@DIGEST]`` arguments.

    Raises:
        CommandFailed: an argument has another form, or a policy is given twice.
    """
    found = {}
    for text in texts:
        policy, separator, ref = text.partition("=")
        name, at, digest = ref.partition("@")
        image, colon, tag = name.rpartition(":")
        if not (separator and policy and colon and image and TAG.fullmatch(tag)) or bool(at) != bool(digest):
            raise CommandFailed(f"--ref {text}: expected NAMESPACE/NAME=IMAGE:TAG[@DIGEST]")
        own, slash, short = policy.partition("/")
        key = NamespacedName(own, short) if slash else NamespacedName(namespace, policy)
        if key in found:
            raise CommandFailed(f"--ref {key} is given twice")
        found[key] = ImageRef(name=image, tag=tag, digest=digest)
    return found
