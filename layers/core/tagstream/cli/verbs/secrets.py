"""Lists and deletes the stack's secrets: ``tagstream get secrets`` and ``delete secret``. Values are never printed.

Source: kubectl get secrets, delete secret.
"""

from __future__ import annotations

from collections.abc import Sequence

from tagstream.cli.audit import record_action
from tagstream.cli.console import CommandFailed
from tagstream.cli.layout import Column
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json
from tagstream.domain.objects.kinds import SERVICE_ACCOUNT
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.secrets import SecretNotFound
from tagstream.reconcile.receive.paths import publish_receivers_of

COLUMNS = (Column(title="Name"), Column(title="Keys", soft=True))


def get_secrets(session: Session) -> int:
    """Run ``get secrets [NAME] [-A]``: print names and keys."""
    args = session.args
    names = session.operations.secret_names(None if args.all_namespaces else session.namespace)
    found = [one for one in names if not one.name.startswith(SERVICE_ACCOUNT) and args.name in (None, one.name)]
    if args.output == "name":
        for one in found:
            session.console.line(f"secret/{one.name}")
    elif args.output == "json":
        items = [{"namespace": one.namespace, "name": one.name, "keys": _keys(session, one)} for one in found]
        session.console.line(as_json(items))
    elif found:
        _print(session, found)
    else:
        where = "any" if args.all_namespaces else f'"{session.namespace}"'
        what = f"secret '{args.name}' not found" if args.name else "no secrets found"
        session.console.failure(f"{what} in {where} namespace")
    return 0


def _print(session: Session, found: Sequence[NamespacedName]) -> None:
    columns: Sequence[Column] = COLUMNS
    rows = [[one.name, ", ".join(_keys(session, one))] for one in found]
    if session.args.all_namespaces:
        columns = (Column(title="Namespace"), *columns)
        rows = [[one.namespace, *row] for one, row in zip(found, rows, strict=True)]
    session.console.table(columns, rows, header=not session.args.no_header, fit=session.is_brief)


def _keys(session: Session, key: NamespacedName) -> list[str]:
    """Return the keys of a secret; what keeps them from being read stands in their place."""
    try:
        return sorted(session.ports.secrets.get(key))
    except SecretNotFound:
        return ["(deleted meanwhile)"]
    except ImageAutomationError as error:
        return [f"({error.message})"]


def delete_secret(session: Session) -> int:
    """Run ``delete secret NAME [--now] [-s]``: delete a secret; AWS keeps it for thirty days unless ``--now`` is given.

    The paths of Receivers whose token it was stop working.

    Raises:
        CommandFailed: there is no such secret, or the answer was not yes.
    """
    args, key = session.args, session.key(session.args.name)
    if not args.silent:
        session.console.ask("Are you sure you want to delete this secret? [y/N] ")
        if session.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandFailed("aborting")
    session.console.action(f"deleting secret {key.name} in {key.namespace} namespace")
    if not session.operations.delete_secret(key, at_once=args.now):
        raise CommandFailed(f"secret '{key.name}' not found in {key.namespace} namespace")
    session.ports.secrets.expire()
    publish_receivers_of([key], session.ports)
    record_action(session, "Secret", key, reason="Deleted")
    session.console.success("secret deleted")
    if not args.now:
        session.console.action(f"aws secretsmanager restore-secret --secret-id {args.stack}/{key} brings it back")
    return 0
