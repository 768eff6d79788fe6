"""Brings one Kustomization up to date: reads the commit, decides what is wanted, stores it.

A commit with an error changes nothing. Between commits, what a person changed by hand in an object is put back.

Source: kustomize-controller internal/controller/kustomization_controller.go (order, reasons, messages).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

from tagstream.domain.objects.acl import BLOCKED, may_refer
from tagstream.domain.objects.model import GitRef, GitRepository, Kustomization, NamespacedName
from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.update.destination import DEFAULT_BRANCH, checkout_refs
from tagstream.errors import ImageAutomationError, RetryableError, StalledError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import Checkout, GitAccess, GitSession
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import due, status
from tagstream.reconcile.checking_out import checking_out
from tagstream.reconcile.credentials import git_access
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.sync.git_source import GitSource
from tagstream.reconcile.sync.store import (
    KIND,
    Stored,
    checksum,
    inventory,
    inventory_names,
    shown,
    store,
    synced_objects,
)
from tagstream.reconcile.sync.wanted import is_owned, wanted
from tagstream.reconcile.transition import Attempt, Transition, failed, report, succeeded, success_entry
from tagstream.reconcile.update.host_health import HostHealth
from tagstream.reconcile.update.lease import LeaseTaken, lease_held

APPLIED, ATTEMPTED, CHECKSUM = "lastAppliedRevision", "lastAttemptedRevision", "appliedChecksum"
RECONCILED = "ReconciliationSucceeded"
SOURCE_SUSPENDED = "source is suspended"
MIN_TIMEOUT_S = 1.0
SHOWN_CHANGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """A Kustomization that asks a Git server."""

    stored: StoredObject
    access: GitAccess

    @property
    def is_asked_for(self) -> bool:
        """Whether a person asks for it."""
        return status.is_asked_for(self.stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A GitRepository that may be read, and the session to it."""

    repository: GitRepository
    session: GitSession
    checkout: Checkout


def sync(key: NamespacedName, cause: str, owner: str, deadline_s: float, ports: Ports) -> None:
    """Sync one Kustomization; one that is gone or suspended is passed over.

    While one invocation syncs it, another one waits for its turn, and will see the newest commit. Further ones end at
    once: otherwise a slow Git server and many pushes would occupy all workers of an account.

    Args:
        key: its name.
        cause: what led here, for the ledger.
        owner: names this invocation, for the lease.
        deadline_s: on the monotonic clock.
        ports: of the sync function.

    Raises:
        RetryableError: the table failed, or another invocation is at work on this Kustomization.
    """
    now_s, turn = ports.clock.monotonic_s(), f"kustomization/{key}"
    with ExitStack() as held:
        try:
            held.enter_context(lease_held(turn, owner, now_s, ports))
        except LeaseTaken:
            if not _has_waited(turn, owner, deadline_s, held, ports):
                ports.log.info("another sync waits already", controller="kustomization", key=str(key))
                return
        _sync_leased(key, cause, deadline_s, ports)


def _has_waited(turn: str, owner: str, deadline_s: float, held: ExitStack, ports: Ports) -> bool:
    """Wait for a lease, which ``held`` keeps; False if another one waits for it.

    Raises:
        LeaseTaken: nobody else waits, and there was not time enough.
    """
    with ExitStack() as waiting:
        try:
            waiting.enter_context(lease_held(f"{turn}/next", owner, ports.clock.monotonic_s(), ports))
        except LeaseTaken:
            return False
        held.enter_context(lease_held(turn, owner, deadline_s, ports))
    return True


def _sync_leased(key: NamespacedName, cause: str, deadline_s: float, ports: Ports) -> None:
    """Sync a Kustomization whose lease is held. A commit that is pushed later is synced by another invocation."""
    stored = ports.objects.get(KIND, key)
    if stored is None:
        return
    attempt = Attempt(stored=stored, at=ports.clock.now(), cause=status.cause_of(stored, cause))
    kustomization: Kustomization | None = None
    try:
        with isolated():
            kustomization = parse_stored(stored, Kustomization)
            found = None if kustomization.suspend else _synced(attempt, kustomization, deadline_s, ports)
    except ImageAutomationError as error:
        found = failed(attempt, _with_retry(error, kustomization))
    if found is not None:
        report([found], ports)
    _note(stored if found is None else replace(stored, status=found.status), kustomization, ports)


