"""Creates Alerts and Providers from flags: ``tagstream create alert`` and ``create alert-provider``.

Source: flux2 cmd/flux/create_alert.go, create_alertprovider.go.
"""

from __future__ import annotations

from tagstream.cli.console import CommandFailed
from tagstream.cli.creation import document, store
from tagstream.cli.kinds import ALERT, PROVIDER
from tagstream.cli.session import Session


def create_alert(session: Session) -> int:
    """Create an Alert: ``create alert NAME --provider-ref NAME --event-source KIND/NAME``.

    Raises:
        CommandFailed: a required flag is missing, or the object is invalid.
    """
    args = session.args
    if not args.provider_ref:
        raise CommandFailed("provider ref is required")
    if not args.event_source:
        raise CommandFailed("at least one event source is required")
    spec = {
        "providerRef": {"name": args.provider_ref},
        "eventSeverity": args.event_severity,
        "eventSources": [_source(one, session.namespace) for one in args.event_source],
    }
    return store(session, ALERT, document(session, ALERT, spec))


def _source(text: str, namespace: str) -> dict[str, str]:
    kind, slash, name = text.partition("/")
    if not (kind and slash and name):
        raise CommandFailed(f"invalid event source '{text}', must be in format <kind>/<name>")
    name, _, other = name.partition(".")
    return {"kind": kind, "name": name, "namespace": other or namespace}


def create_provider(session: Session) -> int:
    """Create a Provider: ``create alert-provider NAME --type TYPE --address URL | --secret-ref NAME``.

    Raises:
        CommandFailed: ``--type`` is missing, or the object is invalid.
    """
    args = session.args
    if not args.type:
        raise CommandFailed("Provider type is required")
    spec = {
        "type": args.type,
        "channel": args.channel,
        "username": args.username,
        "address": args.address,
        "secretRef": {"name": args.secret_ref},
    }
    return store(session, PROVIDER, document(session, PROVIDER, spec))
