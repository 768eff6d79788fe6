"""Patches of objects: strategic merge patches and JSON patches.

kustomize knows no merge keys for Flux's kinds, so that lists are replaced, mappings are merged, and null removes a
member. Only objects of tagstream's kinds are changed, but a patch of a workload has to find its object, too.

Source: kustomize api/internal/builtins PatchTransformer and PatchStrategicMergeTransformer, kyaml yaml/merge2 and
yaml/walk (directives); RFC 6902.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jsonpatch import JsonPatch, JsonPatchException, JsonPointerException

from gocompat.regexp import InvalidPattern, compile_pattern
from tagstream.domain.kustomize.kustomization_file import Target
from tagstream.domain.kustomize.resource import Identity, Resource, identity_of, metadata_texts, with_metadata
from tagstream.domain.kustomize.source import BuildFailed
from tagstream.domain.objects.manifest import InvalidDocument, read_documents
from tagstream.domain.objects.selector import InvalidSelector, read_selector, selects

DIRECTIVE = "$patch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A patch that was read.

    ``operations`` are those of a JSON patch; None for a strategic merge patch, whose content ``merged`` is.
    """

    where: str
    target: Target | None
    merged: Mapping[str, object]
    operations: Sequence[Mapping[str, object]] | None = None


def read_patch(source: bytes, where: str, target: Target | None) -> Sequence[Patch]:
    """Read the patches of a text or a file.

    Args:
        source: YAML or JSON: a list of operations, or objects that say what changes in them.
        where: names the patch in errors.
        target: what it changes; a JSON patch must have one.

    Raises:
        BuildFailed: the text is no patch.
    """
    try:
        documents = read_documents(source, where)
    except InvalidDocument as error:
        raise BuildFailed(str(error)) from error
    found = []
    for document in documents:
        value = document.value
        if isinstance(value, list):
            if target is None:
                raise BuildFailed(f"{where}: a JSON patch needs a target")
            found.append(
                Patch(where=where, target=target, merged={}, operations=[_operation(one, where) for one in value])
            )
        elif isinstance(value, dict):
            if target is None and not (value.get("kind") and identity_of(value).name):
                raise BuildFailed(f"{where}: a patch without a target needs apiVersion, kind and metadata.name")
            found.append(Patch(where=where, target=target, merged=value))
        else:
            raise BuildFailed(f"{where}: neither a mapping nor a list of operations")
    if not found:
        raise BuildFailed(f"{where}: the patch is empty")
    return found


def patched(resources: Sequence[Resource], patch: Patch) -> Sequence[Resource]:
    """Return the objects with a patch applied.

    Raises:
        BuildFailed: a patch without a target finds no object, or an operation is not possible.
    """
    matches = _matcher(patch)
    hit = [matches(one) for one in resources]
    if patch.target is None and not any(hit):
        raise BuildFailed(f"{patch.where}: no object matches the patch of {identity_of(patch.merged)}")
    changed = [_changed(one, patch) if is_hit else one for one, is_hit in zip(resources, hit, strict=True)]
    return [one for one in changed if one is not None]


def _operation(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or not isinstance(value.get("op"), str) or not isinstance(value.get("path"), str):
        raise BuildFailed(f"{where}: an operation of a JSON patch needs op and path")
    return value


def _matcher(patch: Patch) -> Callable[[Resource], bool]:
    if patch.target is None:
        wanted = identity_of(patch.merged)
        return lambda one: any(_is(found, wanted) for found in (one.original, one.identity))
    return _selector(patch.target, patch.where)


def _is(found: Identity, wanted: Identity) -> bool:
    return found.apart == wanted.apart and found.version == wanted.version


def _selector(target: Target, where: str) -> Callable[[Resource], bool]:
    try:
        patterns = {
            name: compile_pattern(f"^(?:{text})$")
            for name in ("group", "version", "kind", "name", "namespace")
            if (text := getattr(target, name))
        }
        labels, annotations = read_selector(target.labels), read_selector(target.annotations)
    except (InvalidPattern, InvalidSelector) as error:
        raise BuildFailed(f"{where}: target: {error}") from error

    def matches(one: Resource) -> bool:
        is_named = any(
            all(pattern.matches(getattr(found, name)) for name, pattern in patterns.items())
            for found in (one.original, one.identity)
        )
        return (
            is_named
            and selects(labels, metadata_texts(one.value, "labels"))
            and selects(annotations, metadata_texts(one.value, "annotations"))
        )

    return matches


def _changed(one: Resource, patch: Patch) -> Resource | None:
    """Return an object with a patch applied; None when the patch deletes it."""
    if not one.is_ours:
        return one
    if patch.operations is None:
        merged = _merged(one.value, _without_identity(patch.merged), patch.where)
        return None if merged is None else one.changed(_identified(merged, one.value))
    try:
        value = JsonPatch(list(patch.operations)).apply(copy.deepcopy(dict(one.value)))
    except (JsonPatchException, JsonPointerException, TypeError, KeyError, IndexError) as error:
        raise BuildFailed(f"{patch.where}: {one.identity}: {error}") from error
    if not isinstance(value, dict):
        raise BuildFailed(f"{patch.where}: {one.identity}: the patch leaves no object")
    return one.changed(value)


def _without_identity(patch: Mapping[str, object]) -> Mapping[str, object]:
    """The patch without what names its object: that does not change, whatever a target has matched."""
    kept = {name: value for name, value in patch.items() if name not in ("apiVersion", "kind", "metadata")}
    metadata = patch.get("metadata")
    if not isinstance(metadata, dict):
        return kept
    return {**kept, "metadata": {name: value for name, value in metadata.items() if name not in ("name", "namespace")}}


def _identified(merged: Mapping[str, object], before: Mapping[str, object]) -> Mapping[str, object]:
    """A patch that replaces the whole object has no identity; the object keeps its own."""
    named = identity_of(before)
    members = {"name": named.name} | ({"namespace": named.namespace} if named.namespace else {})
    kept = {name: before[name] for name in ("apiVersion", "kind") if name in before}
    return with_metadata({**kept, **merged}, **members)


def _merged(value: Mapping[str, object], patch: Mapping[str, object], where: str) -> Mapping[str, object] | None:
    """Return a mapping with a patch merged into it; None when the patch deletes it."""
    directive = patch.get(DIRECTIVE)
    if directive == "delete":
        return None
    changes = {name: change for name, change in patch.items() if name != DIRECTIVE}
    if directive == "replace":
        return changes
    if directive not in (None, "merge"):
        raise BuildFailed(f"{where}: unknown directive {DIRECTIVE}: {directive}")
    found = dict(value)
    for name, change in changes.items():
        new = change
        if isinstance(change, dict):
            before = found.get(name)
            new = _merged(before if isinstance(before, dict) else {}, change, where)
        if new is None:
            found.pop(name, None)
        else:
            found[name] = new
    return found
