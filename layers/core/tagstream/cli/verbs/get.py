"""Prints objects with their status, in Flux's columns or as YAML or JSON: ``tagstream get``.

On a terminal, tables are fitted to its width; ``-o wide``, a pipe and a file get whole values.

Source: flux2 cmd/flux/get.go, get_image_repository.go, get_image_policy.go, get_image_update.go, get_image_all.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import IMAGES, NAMESPACE, STORED, Target, resource_name
from tagstream.cli.label_selector import read_label_selector
from tagstream.cli.layout import Column
from tagstream.cli.object_columns import columns_of
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json, as_yaml
from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.objects.selector import selects
from tagstream.ports.agenda import ObjectName
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.completed_objects import completed, with_status
from tagstream.reconcile.shown_status import conditions_of, shown

WATCH_S = 2.0
"""How often ``--watch`` reads the table."""


def get_images(session: Session) -> int:
    """Run ``get images all``: print a table for every kind of image object that has objects."""
    return _get_kinds(session, IMAGES, "image")


def get_all(session: Session) -> int:
    """Run ``get all``: print a table for every kind that has objects."""
    return _get_kinds(session, STORED, "")


def _get_kinds(session: Session, kinds: Sequence[Target], word: str) -> int:
    found = {kind: _listed(session, kind) for kind in kinds}
    if not any(found.values()) and session.args.output not in ("json", "yaml"):
        where = "any" if session.args.all_namespaces else f'"{session.namespace}"'
        session.console.failure(f"no {word}{' ' if word else ''}objects found in {where} namespace")
    if session.args.output in ("json", "yaml", "name"):
        _print_whole(session, [one for stored in found.values() for one in stored], single=False)
    else:
        for kind, stored in found.items():
            if stored:
                _print_table(session, kind, stored, with_kind=True)
                session.console.line()
    if session.args.watch:
        _watch(session, kinds, found, with_kind=True)
    return 0


def get(session: Session) -> int:
    """Run ``get images|sources|receivers …``: print one object of a kind, or all."""
    kind: Target = session.args.target
    stored = _listed(session, kind)
    if not stored:
        # Flux prints this message too, and exits with 0.
        where = "any" if session.args.all_namespaces else f'"{session.namespace}"'
        name = session.args.name
        what = f"{kind.kind} object '{name}' not found" if name else f"no {kind.kind} objects found"
        session.console.failure(f"{what} in {where} namespace")
    elif session.args.output in ("json", "yaml", "name"):
        _print_whole(session, stored, single=bool(session.args.name) and len(stored) == 1)
    else:
        _print_table(session, kind, stored, with_kind=False)
    if session.args.watch:
        _watch(session, [kind], {kind: stored}, with_kind=False)
    return 0


def _watch(
    session: Session, kinds: Sequence[Target], known: Mapping[Target, Sequence[StoredObject]], *, with_kind: bool
) -> None:
    """Print every object that changes, until the command is interrupted; objects that are deleted are not told."""
    before = {_name(one): one for stored in known.values() for one in stored}
    while True:
        session.console.out.flush()
        session.ports.clock.sleep(WATCH_S)
        for kind in kinds:
            changed = [one for one in _listed(session, kind) if before.get(_name(one)) != one]
            before |= {_name(one): one for one in changed}
            if not changed:
                continue
            if session.args.output in ("json", "yaml", "name"):
                _print_whole(session, changed, single=len(changed) == 1)
            else:
                _print_table(session, kind, changed, with_kind=with_kind, header=False)


def _name(stored: StoredObject) -> ObjectName:
    return ObjectName(kind=stored.kind, key=stored.key)


def _listed(session: Session, kind: Target) -> Sequence[StoredObject]:
    """Return the objects that the arguments select, with what is stored apart from their statuses."""
    args = session.args
    # Whoever asks for Namespaces means all of them.
    is_everywhere = args.all_namespaces or getattr(args, "target", None) == NAMESPACE
    namespace = None if is_everywhere else session.namespace
    selector = read_label_selector(args.label_selector) if args.label_selector else None
    found = [
        one
        for one in session.ports.objects.list(kind.kind, namespace)
        if args.name in (None, one.key.name)
        and (selector is None or selects(selector, read_metadata(one.document).labels))
        and _has_status(one, args.status_selector)
    ]
    return completed(found, session.ports)


def _has_status(stored: StoredObject, selector: str | None) -> bool:
    if not selector:
        return True
    kind, separator, wanted = selector.partition("=")
    if not separator:
        raise CommandFailed(f"expected status selector in type=status format, but found: {selector}")
    found = [one for one in conditions_of(stored) if shown(one, "type").casefold() == kind.casefold()]
    return bool(found) and shown(found[-1], "status").casefold() == wanted.casefold()


def _print_table(
    session: Session, kind: Target, stored: Sequence[StoredObject], *, with_kind: bool, header: bool = True
) -> None:
    now = session.ports.clock.now() if session.is_brief else None
    prefix = f"{kind.kind.lower()}/" if with_kind else ""
    columns = columns_of(kind.kind, stored, on_terminal=session.is_brief)
    layouts = [Column(title="Name"), *(column.layout for column in columns)]
    rows = [[prefix + one.key.name, *(column.shown(one, now) for column in columns)] for one in stored]
    if session.args.all_namespaces:
        layouts = [Column(title="Namespace"), *layouts]
        rows = [[one.key.namespace, *row] for one, row in zip(stored, rows, strict=True)]
    session.console.table(layouts, rows, header=header and not session.args.no_header, fit=session.is_brief)


def _print_whole(session: Session, stored: Sequence[StoredObject], *, single: bool) -> None:
    output = session.args.output
    if output == "name":
        for one in stored:
            session.console.line(resource_name(one.kind, one.key.name))
        return
    items = [with_status(one) for one in stored]
    value: Mapping[str, object] = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}
    if single:
        value = items[0]
    session.console.line((as_json(value) if output == "json" else as_yaml(value)).rstrip("\n"))
