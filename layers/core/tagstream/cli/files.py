"""Reads manifests from files, folders and stdin, named as for kubectl's ``-f``.

Source: kubectl's resource builder: ``.json``, ``.yaml`` and ``.yml`` in a folder, sorted; below it with ``-R``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO, cast

from tagstream.cli.console import CommandFailed
from tagstream.domain.objects.kinds import ENCRYPTED_KIND, ParsedObject, parse_object
from tagstream.domain.objects.manifest import Document, InvalidDocument, read_documents
from tagstream.domain.objects.sops import encrypted_members

NO_OBJECT = "not an object: expected a mapping with apiVersion and kind"
MAX_NAMED = 3
EXTENSIONS = frozenset({".json", ".yaml", ".yml"})


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


def read_manifests(paths: Sequence[str], stdin: TextIO, namespace: str, *, recursive: bool = False) -> Manifests:
    """Read every file; a file that cannot be read does not hide the problems of the others.

    Args:
        paths: files, folders, or ``-`` for stdin.
        stdin: read for ``-``.
        namespace: for objects that name none.
        recursive: whether folders below the given ones are read too.

    Raises:
        CommandFailed: a path does not exist.
    """
    objects: list[Located] = []
    errors: list[str] = []
    for path in paths:
        for name, source in _sources(path, stdin, recursive):
            try:
                documents = read_documents(source, name)
            except InvalidDocument as error:
                errors.append(str(error))
                continue
            for document in documents:
                _add(document, namespace, objects, errors)
    warnings = () if recursive else (f"{path}: -R reads the folders below it too" for path in paths if _is_deeper(path))
    return Manifests(objects=tuple(objects), errors=tuple(errors), warnings=tuple(warnings))


def read_objects(paths: Sequence[str], stdin: TextIO, namespace: str, *, recursive: bool = False) -> Manifests:
    """Read as ``read_manifests`` does, from folders in which other YAML files lie beside the objects.

    Documents without apiVersion or kind (values of charts, ``.sops.yaml``) and encrypted ones are skipped; one note
    reports them all.
    """
    found = read_manifests(paths, stdin, namespace, recursive=recursive)
    kept, others, encrypted = [], [], []
    for one in found.objects:
        document = one.parsed.document
        if encrypted_members(document) and (one.parsed.kind == "Secret" or one.parsed.kind == ENCRYPTED_KIND):
            encrypted.append(one.where)
        elif document.get("apiVersion") and document.get("kind"):
            kept.append(one)
        else:
            others.append(one.where)
    others += [error.removesuffix(f": {NO_OBJECT}") for error in found.errors if error.endswith(NO_OBJECT)]
    notes = (_passed_over(others, "without apiVersion or kind"), _passed_over(encrypted, "encrypted with SOPS"))
    return replace(
        found,
        objects=tuple(kept),
        errors=tuple(error for error in found.errors if not error.endswith(NO_OBJECT)),
        notes=tuple(note for note in notes if note),
    )


def _passed_over(places: Sequence[str], cause: str) -> str:
    if not places:
        return ""
    named = ", ".join(places[:MAX_NAMED]) + (" …" if len(places) > MAX_NAMED else "")
    return f"{len(places)} {'document' if len(places) == 1 else 'documents'} {cause} passed over: {named}"


def _is_deeper(path: str) -> bool:
    """Tell whether a folder has manifests in folders below it, which are not read without ``-R``."""
    where = Path(path)
    return where.is_dir() and any(one.suffix in EXTENSIONS and one.parent != where for one in where.rglob("*"))


def _add(document: Document, namespace: str, objects: list[Located], errors: list[str]) -> None:
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


def _sources(path: str, stdin: TextIO, recursive: bool) -> Iterator[tuple[str, bytes]]:
    if path == "-":
        yield "stdin", read_stdin(stdin)
        return
    where = Path(path)
    if not where.exists():
        raise CommandFailed(f'the path "{path}" does not exist')
    for file in _files(where, recursive):
        yield str(file), read_file(file)


def _files(where: Path, recursive: bool) -> Sequence[Path]:
    if not where.is_dir():
        return [where]
    found = where.rglob("*") if recursive else where.iterdir()
    return sorted(one for one in found if one.suffix in EXTENSIONS and one.is_file())


def read_stdin(stdin: TextIO) -> bytes:
    """Read stdin as bytes. Whoever parses them refuses what is not UTF-8, and names the line."""
    buffer = getattr(stdin, "buffer", None)
    return cast("bytes", buffer.read()) if buffer is not None else stdin.read().encode(errors="surrogateescape")


def read_file(path: Path) -> bytes:
    """Read a file.

    Raises:
        CommandFailed: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"failed to read {path}: {error.strerror}") from error
