"""Says what an object's failure points to, with the help of the objects that it refers to."""

from __future__ import annotations

from tagstream.domain.objects.model import VERIFY_SECRET, ImagePolicy, NamespacedName
from tagstream.domain.select.advice import policy_advice
from tagstream.domain.status.advice import Named, git_advice, receiver_advice, repository_advice
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import LookPorts
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.shown_status import is_suspended, members, ready_of, shown, source_key, spec_of, suspended_by
from tagstream.reconcile.stored_objects import parse_stored


def failure_advice(stored: StoredObject, ports: LookPorts) -> tuple[str, ...]:
    """Return what to look at, a sentence each; nothing for an object with which all is well.

    Args:
        stored: an object of any kind.
        ports: where the objects are that it refers to.
    """
    if is_suspended(stored):
        return (_suspension(stored),)
    ready, message = ready_of(stored)
    if stored.kind == "Receiver":
        result = shown(members(stored.status.get("lastDelivery")), "result")
        return (receiver_advice(_named(stored)),) if result.startswith("refused") else ()
    if stored.kind == "Alert":
        return _of_alert(stored, ports)
    if ready != "False":
        return ()
    if stored.kind == "ImagePolicy":
        return _of_policy(stored, message, ports)
    if stored.kind == "ImageRepository":
        found = repository_advice(message, _named(stored))
    else:
        found = git_advice(message, _named(stored), _source(stored, ports))
    return (found,) if found else ()


def repository_failure(key: NamespacedName, ports: LookPorts) -> str:
    """Say why an ImageRepository has no tags for a policy; empty if nothing is wrong with it."""
    stored = ports.objects.get("ImageRepository", key)
    if stored is None:
        return f"there is no ImageRepository/{key}"
    if is_suspended(stored):
        return f"ImageRepository/{key} is suspended: {_suspension(stored)}"
    ready, message = ready_of(stored)
    if ready == "True":
        return ""
    advice = repository_advice(message, _named(stored))
    return (
        f"ImageRepository/{key} is not ready: {message or 'it was not scanned yet'}{f' ({advice})' if advice else ''}"
    )


def _of_policy(stored: StoredObject, message: str, ports: LookPorts) -> tuple[str, ...]:
    try:
        policy = parse_stored(stored, ImagePolicy)
    except ImageAutomationError:
        # Its message says what is wrong with the object.
        return ()
    if failure := repository_failure(policy.repository, ports):
        return (failure,)
    tags = tuple(ports.tags.names(policy.repository))
    found = [str(one) for one in policy_advice(policy, tags)] if tags else []
    secret = policy.control.verify_secret
    if f'secrets "{secret}" not found' in message:
        found.append(f"metadata.annotations[{VERIFY_SECRET}] '{secret}': there is no such secret")
    elif repository := ports.objects.get("ImageRepository", policy.repository):
        # A gate may have asked the registry, or Flux's digest reflection.
        found.append(repository_advice(message, _named(repository)))
    return tuple(one for one in found if one)


def _of_alert(stored: StoredObject, ports: LookPorts) -> tuple[str, ...]:
    name = str(members(spec_of(stored).get("providerRef")).get("name", ""))
    provider = ports.objects.get("Provider", NamespacedName(stored.key.namespace, name))
    if provider is None:
        return (f"spec.providerRef.name '{name}': there is no such Provider, so nobody is told",)
    return (f"Provider/{provider.key} is suspended, so nobody is told",) if is_suspended(provider) else ()


def _source(stored: StoredObject, ports: LookPorts) -> Named | None:
    key = source_key(stored)
    found = ports.objects.get("GitRepository", key) if key else None
    return _named(found) if found else None


def _named(stored: StoredObject) -> Named:
    return Named(kind=stored.kind, key=stored.key, spec=spec_of(stored))


def _suspension(stored: StoredObject) -> str:
    who = suspended_by(stored)
    return f"suspended by {who}; tagstream resume ends it" if who else "spec.suspend is true; tagstream resume ends it"
