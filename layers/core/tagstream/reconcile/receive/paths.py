"""Publishes where Receivers listen: the paths that follow from their tokens.

A former path stops working as soon as its token is gone, also when no new path can be published.

Source: notification-controller internal/controller/receiver_controller.go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from tagstream.domain.objects.model import NamespacedName, Receiver
from tagstream.errors import AuthenticationError, ImageAutomationError, raise_first
from tagstream.events.receiver import ReceiverSecret, hook_paths
from tagstream.ports.agenda import Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.secrets import SecretNotFound
from tagstream.reconcile import due, status
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.transition import Attempt, Transition, record

KIND = "Receiver"
CONTROLLER = "receiver"
THREADS = 16


def publish_receiver(stored: StoredObject, ports: Ports) -> str | None:
    """Make a Receiver's paths known to the webhook function and write its status.

    Returns:
        The newest path; None when its secret is missing or has no token, which the status says.
    """
    paths, missing = _paths(parse_stored(stored, Receiver), ports.secrets.get)
    # Former paths must stop working even if there are no new ones.
    ports.deliveries.put_targets(paths, stored.key)
    now = ports.clock.now()
    raise_first(ports.objects.put_statuses([(stored, _status(stored, paths, missing, now))]))
    # Secrets Manager is eventually consistent: the next tick might still read the former token.
    times = _times(stored.key, now, ports)
    if times is not None:
        ports.agenda.note({due.name_of(stored): times})
    return paths[0] if paths else None


def publish_receivers_of(secrets: Collection[NamespacedName], ports: Ports) -> tuple[NamespacedName, ...]:
    """Publish the Receivers whose tokens are in these secrets.

    Returns:
        The names of these Receivers.
    """
    found = []
    for namespace in sorted({key.namespace for key in secrets}):
        for stored in ports.objects.list(KIND, namespace):
            receiver = parse_stored(stored, Receiver)
            if receiver.token_secret in secrets:
                publish_receiver(stored, ports)
                found.append(stored.key)
    return tuple(found)


def refresh_receivers(receivers: Sequence[tuple[StoredObject, Receiver]], deadline_s: float, ports: Ports) -> None:
    """Let paths follow tokens that were changed in Secrets Manager itself, at each Receiver's interval, as in Flux.

    Args:
        receivers: those that are due.
        deadline_s: monotonic; what is left then is for the next tick.
        ports: of the scan function. A Receiver that fails is logged, keeps its paths and is due again.
    """

    def refresh(one: tuple[StoredObject, Receiver]) -> Times | None:
        stored, _ = one
        if ports.clock.monotonic_s() >= deadline_s:
            return None
        try:
            with isolated():
                return _refresh(stored.key, ports)
        except ImageAutomationError as error:
            names = {"namespace": stored.key.namespace, "name": stored.key.name}
            ports.log.error("receiver failed", controller=CONTROLLER, **names, reason=error.reason, error=error.message)
            return None

    if not receivers:
        return
    began_at = ports.clock.now()
    # Each may wait for Secrets Manager.
    found = ports.workers.carry_out(refresh, receivers, most=THREADS)
    times = {due.name_of(stored): one for (stored, _), one in zip(receivers, found, strict=True) if one is not None}
    if times:
        # Others may have noted another interval while Secrets Manager was waited for.
        ports.agenda.note(times, began_at)


def _times(key: NamespacedName, now: datetime, ports: Ports) -> Times | None:
    """When the secret of a Receiver is looked at next; None if the Receiver is gone."""
    after = ports.objects.get(KIND, key)
    return None if after is None else due.next_times(after, parse_stored(after, Receiver), now)


def _refresh(key: NamespacedName, ports: Ports) -> Times | None:
    """Let the paths of a Receiver follow its token.

    Returns:
        When its secret is looked at next; None if the Receiver is gone.
    """
    # Read the paths first. ``apply`` writes the object and the secret before the paths, so paths that were read before
    # them cannot be newer, and nothing newer is replaced.
    published = ports.deliveries.paths(key)
    stored = ports.objects.get(KIND, key)
    if stored is None:
        return None
    receiver = parse_stored(stored, Receiver)
    paths, missing = _paths(receiver, ports.secrets.renewed)
    now = ports.clock.now()
    if missing is None and paths == published and _is_reported(stored, paths[0]):
        return due.next_times(stored, receiver, now)
    if paths != published and not ports.deliveries.put_targets(paths, key, expected=published):
        return _times(key, now, ports)
    after = _status(stored, paths, missing, now)
    if missing is not None and status.transitioned(stored.status, after):
        entry = status.failure_entry(KIND, key, missing, now)
        attempt = Attempt(stored=stored, at=now)
        record([Transition(attempt=attempt, outcome="failed", status=after, entries=(entry,))], ports)
    # Whoever has published paths meanwhile has reported them.
    ports.objects.replace_status(stored, after)
    return _times(key, now, ports)


def _is_reported(stored: StoredObject, path: str) -> bool:
    reported = (stored.status.get("webhookPath"), stored.status.get("observedGeneration"))
    return reported == (path, status.generation(stored))


def _status(
    stored: StoredObject, paths: tuple[str, ...], missing: AuthenticationError | None, now: datetime
) -> status.Status:
    body = {name: value for name, value in stored.status.items() if name != "webhookPath"}
    if missing is not None:
        return status.failed(body, status.generation(stored), missing, now)
    message = f"Receiver initialized for path: {paths[0]}"
    return status.succeeded({**body, "webhookPath": paths[0]}, status.generation(stored), message, now)


def _paths(
    receiver: Receiver, secret: Callable[[NamespacedName], Mapping[str, bytes]]
) -> tuple[tuple[str, ...], AuthenticationError | None]:
    """The paths, newest first; without any, why there are none."""
    name = receiver.token_secret
    try:
        data = secret(name) if name is not None else {}
        paths = hook_paths(receiver, ReceiverSecret(data=data))
        cause = f"secret '{receiver.metadata.key.namespace}/{receiver.secret_ref or ''}' has no 'token'"
    except (SecretNotFound, AuthenticationError) as error:
        paths, cause = (), str(error)
    if paths:
        return paths, None
    return (), AuthenticationError(f"unable to read token: {cause}", reason="TokenNotFound")
