"""Builds the objects at a path: those its kustomization file names, or all of a folder without one.

Source: kustomize api/internal/target (order of the transformers), fluxcd/pkg kustomize/kustomize_generator.go (a folder
without a kustomization file, and what the spec of a Kustomization adds).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tagstream.domain.kustomize.exclusions import WithoutExcluded
from tagstream.domain.kustomize.kustomization_file import (
    FILE_NAMES,
    KustomizationFile,
    Named,
    Overlay,
    PatchEntry,
    read_kustomization_file,
)
from tagstream.domain.kustomize.patches import patched, read_patch
from tagstream.domain.kustomize.resource import (
    CLUSTER_SCOPED,
    Resource,
    identity_of,
    metadata_texts,
    with_metadata,
)
from tagstream.domain.kustomize.source import BuildFailed, Source, joined
from tagstream.domain.objects.manifest import Document, InvalidDocument, read_documents

EXTENSIONS = (".yaml", ".yml")
MAX_DEPTH = 50
MAX_OBJECTS = 20_000
_REMOTE = ("://", "git@", "git::")


def build(root: str, source: Source, overlay: Overlay) -> Sequence[Resource]:
    """Build the objects at a path.

    Args:
        root: a folder, from the root of the repository; empty for the root itself.
        source: the files of the commit.
        overlay: what the Kustomization adds.

    Returns:
        All objects in their order, of tagstream's kinds and of others; those of other kinds are not patched.

    Raises:
        BuildFailed: a file is missing or invalid, an object is there twice, a field is not supported, or a patch fails.
    """
    source = WithoutExcluded(source)
    files = _Files(source)
    if not source.below(root):
        raise BuildFailed(f"kustomization path not found: {root or '.'}")
    found = files.kustomization_of(root)
    kustomization = files.read(found) if found else KustomizationFile(resources=tuple(_generated(root, source)))
    kustomization = _with_overlay(kustomization, overlay)
    built = _Builder(files).folder(root, kustomization, (root,))
    return [
        _with_texts(_with_texts(one, "labels", overlay.labels), "annotations", overlay.annotations) for one in built
    ]


def _with_overlay(found: KustomizationFile, overlay: Overlay) -> KustomizationFile:
    return replace(
        found,
        patches=(*found.patches, *overlay.patches),
        namespace=overlay.target_namespace or found.namespace,
    )


def _generated(root: str, source: Source) -> Iterator[Named]:
    """What Flux lists for a folder without a kustomization file: all YAML below it, and folders that have one."""
    paths = source.below(root)
    folders = sorted({posixpath.dirname(one) for one in paths if posixpath.basename(one) in FILE_NAMES})
    outermost: list[str] = []
    for folder in folders:
        if not any(_is_below(folder, one) for one in outermost):
            outermost.append(folder)
            yield Named(entry=posixpath.relpath(folder, root or "."), where=folder)
    for path in paths:
        if path.endswith(EXTENSIONS) and not any(_is_below(path, folder) for folder in outermost):
            yield Named(entry=posixpath.relpath(path, root or "."), where=path)


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


class _Files:
    """The files of a commit; each is read once, and those of a folder together."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.contents: dict[str, bytes] = {}

    def content(self, path: str) -> bytes:
        """The bytes of a file; its neighbours are fetched with it, because they are wanted next."""
        if path not in self.contents:
            near = [one for one in self.source.below(posixpath.dirname(path)) if _is_wanted(one)]
            wanted = {path, *near} - self.contents.keys()
            self.contents |= self.source.read(wanted)
        return self.contents[path]

    def kustomization_of(self, folder: str) -> str:
        """The kustomization file of a folder; empty if it has none."""
        paths = set(self.source.below(folder))
        found = [path for name in FILE_NAMES if (path := posixpath.join(folder, name)) in paths]
        if len(found) > 1:
            raise BuildFailed(f"{found[0]}: found multiple kustomization files: {', '.join(found)}")
        return found[0] if found else ""

    def read(self, path: str) -> KustomizationFile:
        """A kustomization file."""
        return read_kustomization_file(self.content(path), path)


def _is_wanted(path: str) -> bool:
    return path.endswith(EXTENSIONS) or posixpath.basename(path) in FILE_NAMES


