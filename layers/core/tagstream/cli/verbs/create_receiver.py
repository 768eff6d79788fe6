"""Creates a Receiver from flags, and says where it listens: ``tagstream create receiver``.

Source: flux2 cmd/flux/create_receiver.go.
"""

from __future__ import annotations

from tagstream.cli.console import CommandFailed
from tagstream.cli.creation import document, store
from tagstream.cli.kinds import RECEIVER
from tagstream.cli.session import Session
from tagstream.reconcile.receive.paths import publish_receiver


def create_receiver(session: Session) -> int:
    """Run ``create receiver NAME --type TYPE --secret-ref NAME --resource KIND/NAME[.NAMESPACE] …``.

    Raises:
        CommandFailed: a required flag is missing, or the object is invalid.
    """
    args = session.args
    if not args.type:
        raise CommandFailed("Receiver type is required")
    if not args.secret_ref:
        raise CommandFailed("secret ref is required")
    if not args.resource:
        raise CommandFailed("atleast one resource is required")
    spec: dict[str, object] = {
        "type": args.type,
        "secretRef": {"name": args.secret_ref},
        "events": [event for one in args.event for event in one.split(",")],
        "resources": [_resource(text) for one in args.resource for text in one.split(",")],
    }
    code = store(session, RECEIVER, document(session, RECEIVER, spec))
    if not args.export:
        _publish(session)
    return code


def _publish(session: Session) -> None:
    stored = session.ports.objects.get(RECEIVER.kind, session.key(session.args.name))
    path = publish_receiver(stored, session.ports) if stored is not None else None
    if path is None:
        session.console.warning(f"Receiver {session.args.name} has no webhook path yet: its secret has no token")
    else:
        session.console.success(f"generated webhook URL {session.webhook_base().rstrip('/')}{path}")


def _resource(text: str) -> dict[str, str]:
    """Read ``KIND/NAME`` or ``KIND/NAME.NAMESPACE``."""
    kind, separator, name = text.partition("/")
    name, _, namespace = name.partition(".")
    if not separator or not kind or not name:
        raise CommandFailed(f"invalid resource '{text}', must be in format <kind>/<name>[.<namespace>]")
    return {"kind": kind, "name": name} | ({"namespace": namespace} if namespace else {})
