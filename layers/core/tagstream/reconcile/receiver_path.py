"""Publish where Receivers listen: the paths that follow from their tokens.

In: a stored Receiver. Out: its paths in the table and its status.

Source: notification-controller internal/controller/receiver_controller.go.
"""

from __future__ import annotations

from collections.abc import Collection

from tagstream.domain.model import NamespacedName, Receiver
from tagstream.errors import AuthenticationError
from tagstream.events.receiver import ReceiverSecret, hook_paths
from tagstream.ports import Ports, SecretNotFound
from tagstream.reconcile import status
from tagstream.reconcile.stored import parse_stored
from tagstream.records import StoredObject

KIND = "Receiver"


def publish_receiver(stored: StoredObject, ports: Ports) -> str | None:
    """Make a Receiver's paths known to the webhook function and write its status.

    Returns:
        The newest path; None when its secret is missing or has no token, which the status says.
    """
    receiver = parse_stored(stored, Receiver)
    now, generation = ports.clock.now(), receiver.metadata.generation
    body = {name: value for name, value in stored.status.items() if name != "webhookPath"}
    try:
        paths = hook_paths(receiver, _secret(receiver, ports))
    except (SecretNotFound, AuthenticationError) as error:
        paths, cause = (), str(error)
    else:
        cause = f"secret '{receiver.metadata.key.namespace}/{receiver.secret_ref}' has no 'token'"
    # Former paths stop working even when there are no new ones.
    ports.hooks.put_targets(paths, stored.key)
    if not paths:
        failure = AuthenticationError(f"unable to read token: {cause}", reason="TokenNotFound")
        ports.objects.put_status(KIND, stored.key, status.failed(body, generation, failure, now))
        return None
    ready = status.succeeded(
        {**body, "webhookPath": paths[0]}, generation, f"Receiver initialized for path: {paths[0]}", now
    )
    ports.objects.put_status(KIND, stored.key, ready)
    return paths[0]


def publish_receivers_of(secrets: Collection[NamespacedName], ports: Ports) -> tuple[NamespacedName, ...]:
    """Publish the Receivers whose tokens are in these secrets.

    Returns:
        Their names.
    """
    found = []
    for namespace in sorted({key.namespace for key in secrets}):
        for stored in ports.objects.list(KIND, namespace):
            receiver = parse_stored(stored, Receiver)
            if receiver.secret_ref and NamespacedName(namespace, receiver.secret_ref) in secrets:
                publish_receiver(stored, ports)
                found.append(stored.key)
    return tuple(found)


def _secret(receiver: Receiver, ports: Ports) -> ReceiverSecret:
    if not receiver.secret_ref:
        return ReceiverSecret()
    return ReceiverSecret(data=ports.secrets.get(NamespacedName(receiver.metadata.key.namespace, receiver.secret_ref)))
