"""What commit message templates see, as Go's values.

Source: image-automation-controller internal/source/source.go (TemplateData), internal/update/result.go; v0.41
pkg/update/result.go and ref.go for ``.Updated``; go-containerregistry pkg/name for its parts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gocompat.template.values import (
    STRING,
    STRING_MAP,
    Function,
    GoMap,
    GoSlice,
    GoStruct,
    GoType,
    Value,
    map_of,
    named,
    slice_of,
)
from tagstream.domain.objects.image_name import InvalidImage, parse_reference
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.identity import ObjectIdentifier
from tagstream.domain.setters.plan import Change

if TYPE_CHECKING:
    from tagstream.domain.update.message import MessageData

_DATA = named("source.TemplateData", "struct")
_NAME = named("types.NamespacedName", "struct")
_LOGGED = named(r'struct { Name string "json:\"name\""; Namespace string "json:\"namespace,omitempty\"" }', "struct")
_RESULT = named("update.Result", "struct")
_FILE_RESULT = named("update.FileResult", "struct")
_CHANGE = named("update.Change", "struct")
_OBJECT = named("update.ObjectIdentifier", "struct")
_RESOURCE = named("yaml.ResourceIdentifier", "struct")
_TYPE_META = named("yaml.TypeMeta", "struct")
_NAME_META = named("yaml.NameMeta", "struct")
_REF = named("update.imageRef", "struct")
_REF_INTERFACE = named("update.ImageRef", "interface")
_REPOSITORY = named("name.Repository", "struct")
_CHANGES = slice_of(_CHANGE)
_OBJECT_CHANGES = GoType("update.ObjectChanges", "map", _OBJECT, _CHANGES)
_FILES = map_of(STRING, _OBJECT_CHANGES)
_REFS = slice_of(_REF_INTERFACE)


def template_data(data: MessageData, used: list[str]) -> GoStruct:
    """The dot of a commit message template.

    Args:
        data: as given to the template.
        used: takes the names of removed fields that the template reaches.
    """
    changes = sorted(data.changes, key=lambda one: (one.file, one.object))
    legacy = _Legacy(changes, data.refs, used)
    table = {} if data.table is None else {"Table": _constant(data.table)}
    return GoStruct(
        go_type=_DATA,
        fields=(
            ("AutomationObject", named_object(data.automation)),
            ("Changed", _changed(changes, legacy)),
            ("Values", GoMap(dict(data.values), STRING_MAP, absent=not data.values)),
        ),
        hidden={"Updated": lambda: legacy.reached(".Updated"), **table},
    )


def named_object(key: NamespacedName) -> GoStruct:
    """A types.NamespacedName."""
    text = str(key)
    logged = GoStruct(
        go_type=_LOGGED,
        fields=(("Name", key.name), ("Namespace", key.namespace)),
        json=GoMap({"name": key.name, **_given(namespace=key.namespace).entries}),
    )
    return GoStruct(
        go_type=_NAME,
        fields=(("Namespace", key.namespace), ("Name", key.name)),
        methods={"String": _text(text), "MarshalLog": Function((), lambda: logged)},
        text=text,
    )


def _changed(changes: list[Change], legacy: _Legacy) -> GoStruct:
    files: dict[str, GoMap] = {}
    for change in changes:
        objects = files.setdefault(change.file, GoMap({}, _OBJECT_CHANGES))
        _add(objects, change)
    merged = GoMap({}, _OBJECT_CHANGES)
    for change in changes:
        _add(merged, change)
    return GoStruct(
        go_type=_RESULT,
        fields=(("FileChanges", GoMap(dict(files), _FILES)),),
        methods={
            "Objects": Function((), lambda: merged),
            "Changes": Function((), functools.cache(lambda: GoSlice(_unique(changes), _CHANGES, absent=not changes))),
        },
        hidden={"ImageResult": lambda: legacy.reached(".Changed.ImageResult")},
    )


def _add(objects: GoMap, change: Change) -> None:
    found = objects.entries.setdefault(_identifier(change.object), GoSlice([], _CHANGES))
    found.items.append(_change(change))


def _unique(changes: Iterable[Change]) -> list[Value]:
    return list(dict.fromkeys(_change(one) for one in changes))


def _change(change: Change) -> GoStruct:
    return GoStruct(
        go_type=_CHANGE,
        fields=(("OldValue", change.old_value), ("NewValue", change.new_value), ("Setter", change.setter)),
    )


@functools.lru_cache(maxsize=10_000)
def _identifier(key: ObjectIdentifier) -> GoStruct:
    meta = GoStruct(
        go_type=_TYPE_META,
        fields=(("APIVersion", key.api_version), ("Kind", key.kind)),
        json=_given(apiVersion=key.api_version, kind=key.kind),
    )
    name = GoStruct(
        go_type=_NAME_META,
        fields=(("Name", key.name), ("Namespace", key.namespace)),
        json=_given(name=key.name, namespace=key.namespace),
    )
    parts = {"TypeMeta": meta, "NameMeta": name}
    inner = (*meta.fields, *name.fields, *parts.items())
    promoted = {field: _constant(value) for field, value in inner}
    json = GoMap(meta.json.entries | name.json.entries)
    resource = GoStruct(go_type=_RESOURCE, fields=tuple(parts.items()), hidden=promoted, json=json)
    return GoStruct(
        go_type=_OBJECT,
        json=json,
        fields=(("ResourceIdentifier", resource),),
        hidden=promoted,
        key=(key.api_version.encode(), key.kind.encode(), key.name.encode(), key.namespace.encode()),
    )


def _given(**parts: str) -> GoMap:
    """An object of JSON without its empty members."""
    return GoMap({name: text for name, text in parts.items() if text})


def _constant(value: Value) -> Callable[[], Value]:
    return lambda: value


class _Legacy:
    """``.Updated`` and ``.Changed.ImageResult``: the images behind changes, as Flux up to 0.41 told them."""

    def __init__(self, changes: list[Change], refs: Mapping[NamespacedName, ImageRef], used: list[str]) -> None:
        self._changes = changes
        self._refs = refs
        self._used = used

    def reached(self, name: str) -> GoStruct:
        """The value, noting that the template wants it."""
        self._used.append(name)
        return self._value

    @functools.cached_property
    def _images(self) -> Mapping[NamespacedName, GoStruct]:
        return {policy: _image(ref, policy) for policy, ref in self._refs.items()}

    @functools.cached_property
    def _value(self) -> GoStruct:
        """Made once, however often the template names it."""
        by_file: dict[str, list[Change]] = {}
        for change in self._changes:
            by_file.setdefault(change.file, []).append(change)
        files: dict[Any, Value] = {
            file: GoStruct(go_type=_FILE_RESULT, fields=(("Objects", self._objects(changes)),))
            for file, changes in by_file.items()
        }
        objects = self._objects(self._changes)
        images = dict.fromkeys(one for refs in objects.entries.values() for one in refs.items)
        return GoStruct(
            go_type=_RESULT,
            fields=(("Files", GoMap(files, map_of(STRING, _FILE_RESULT))),),
            methods={
                "Objects": Function((), lambda: objects),
                "Images": Function((), lambda: GoSlice(list(images), _REFS, absent=not images)),
            },
        )

    def _objects(self, changes: list[Change]) -> GoMap:
        found: dict[Value, dict[Value, None]] = {}
        for change in changes:
            image = self._images.get(_policy(change.setter))
            if image is not None:
                found.setdefault(_identifier(change.object), {})[image] = None
        return GoMap({key: GoSlice(list(refs), _REFS) for key, refs in found.items()}, map_of(_OBJECT, _REFS))


def _policy(setter: str) -> NamespacedName:
    namespace, _, rest = setter.partition(":")
    return NamespacedName(namespace, rest.partition(":")[0])


def _image(ref: ImageRef, policy: NamespacedName) -> GoStruct:
    text = str(ref)
    try:
        name = parse_reference(text)
        registry, repository = name.registry, name.repository
    except InvalidImage:
        registry, _, repository = ref.name.partition("/")
    identifier = ref.digest or ref.tag
    full = f"{registry}/{repository}{'@' if ref.digest else ':'}{identifier}"
    context = GoStruct(
        go_type=_REPOSITORY,
        methods={
            "Name": _text(f"{registry}/{repository}"),
            "String": _text(f"{registry}/{repository}"),
            "RegistryStr": _text(registry),
            "RepositoryStr": _text(repository),
        },
        text=f"{registry}/{repository}",
    )
    return GoStruct(
        go_type=_REF,
        methods={
            "String": _text(text),
            "Name": _text(full),
            "Registry": _text(registry),
            "Repository": _text(repository),
            "Identifier": _text(identifier),
            "Policy": Function((), lambda: named_object(policy)),
            "Context": Function((), lambda: context),
        },
        text=text,
        shown_type=_REF_INTERFACE,
        key=(text, policy),
    )


def _text(text: str) -> Function:
    return Function((), lambda: text)