def _note(stored: StoredObject, kustomization: Kustomization | None, ports: Ports) -> None:
    """Tell the agenda when the tick has to look at the Kustomization again."""
    if kustomization is not None:
        now = ports.clock.now()
        ports.agenda.note({due.name_of(stored): due.next_times(stored, kustomization, now)})


def _with_retry(error: ImageAutomationError, kustomization: Kustomization | None) -> ImageAutomationError:
    wait_s = kustomization.retry_interval_s if kustomization else None
    if wait_s is None or not isinstance(error, RetryableError) or error.retry_after_s is not None:
        return error
    return RetryableError(error.message, reason=error.reason, retry_after_s=wait_s)


def _synced(attempt: Attempt, kustomization: Kustomization, deadline_s: float, ports: Ports) -> Transition | None:
    """What became of a Kustomization; None if its GitRepository is suspended and nobody has asked for a reconcile."""
    repository = _repository(kustomization, ports)
    if repository.suspend:
        return _source_suspended(attempt)
    if kustomization.timeout_s:
        deadline_s = min(deadline_s, ports.clock.monotonic_s() + kustomization.timeout_s)
    asking, health = _Asking(stored=attempt.stored, access=git_access(repository, ports.secrets)), HostHealth(ports)
    health.check(asking)
    with closing(_opened(asking.access, repository, deadline_s, ports)) as session:
        with health.watched([asking]), checking_out():
            checkout = session.resolve(_ref(repository))
        health.note_answer(asking)
        source = _Source(repository=repository, session=session, checkout=checkout)
        if _is_up_to_date(attempt.stored, kustomization, source.checkout, ports):
            return _unchanged(attempt, source)
        try:
            with health.watched([asking]):
                found = wanted(kustomization, GitSource(session, source.checkout.commit), ports)
        except RetryableError as error:
            return failed(
                attempt,
                _with_retry(error, kustomization),
                {**attempt.stored.status, ATTEMPTED: source.checkout.revision},
            )
    stored = store(kustomization, synced_objects(attempt.stored, ports), found.objects, ports)
    return _applied(attempt, source, stored, found.left_out)


def _source_suspended(attempt: Attempt) -> Transition | None:
    """Answer a request to reconcile, so that nobody waits for it; the conditions stay as they are."""
    if not status.is_asked_for(attempt.stored):
        return None
    handled = status.handled(attempt.stored.status, read_metadata(attempt.stored.document))
    return Transition(attempt=attempt, outcome="postponed", status=handled, facts={"reason": SOURCE_SUSPENDED})


def _repository(kustomization: Kustomization, ports: Ports) -> GitRepository:
    own, source = kustomization.metadata.key.namespace, kustomization.source.key
    if not may_refer(own, source, no_cross_namespace_refs=ports.no_cross_namespace_refs):
        raise StalledError(f"can't access 'GitRepository/{source}', {BLOCKED}", reason="AccessDenied")
    stored = ports.objects.get("GitRepository", source)
    if stored is None:
        raise RetryableError(f"Source 'GitRepository/{source}' not found", reason="ArtifactFailed")
    return parse_stored(stored, GitRepository)


def _opened(access: GitAccess, repository: GitRepository, deadline_s: float, ports: Ports) -> GitSession:
    left_s = max(MIN_TIMEOUT_S, deadline_s - ports.clock.monotonic_s())
    bounded = replace(access, timeout_s=min(access.timeout_s, left_s), session_s=left_s)
    return ports.git.open(bounded, frozenset(checkout_refs(_ref(repository))))


def _ref(repository: GitRepository) -> GitRef:
    return repository.ref or GitRef(branch=DEFAULT_BRANCH)


