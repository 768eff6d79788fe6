"""Validates all manifests, then writes them to the stack: ``tagstream apply``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tagstream import wiring
from tagstream.cli.console import CommandFailed
from tagstream.cli.files import read_manifests
from tagstream.cli.git_owner import warn_of_owner
from tagstream.cli.kinds import resource_name
from tagstream.cli.session import Session
from tagstream.domain.objects.kinds import SERVICE_ACCOUNT, SecretData
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import AuthenticationError
from tagstream.ports.bundle import Ports
from tagstream.ports.secrets import SecretNotFound
from tagstream.reconcile.apply.applied import in_order, outcome_of, prepared
from tagstream.reconcile.apply.calendars import no_calendars, stored_calendars
from tagstream.reconcile.apply.located import Located
from tagstream.reconcile.apply.pull_secrets import no_members
from tagstream.reconcile.apply.validation import Rules, Validation, validate
from tagstream.reconcile.receive.paths import publish_receiver, publish_receivers_of


def apply(session: Session) -> int:
    """Apply the files of ``-f``.

    Raises:
        CommandFailed: a path cannot be read, or an object is invalid. Nothing has been written then.
    """
    args = session.args
    manifests = read_manifests(args.filename, session.stdin, session.namespace, recursive=args.recursive)
    offline = args.dry_run == "client"
    stack = None if offline else _Known(session.ports)
    validation = validate(
        manifests,
        stack or (lambda kind, key: False),
        stack.members if stack else no_members,
        stored_calendars(stack.ports) if stack else no_calendars,
        read_keys=wiring.signature_keys,
        rules=Rules(no_cross_namespace_refs=stack is not None and stack.ports.no_cross_namespace_refs, now=wiring.now),
    )
    _tell(session, validation, offline)
    if validation.errors:
        raise CommandFailed(f"{len(validation.errors)} errors; nothing was applied")
    if not validation.objects and not validation.notes:
        raise CommandFailed("no objects passed to apply")
    for one in in_order(validation.objects):
        outcome = _outcome(one, session)
        session.console.line(f"{resource_name(one.parsed.kind, one.parsed.key.name)} {outcome}")
    if not args.dry_run:
        _publish(validation.objects, session)
    return 0


class _Known:
    """Tells whether an object exists in the stack; asks the stack once for each object."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.seen: dict[tuple[str, NamespacedName], bool] = {}

    def __call__(self, kind: str, key: NamespacedName) -> bool:
        if (kind, key) not in self.seen:
            self.seen[kind, key] = self._exists(kind, key)
        return self.seen[kind, key]

    def members(self, key: NamespacedName) -> Mapping[str, bytes] | None:
        """A stored secret's members; None if there is none, or it must not be read."""
        try:
            return self.ports.secrets.get(key)
        except (SecretNotFound, AuthenticationError):
            return None

    def _exists(self, kind: str, key: NamespacedName) -> bool:
        if kind not in ("Secret", "ServiceAccount"):
            return self.ports.objects.get(kind, key) is not None
        if kind == "ServiceAccount":
            key = NamespacedName(key.namespace, SERVICE_ACCOUNT + key.name)
        try:
            self.ports.secrets.get(key)
        except SecretNotFound:
            return False
        except AuthenticationError:
            # The caller may have the right to write secrets but not to read them.
            return True
        return True


def _tell(session: Session, validation: Validation, offline: bool) -> None:
    for note in validation.notes:
        session.console.action(note)
    # Offline, it is unknown which objects exist, so warnings of missing ones are not printed.
    for warning in validation.warnings:
        if not (offline and warning.endswith("does not exist (yet)")):
            session.console.warning(warning)
    for error in validation.errors:
        session.console.failure(error)


def _outcome(one: Located, session: Session) -> str:
    if session.args.dry_run == "client":
        return "valid (dry run)"
    value = one.parsed.value
    if isinstance(value, SecretData):
        outcome = secret_outcome(value.key, value.data, session.ports)
        if outcome != "unchanged" and not session.args.dry_run:
            session.ports.secrets.put(value.key, value.data)
    else:
        stored = session.ports.objects.get(one.parsed.kind, one.parsed.key)
        document = prepared(one.parsed.document, stored)
        outcome = outcome_of(document, stored)
        if outcome != "unchanged":
            warn_of_owner(session, stored)
            if not session.args.dry_run:
                session.ports.objects.put(document)
    return f"{outcome} (server dry run)" if session.args.dry_run else outcome


def secret_outcome(key: NamespacedName, data: Mapping[str, bytes], ports: Ports) -> str:
    """Return ``created``, ``configured`` or ``unchanged`` for a secret that is about to be written.

    Args:
        key: the namespace and name of the secret.
        data: its new members.
        ports: the ports of the stack.
    """
    try:
        return "unchanged" if dict(ports.secrets.get(key)) == dict(data) else "configured"
    except SecretNotFound:
        return "created"
    except AuthenticationError:
        return "configured"


def _publish(objects: Sequence[Located], session: Session) -> None:
    ports = session.ports
    secrets = {one.parsed.key for one in objects if one.parsed.kind == "Secret"}
    done = set(publish_receivers_of(secrets, ports)) if secrets else set()
    for one in objects:
        if one.parsed.kind != "Receiver" or one.parsed.key in done:
            continue
        stored = ports.objects.get("Receiver", one.parsed.key)
        if stored is not None and publish_receiver(stored, ports) is None:
            session.console.warning(f"{one.parsed.name} has no webhook path: its secret has no token")
