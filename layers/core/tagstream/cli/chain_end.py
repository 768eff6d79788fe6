"""Says why a delivery has led to no commit: the object at which its chain of events ends, and what stopped it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from tagstream.cli.session import Session
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.shown_status import members, ready_of, wait_text
from tagstream.reconcile.status import postponement


def chain_end(session: Session, entries: Sequence[LedgerEntry]) -> tuple[str, ...]:
    """Return one sentence for each place at which a chain of events ends; nothing if it reached a commit.

    Args:
        session: gives access to the stack, whose objects are read as they are now.
        entries: the ledger's entries with one cause, oldest first.
    """
    if any((entry.facts or {}).get("commit") for entry in entries):
        return ()
    names = {str(one) for entry in entries for one in _texts(entry, "repositories")}
    names |= {str(entry.key) for entry in entries if entry.kind == "ImageRepository"}
    tags = [one for entry in entries for one in _texts(entry, "tags")]
    if not names:
        return ("the delivery named no image that an ImageRepository watches",)
    return tuple(line for name in sorted(names) for line in _after_scan(session, _key(name), tags))


def _after_scan(session: Session, key: NamespacedName, tags: Iterable[str]) -> Iterator[str]:
    where = f"ImageRepository {key.name}"
    stored = session.ports.objects.get("ImageRepository", key)
    if stored is None:
        yield f"{where} does not exist any more"
        return
    if _spec(stored).get("suspend") is True:
        yield f"{where} is suspended"
        return
    ready, message = ready_of(stored)
    if ready != "True":
        yield f"{where} is not ready: {message or 'it was not scanned yet'}"
        return
    listed = set(session.ports.tags.names(key))
    missing = sorted(set(tags) - listed)
    if missing:
        yield f"{where}: {', '.join(missing)} never appeared in the registry's list, or the exclusion list drops it"
    policies = [one for one in session.ports.objects.list("ImagePolicy") if _repository_of(one) == key]
    if not policies:
        yield f"no ImagePolicy selects from {where}"
    for policy in policies:
        yield from _after_selection(session, policy, sorted(set(tags) & listed))


def _after_selection(session: Session, policy: StoredObject, tags: Sequence[str]) -> Iterator[str]:
    where = f"ImagePolicy {policy.key.name}"
    if _spec(policy).get("suspend") is True:
        yield f"{where} is suspended"
        return
    ready, message = ready_of(policy)
    if ready != "True":
        yield f"{where} is not ready: {message or 'it was not evaluated yet'}"
        return
    selected = str(members(policy.status.get("latestRef")).get("tag", ""))
    if tags and selected not in tags:
        named = ", ".join(tags)
        yield f"{where} selects {selected}: {named} is filtered out or ranks below; see tagstream explain policy"
        return
    automations = session.ports.objects.list("ImageUpdateAutomation", policy.key.namespace)
    if not automations:
        yield f"{where} selects {selected}, and no ImageUpdateAutomation of its namespace commits it"
    for automation in automations:
        if _spec(automation).get("suspend") is True:
            yield f"{where} selects {selected}; ImageUpdateAutomation {automation.key.name} is suspended"
        else:
            postponed = postponement(automation.status)
            told = f"waits {wait_text(postponed)}" if postponed else ready_of(automation)[1]
            yield f"{where} selects {selected}; ImageUpdateAutomation {automation.key.name}: {told or 'not run yet'}"


def _repository_of(policy: StoredObject) -> NamespacedName:
    reference = cast("Mapping[str, str]", _spec(policy).get("imageRepositoryRef") or {})
    return NamespacedName(reference.get("namespace") or policy.key.namespace, reference.get("name", ""))


def _spec(stored: StoredObject) -> Mapping[str, object]:
    return cast("Mapping[str, object]", stored.document.get("spec") or {})


def _texts(entry: LedgerEntry, name: str) -> Sequence[str]:
    found = (entry.facts or {}).get(name)
    return [str(one) for one in found] if isinstance(found, list) else []


def _key(text: str) -> NamespacedName:
    namespace, _, name = text.partition("/")
    return NamespacedName(namespace, name)
