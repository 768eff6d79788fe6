"""Validates all manifests, then writes them to the stack: ``tagstream apply``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from tagstream.cli.calendars import no_calendars, stored_calendars
from tagstream.cli.console import CommandFailed
from tagstream.cli.files import Located, read_manifests
from tagstream.cli.kinds import resource_name
from tagstream.cli.pull_secrets import no_members
from tagstream.cli.session import Session
from tagstream.cli.validation import SUSPENDED, Validation, validate
from tagstream.domain.objects.intervention import INTERVENTION, REVERTED
from tagstream.domain.objects.kinds import SERVICE_ACCOUNT, STORED, SecretData
from tagstream.domain.objects.model import REQUESTED_AT, NamespacedName
from tagstream.errors import AuthenticationError
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.secrets import SecretNotFound
from tagstream.reconcile.receive.paths import publish_receiver, publish_receivers_of

NOT_APPLIED = (REQUESTED_AT, INTERVENTION, REVERTED)
SERVER_SIDE = ("generation", "creationTimestamp", "resourceVersion", "uid", "managedFields", "selfLink")


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
        no_cross_namespace_refs=stack is not None and stack.ports.no_cross_namespace_refs,
    )
    _tell(session, validation, offline)
    if validation.errors:
        raise CommandFailed(f"{len(validation.errors)} errors; nothing was applied")
    if not validation.objects and not validation.notes:
        raise CommandFailed("no objects passed to apply")
    for one in _in_order(validation.objects):
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


def _in_order(objects: Sequence[Located]) -> Sequence[Located]:
    """Sort the objects so that secrets come first, and each kind after the kinds it refers to."""
    order = {kind: index for index, kind in enumerate(("Secret", "ServiceAccount", *STORED))}
    return sorted(objects, key=lambda one: order[one.parsed.kind])


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
        outcome = _object_outcome(document, stored)
        if outcome != "unchanged" and not session.args.dry_run:
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


def prepared(document: Mapping[str, object], stored: StoredObject | None) -> dict[str, object]:
    """Return the document as it will be stored, without its status and without members that a server adds.

    An object that was suspended with ``tagstream suspend`` stays suspended, unless the document sets ``spec.suspend``.

    Args:
        document: a valid object.
        stored: the object that is stored now.
    """
    metadata = {name: value for name, value in _mapping(document, "metadata").items() if name not in SERVER_SIDE}
    wanted = {name: value for name, value in document.items() if name != "status"} | {"metadata": metadata}
    if stored is None:
        return wanted
    by_hand = _mapping(_mapping(stored.document, "metadata"), "annotations").get(SUSPENDED)
    if by_hand is not None and "suspend" not in _mapping(document, "spec"):
        wanted["spec"] = {**_mapping(document, "spec"), "suspend": True}
        metadata["annotations"] = {**_mapping(metadata, "annotations"), SUSPENDED: by_hand}
    return wanted


def _object_outcome(document: Mapping[str, object], stored: StoredObject | None) -> str:
    if stored is None:
        return "created"
    return "unchanged" if _compared(document) == _compared(stored.document) else "configured"


def _compared(document: Mapping[str, object]) -> Mapping[str, object]:
    metadata = {name: value for name, value in _mapping(document, "metadata").items() if name not in SERVER_SIDE}
    annotations = {name: value for name, value in _mapping(metadata, "annotations").items() if name not in NOT_APPLIED}
    metadata.pop("annotations", None)
    return {**document, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


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


def _mapping(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = document.get(name)
    return cast("Mapping[str, object]", found) if isinstance(found, Mapping) else {}