class _Builder:
    """Builds folders; ``count`` bounds the objects of them all."""

    def __init__(self, files: _Files) -> None:
        self.files = files
        self.count = 0

    def folder(self, folder: str, kustomization: KustomizationFile, above: tuple[str, ...]) -> Sequence[Resource]:
        """The objects of a folder with what its kustomization file changes in them."""
        resources: list[Resource] = []
        for one in kustomization.resources:
            resources += self._entry(one, folder, above)
        _check_unique(resources)
        changed: Sequence[Resource] = resources
        for entry in (*kustomization.merge_patches, *kustomization.patches):
            changed = self._patched(changed, entry, folder)
        changed = [_moved(one, kustomization.namespace) for one in changed]
        changed = [_with_texts(one, "labels", kustomization.labels) for one in changed]
        changed = [_with_texts(one, "annotations", kustomization.annotations) for one in changed]
        for entry in kustomization.json_patches:
            changed = self._patched(changed, entry, folder)
        _check_unique(changed)
        return changed

    def _entry(self, named: Named, folder: str, above: tuple[str, ...]) -> Sequence[Resource]:
        if any(one in named.entry for one in _REMOTE) or named.entry.startswith(("github.com/", "gitlab.com/")):
            raise BuildFailed(f"{named.where}: remote resources are not read: '{named.entry}'")
        path = joined(folder, named.entry, named.where)
        below = self.files.source.below(path)
        if not below:
            raise BuildFailed(f"{named.where}: no such file or folder: '{named.entry}'")
        if path in below:
            return self._objects(path)
        if path in above:
            raise BuildFailed(f"{named.where}: cycle detected: '{named.entry}' is built already")
        if len(above) > MAX_DEPTH:
            raise BuildFailed(f"{named.where}: folders refer to each other more than {MAX_DEPTH} times")
        file = self.files.kustomization_of(path)
        if not file:
            listed = ", ".join(repr(name) for name in FILE_NAMES)
            raise BuildFailed(f"{named.where}: unable to find one of {listed} in '{named.entry}'")
        return self.folder(path, self.files.read(file), (*above, path))

    def _objects(self, path: str) -> Sequence[Resource]:
        try:
            documents = read_documents(self.files.content(path), path)
        except InvalidDocument as error:
            raise BuildFailed(str(error)) from error
        found = [_resource(document, value) for document in documents for value in _values(document)]
        self.count += len(found)
        if self.count > MAX_OBJECTS:
            raise BuildFailed(f"{path}: more than {MAX_OBJECTS} objects")
        return found

    def _patched(self, resources: Sequence[Resource], entry: PatchEntry, folder: str) -> Sequence[Resource]:
        where, source = entry.where, entry.text.encode()
        if entry.path:
            path = joined(folder, entry.path, entry.where)
            if path not in self.files.source.below(path):
                raise BuildFailed(f"{entry.where}: no such file: '{entry.path}'")
            where, source = path, self.files.content(path)
        for patch in read_patch(source, where, entry.target):
            resources = patched(resources, patch)
        return resources


def _values(document: Document) -> Iterator[object]:
    """A document, or the items of a List."""
    value = document.value
    kind = value.get("kind") if isinstance(value, dict) else None
    if (
        isinstance(value, dict)
        and isinstance(kind, str)
        and kind.endswith("List")
        and isinstance(value.get("items"), list)
    ):
        yield from value["items"]
    else:
        yield value


def _resource(document: Document, value: object) -> Resource:
    where = f"{document.name}:{document.line}"
    if not isinstance(value, dict):
        raise BuildFailed(f"{where}: not an object: expected a mapping with apiVersion and kind")
    identity = identity_of(value)
    if not identity.kind or not identity.version:
        raise BuildFailed(f"{where}: not an object: apiVersion and kind are required")
    if not identity.name:
        raise BuildFailed(f"{where}: {identity.kind}: metadata.name is required")
    return Resource(document=document, value=value, original=identity)


def _check_unique(resources: Sequence[Resource]) -> None:
    seen: dict[tuple[str, str, str, str], Resource] = {}
    for one in resources:
        first = seen.setdefault(one.identity.apart, one)
        if first is not one:
            places = [f"{found.document.name}:{found.document.line}" for found in (one, first)]
            raise BuildFailed(f"{places[0]}: {one.identity} is already at {places[1]}")


def _moved(one: Resource, namespace: str) -> Resource:
    if not namespace:
        return one
    kind = one.original.kind
    if kind == "Namespace" and not one.original.group:
        # kustomize names a Namespace after the one that its objects are moved to.
        return one.changed(with_metadata(one.value, name=namespace))
    return one if kind in CLUSTER_SCOPED else one.changed(with_metadata(one.value, namespace=namespace))


def _with_texts(one: Resource, name: str, texts: Mapping[str, str]) -> Resource:
    if not texts:
        return one
    return one.changed(with_metadata(one.value, **{name: {**metadata_texts(one.value, name), **texts}}))