def _is_up_to_date(stored: StoredObject, kustomization: Kustomization, checkout: Checkout, ports: Ports) -> bool:
    """Whether the commit, the Kustomization and the objects of its inventory are as the last sync left them."""
    before = stored.status
    if not status.is_ready(before) or before.get("observedGeneration") != kustomization.metadata.generation:
        return False
    if before.get(APPLIED) != checkout.revision or CHECKSUM not in before:
        return False
    return before[CHECKSUM] == checksum(synced_objects(stored, ports).values())


def _unchanged(attempt: Attempt, source: _Source) -> Transition:
    body = {**attempt.stored.status, due.SOURCE_INTERVAL: source.repository.interval_s}
    message = f"Applied revision: {source.checkout.revision}"
    return replace(
        succeeded(attempt, "reconciled", body, _kept_message(attempt.stored, message), RECONCILED), is_news=False
    )


def _kept_message(stored: StoredObject, message: str) -> str:
    """The message of a Kustomization that nothing has happened to: as it was, if it is of the same revision."""
    ready = status.conditions(stored.status).get("Ready")
    return ready.message if ready is not None and ready.message.startswith(message) else message


def _applied(attempt: Attempt, source: _Source, stored: Stored, left_out: Mapping[str, int]) -> Transition:
    before, revision = attempt.stored.status, source.checkout.revision
    passed_over = ", ".join(f"{count} {kind}" for kind, count in sorted(left_out.items()))
    message = f"Applied revision: {revision}" + (f"; not synced from Git: {passed_over}" if passed_over else "")
    body = {
        **before,
        APPLIED: revision,
        ATTEMPTED: revision,
        CHECKSUM: checksum(stored.present),
        due.SOURCE_INTERVAL: source.repository.interval_s,
        "inventory": inventory(stored.present),
    }
    found = succeeded(attempt, "reconciled", body, message, RECONCILED)
    changes = _untold(attempt.stored, stored, revision)
    is_drift = bool(stored.changes) and before.get(APPLIED) == revision and status.is_ready(before)
    return replace(
        found,
        entries=_entries(attempt, found, changes, "DriftCorrected" if is_drift else RECONCILED),
        facts={"revision": revision, "changes": len(changes)},
        is_news=bool(changes) or found.changes_ready,
    )


def _untold(kustomization: StoredObject, stored: Stored, revision: object) -> tuple[str, ...]:
    """The changes since the last sync that reported them, one line each.

    A sync that died may have stored objects and reported nothing; the inventory shows what it created and deleted.

    Args:
        kustomization: with its status before.
        stored: what this sync has changed.
        revision: of the commit.
    """
    before = kustomization.status
    known = inventory_names(before)
    if known is None or before.get(APPLIED) == revision:
        return stored.changes
    now = {shown(one): one for one in stored.present}
    # An object that an annotation has a sync leave alone may be unknown, too, but it is not ours.
    unknown = [name for name, one in now.items() if name not in known and is_owned(one.document, kustomization.key)]
    created = tuple(
        name for name in now if name in stored.created or (name in unknown and name not in stored.configured)
    )
    gone = (*stored.deleted, *sorted(known.difference(now, stored.deleted, map(shown, stored.kept))))
    found = replace(stored, created=created, deleted=gone).changes
    still_there = [one for one in (*stored.present, *stored.kept) if shown(one) in known]
    if not found and before.get(CHECKSUM) != checksum(still_there):
        return (f"objects configured as of {revision}",)
    return found


def _entries(attempt: Attempt, found: Transition, changes: Sequence[str], reason: str) -> tuple[LedgerEntry, ...]:
    """One event for what was changed, or for becoming ready; none while nothing happens."""
    if not changes:
        ready = status.conditions(found.status)["Ready"].message
        return (success_entry(attempt, ready, reason=reason),) if found.changes_ready else ()
    more = len(changes) - SHOWN_CHANGES
    text = "\n".join(changes[:SHOWN_CHANGES]) + (f"\nand {more} more" if more > 0 else "")
    return (success_entry(attempt, text, {"revision": found.status[APPLIED]}, reason),)
