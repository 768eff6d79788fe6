"""Objects with their places in files, so that every problem names its file and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tagstream.domain.objects.kinds import ParsedObject, parse_object
from tagstream.domain.objects.manifest import Document

NO_OBJECT = "not an object: expected a mapping with apiVersion and kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """An object and its place in a file.

    ``prefix`` is the path of the object inside its document, such as ``items[0].`` in a List.
    """

    parsed: ParsedObject
    document: Document
    prefix: str = ""

    def at(self, path: str) -> str:
        """Return ``file:line`` of a field."""
        return f"{self.document.name}:{self.document.line_of(self.prefix + path)}"

    def messages(self, *, warnings: bool) -> tuple[str, ...]:
        """Return the errors or the warnings of the object, each with file and line."""
        return tuple(
            f"{self.at(problem.path)}: {self.parsed.name} {problem}"
            for problem in self.parsed.problems
            if problem.is_warning == warnings
        )

    @property
    def where(self) -> str:
        """The object's place as ``file:line``."""
        return self.at("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """Everything that was found, in order.

    ``errors`` are about files that could not be read, ``warnings`` about files that were left out, ``notes`` about
    documents that were.
    """

    objects: tuple[Located, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def add_objects(document: Document, namespace: str, objects: list[Located], errors: list[str]) -> None:
    """Add the objects of a document: itself, or the items of a List.

    Args:
        document: of a file.
        namespace: for objects that name none.
        objects: grows.
        errors: grows by what is no object, with file and line.
    """
    for prefix, value in _items(document.value, ""):
        if isinstance(value, dict):
            objects.append(Located(parsed=parse_object(value, namespace), document=document, prefix=prefix))
        else:
            where = f"{document.name}:{document.line_of(prefix)}"
            errors.append(f"{where}: {NO_OBJECT}")


def _items(value: object, prefix: str) -> Iterator[tuple[str, object]]:
    """Yield a document, or each item of a List, with its path in the document."""
    items = value.get("items") if isinstance(value, dict) and str(value.get("kind")).endswith("List") else None
    if not isinstance(value, dict) or not isinstance(items, list):
        yield prefix, value
        return
    # As for kubectl, items of an ImagePolicyList that have no type of their own are ImagePolicies.
    kind = value["kind"].removesuffix("List")
    default = {"apiVersion": value.get("apiVersion"), "kind": kind} if kind else {}
    for index, item in enumerate(items):
        typed = {**default, **item} if isinstance(item, dict) else item
        yield from _items(typed, f"{prefix}items[{index}].")
