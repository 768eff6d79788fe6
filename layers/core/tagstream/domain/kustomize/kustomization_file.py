"""Reads a ``kustomization.yaml``: which files it names, and what is changed in their objects.

Fields that only concern workloads are passed over. Fields that would change tagstream's objects, and are not built, are
errors: to leave them out would apply something else than kustomize.

Source: kustomize api/types/kustomization.go (fields), api/types/selector.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tagstream.domain.kustomize.source import BuildFailed
from tagstream.domain.objects.fields import Fields, Problem
from tagstream.domain.objects.manifest import Document, InvalidDocument, read_documents

_Where = Callable[[str], str]
FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
WORKLOADS_ONLY = (
    *("images", "replicas", "configMapGenerator", "secretGenerator", "generatorOptions", "openapi", "crds"),
    *("sortOptions", "buildMetadata", "helmCharts", "helmGlobals", "helmChartInflationGenerator", "configurations"),
    "metadata",
)
"""Fields that change no object of tagstream's kinds."""
NOT_BUILT = (
    *("namePrefix", "nameSuffix", "components", "replacements", "vars", "transformers", "generators", "validators"),
)
"""Fields that could change tagstream's objects, and are refused by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which objects a patch changes: all that match every member that is not empty.

    ``name``, ``namespace``, ``group``, ``version`` and ``kind`` are regular expressions for the whole text.
    """

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    labels: str = ""
    annotations: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchEntry:
    """A patch as it is named: inline ``text``, or the file at ``path``; no ``target`` means what it names itself.

    ``where`` is ``file:line`` of the entry.
    """

    where: str
    text: str = ""
    path: str = ""
    target: Target | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An entry of ``resources`` with its ``file:line``."""

    entry: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizationFile:
    """What is built of one kustomization file, in kustomize's order.

    Attributes:
        resources: files and folders.
        merge_patches: ``patchesStrategicMerge``.
        patches: ``patches``.
        namespace: of all objects; empty leaves them where they are.
        labels: added to the metadata of all objects.
        annotations: added to the metadata of all objects.
        json_patches: ``patchesJson6902``, which come last.
    """

    resources: Sequence[Named] = ()
    merge_patches: Sequence[PatchEntry] = ()
    patches: Sequence[PatchEntry] = ()
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    json_patches: Sequence[PatchEntry] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What the spec of a Kustomization adds to its files.

    Attributes:
        target_namespace: of all objects, whatever the kustomization file says; empty leaves them where they are.
        patches: applied after those of the kustomization file.
        labels: of ``spec.commonMetadata``, which win over the objects' own.
        annotations: the same.
    """

    target_namespace: str = ""
    patches: Sequence[PatchEntry] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def read_kustomization_file(source: bytes, name: str) -> KustomizationFile:
    """Read a kustomization file.

    Args:
        source: YAML.
        name: of the file, for messages.

    Raises:
        BuildFailed: no YAML, an unknown field, a field that is not built, or a value of the wrong type.
    """
    try:
        documents = read_documents(source, name)
    except InvalidDocument as error:
        raise BuildFailed(str(error)) from error
    if not documents:
        raise BuildFailed(f"{name}: kustomization.yaml is empty")
    if len(documents) > 1 or not isinstance(documents[0].value, dict):
        raise BuildFailed(f"{name}: expected one document that is a mapping")
    return _read(documents[0])


def read_patches(fields: Fields, where: str) -> tuple[PatchEntry, ...]:
    """Read ``spec.patches`` of a Flux Kustomization; it has no files, only texts.

    Args:
        fields: of the spec; problems stay there.
        where: names the object in errors of a patch.
    """
    return tuple(_patch(one, where) for one in fields.children("patches"))


def _read(document: Document) -> KustomizationFile:
    problems: list[Problem] = []
    value = document.value
    fields = Fields(value if isinstance(value, dict) else {}, "", problems)

    def where(path: str) -> str:
        return f"{document.name}:{document.line_of(path)}"

    for name in NOT_BUILT:
        if fields.has(name):
            raise BuildFailed(f"{where(name)}: '{name}' is not supported by tagstream")
    fields.text("apiVersion")
    if fields.text("kind", "Kustomization") != "Kustomization":
        raise BuildFailed(f"{where('kind')}: kind must be Kustomization")
    read = KustomizationFile(
        resources=_named(fields, "resources", where) + _named(fields, "bases", where),
        merge_patches=_merge_patches(fields, where),
        patches=_patches(fields, "patches", where),
        namespace=fields.text("namespace"),
        labels={**fields.strings("commonLabels"), **_labels(fields)},
        annotations=fields.strings("commonAnnotations"),
        json_patches=_patches(fields, "patchesJson6902", where),
    )
    fields.finish(ignored=WORKLOADS_ONLY)
    if problems:
        first = problems[0]
        path = first.message.removeprefix('unknown field "').removesuffix('"') if first.is_warning else first.path
        raise BuildFailed(f"{where(path)}: {first.path + ': ' if first.path else ''}{first.message}")
    return read


def _named(fields: Fields, name: str, where: _Where) -> tuple[Named, ...]:
    return tuple(Named(entry=entry, where=where(f"{name}[{index}]")) for index, entry in enumerate(fields.texts(name)))


def _merge_patches(fields: Fields, where: _Where) -> tuple[PatchEntry, ...]:
    """Entries are paths, or patches themselves when they have more than one line."""
    found = []
    for one in _named(fields, "patchesStrategicMerge", where):
        is_text = "\n" in one.entry
        found.append(PatchEntry(where=one.where, text=one.entry if is_text else "", path="" if is_text else one.entry))
    return tuple(found)


def _patches(fields: Fields, name: str, where: _Where) -> tuple[PatchEntry, ...]:
    listed = enumerate(fields.children(name))
    return tuple(_patch(one, where(f"{name}[{index}]")) for index, one in listed)


def _patch(fields: Fields, where: str) -> PatchEntry:
    target = fields.child("target")
    options = fields.child("options")
    if options is not None and any(options.flag(name) for name in ("allowNameChange", "allowKindChange")):
        raise BuildFailed(f"{where}: 'options' of a patch are not supported by tagstream")
    entry = PatchEntry(
        where=where,
        text=fields.text("patch"),
        path=fields.text("path"),
        target=None if target is None else _target(target),
    )
    fields.finish()
    if bool(entry.text) == bool(entry.path):
        raise BuildFailed(f"{where}: a patch needs either 'patch' or 'path'")
    return entry


def _target(fields: Fields) -> Target:
    found = Target(
        group=fields.text("group"),
        version=fields.text("version"),
        kind=fields.text("kind"),
        name=fields.text("name"),
        namespace=fields.text("namespace"),
        labels=fields.text("labelSelector"),
        annotations=fields.text("annotationSelector"),
    )
    fields.finish()
    return found


def _labels(fields: Fields) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for one in fields.children("labels"):
        found |= one.strings("pairs")
        for flag in ("includeSelectors", "includeTemplates"):
            one.flag(flag)
        one.children("fields")
        one.finish()
    return found
