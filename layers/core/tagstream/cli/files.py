"""Reads manifests from files, folders and stdin, named as for kubectl's ``-f``.

Source: kubectl's resource builder: ``.json``, ``.yaml`` and ``.yml`` in a folder, sorted; below it with ``-R``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO, cast

from tagstream.cli.console import CommandFailed
from tagstream.domain.objects.kinds import ENCRYPTED_KIND
from tagstream.domain.objects.manifest import InvalidDocument, read_documents
from tagstream.domain.objects.sops import encrypted_members
from tagstream.reconcile.apply.located import NO_OBJECT, Located, Manifests, add_objects

MAX_NAMED = 3
EXTENSIONS = frozenset({".json", ".yaml", ".yml"})


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
                add_objects(document, namespace, objects, errors)
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
