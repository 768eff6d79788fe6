"""Evaluate ImagePolicies: select, guard, reflect the digest, store the selection.

In: names, or a repository whose tags changed. Out: selections and statuses in the table.

Source: image-reflector-controller internal/controller/imagepolicy_controller.go, in its order of checks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tagstream.domain.conditions import ready_message
from tagstream.domain.guard import ALLOW_DOWNGRADE, TagCounts, guard_selection
from tagstream.domain.image import InvalidImage, parse_repository_image
from tagstream.domain.model import (
    Digest,
    ImagePolicy,
    ImageRef,
    ImageRepository,
    NamespacedName,
    Revision,
)
from tagstream.domain.policy import CompiledPolicy, InvalidFilter, InvalidPolicy, NoSelection, compile_policy
from tagstream.domain.scan import may_access, needs_digest
from tagstream.errors import HeldBack, ImageAutomationError, RetryableError, StalledError
from tagstream.ports import Ports
from tagstream.reconcile import due, status
from tagstream.reconcile.access import registry_access
from tagstream.reconcile.stored import parse_stored, parsed_objects
from tagstream.reconcile.unexpected import contained
from tagstream.records import LedgerEntry, Selection, StoredObject, TagRecord

KIND = "ImagePolicy"
CONTROLLER = "imagepolicy"
NAMESPACE_NAME = "kubernetes.io/metadata.name"
DEPENDENCY_RETRY_S = 30.0
MIN_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What led to an evaluation; it is kept with the selection and followed to the commit.

    ``dropped_from`` is how many tags there were before, when a scan found suspiciously few.
    """

    text: str
    received_at: datetime | None = None
    dropped_from: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evaluation:
    """One policy, what it chose and what was chosen before."""

    stored: StoredObject
    policy: ImagePolicy
    current: Selection | None
    cause: Cause
    now: datetime


def evaluate_for_repository(
    repository: NamespacedName, records: Sequence[TagRecord] | None, cause: Cause, deadline_s: float, ports: Ports
) -> frozenset[NamespacedName]:
    """Evaluate every policy that refers to a repository whose tags changed.

    Args:
        repository: the scanned one.
        records: its tags now; None to read them.
        cause: kept with the selections.
        deadline_s: on the monotonic clock, for digests.

    Returns:
        The policies that were evaluated; suspended ones are not.
    """
    done = set()
    for stored, policy in parsed_objects(ports.objects.list(KIND), ImagePolicy, ports.log):
        if policy.repository == repository and not policy.suspend:
            _evaluate(stored, policy, records, cause, (deadline_s, ports))
            done.add(stored.key)
    return frozenset(done)


def evaluate_policies(keys: Collection[NamespacedName], cause: Cause, deadline_s: float, ports: Ports) -> None:
    """Evaluate policies from the stored tags; suspended and deleted ones are passed over."""
    found = (ports.objects.get(KIND, key) for key in sorted(keys))
    for stored, policy in parsed_objects((one for one in found if one is not None), ImagePolicy, ports.log):
        if not policy.suspend:
            _evaluate(stored, policy, None, cause, (deadline_s, ports))
    ports.tags.put_last_scans({due.policy_key(key): ports.clock.now() for key in keys})


def _evaluate(
    stored: StoredObject,
    policy: ImagePolicy,
    records: Sequence[TagRecord] | None,
    cause: Cause,
    shell: tuple[float, Ports],
) -> None:
    deadline_s, ports = shell
    found = _Evaluation(
        stored=stored, policy=policy, current=ports.selections.get(stored.key), cause=cause, now=ports.clock.now()
    )
    try:
        with contained():
            selection = _select(found, records, deadline_s, ports)
            _store(found, selection, ports)
    except ImageAutomationError as error:
        _report_failure(found, error, ports)


def _select(found: _Evaluation, records: Sequence[TagRecord] | None, deadline_s: float, ports: Ports) -> Selection:
    policy = found.policy
    repository = _repository(policy, ports)
    compiled = _compiled(policy)
    tags = _tags(policy, records, ports)
    tag = _latest(compiled, tags)
    _guard(found, compiled, tag, len(tags))
    digest = _digest(found, repository, tag, deadline_s, ports)
    ref = ImageRef(name=repository.image, tag=tag, digest=digest)
    state = ports.tags.state(policy.repository)
    current = found.current
    if current is not None and current.ref == ref:
        return current
    return Selection(
        policy=found.stored.key,
        ref=ref,
        previous=current.ref if current else None,
        tags_revision=state.revision if state else Revision(""),
        policy_generation=policy.metadata.generation,
        selected_at=found.now,
        cause=found.cause.text,
        received_at=found.cause.received_at,
    )


def _repository(policy: ImagePolicy, ports: Ports) -> ImageRepository:
    """The ImageRepository a policy refers to, if it may."""
    stored = ports.objects.get("ImageRepository", policy.repository)
    if stored is None:
        raise RetryableError(
            "referenced ImageRepository does not exist: imagerepositories.image.toolkit.fluxcd.io"
            f' "{policy.repository.name}" not found',
            reason="DependencyNotReady",
            retry_after_s=DEPENDENCY_RETRY_S,
        )
    repository = parse_stored(stored, ImageRepository)
    _check_access(policy, repository, ports)
    try:
        parse_repository_image(repository.image)
    except InvalidImage as error:
        raise StalledError(str(error), reason="ImageURLInvalid") from error
    return repository


def _check_access(policy: ImagePolicy, repository: ImageRepository, ports: Ports) -> None:
    own = policy.metadata.key.namespace
    same = own == policy.repository.namespace
    labels = {} if same else _namespace_labels(own, ports)
    if may_access(repository.access_from, same, labels):
        return
    cause = f"'{policy.repository}' can't be accessed due to missing ACL labels on 'accessFrom'"
    if repository.access_from is not None and repository.access_from.namespace_selectors:
        cause = f"'{policy.repository}' can't be accessed due to ACL labels mismatch on namespace '{own}'"
    raise RetryableError(f"access denied: {cause}", reason="AccessDenied")


def _namespace_labels(namespace: str, ports: Ports) -> dict[str, str]:
    stored = ports.objects.get("Namespace", NamespacedName(namespace, namespace))
    metadata = stored.document.get("metadata") if stored else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return {**(labels or {}), NAMESPACE_NAME: namespace}


def _compiled(policy: ImagePolicy) -> CompiledPolicy:
    try:
        return compile_policy(policy.policy, policy.filter_tags)
    except (InvalidPolicy, InvalidFilter) as error:
        raise StalledError(str(error), reason="InvalidPolicy") from error


def _tags(policy: ImagePolicy, records: Sequence[TagRecord] | None, ports: Ports) -> tuple[str, ...]:
    known = ports.tags.tags(policy.repository) if records is None else records
    if not known:
        raise RetryableError(
            "retrying in 30s error: no tags in database", reason="DependencyNotReady", retry_after_s=DEPENDENCY_RETRY_S
        )
    return tuple(one.tag for one in known)


def _latest(compiled: CompiledPolicy, tags: Sequence[str]) -> str:
    try:
        return compiled.latest(tags)
    except NoSelection as error:
        raise RetryableError(str(error), reason="Failure") from error


def _guard(found: _Evaluation, compiled: CompiledPolicy, tag: str, count: int) -> None:
    """Hold what ``domain/guard.py`` says must not be selected; the latestRef in force stays."""
    policy = found.policy
    changed = found.stored.status.get("observedGeneration") != policy.metadata.generation
    may_go_back = changed or policy.metadata.annotations.get(ALLOW_DOWNGRADE) == "true"
    current = found.current.ref if found.current else None
    counts = TagCounts(before=max(found.cause.dropped_from, status.trusted_tags(found.stored.status)), after=count)
    held = guard_selection(current, tag, compiled, counts, may_go_back)
    if held is not None:
        raise HeldBack(held.message, reason=held.reason, trusted_tags=counts.before)


def _digest(found: _Evaluation, repository: ImageRepository, tag: str, deadline_s: float, ports: Ports) -> Digest:
    policy, current = found.policy, found.current.ref if found.current else None
    if not needs_digest(policy.digest_reflection, current, repository.image, tag):
        return Digest(current.digest if current and policy.digest_reflection != "Never" else "")
    timeout_s = max(MIN_TIMEOUT_S, repository.timeout_s or repository.interval_s or MIN_TIMEOUT_S)
    limit_s = min(deadline_s, ports.clock.monotonic_s() + timeout_s)
    image = parse_repository_image(repository.image)
    try:
        digest = ports.registry.digest(image, tag, registry_access(repository, ports.secrets), limit_s)
    except ImageAutomationError as error:
        raise RetryableError(
            f"failed fetching digest of {repository.image}:{tag}: {error.message}", reason="Failed"
        ) from error
    ports.tags.first_seen(policy.repository, tag, digest, found.now)
    return digest


def _store(found: _Evaluation, selection: Selection, ports: Ports) -> None:
    """The selection first: it wakes the update; the status follows and says the same."""
    if selection is not found.current and not ports.selections.put(selection, found.current):
        raise RetryableError("another worker selected at the same time", reason="Failure")
    policy = found.policy
    body = status.handled(found.stored.status, policy.metadata) | {"latestRef": _document(selection.ref)}
    if selection.previous is not None:
        body["observedPreviousRef"] = _document(selection.previous)
    message = ready_message(selection.ref, selection.previous)
    settled = status.succeeded(body, policy.metadata.generation, message, found.now)
    if settled == found.stored.status:
        return
    ports.objects.put_status(KIND, found.stored.key, settled)
    if status.transitioned(found.stored.status, settled):
        ports.ledger.record([_entry(found, selection, message)])
    ports.log.info(
        "selected",
        controller=CONTROLLER,
        namespace=found.stored.key.namespace,
        name=found.stored.key.name,
        image=selection.ref.name,
        tag=selection.ref.tag,
        digest=selection.ref.digest,
        cause=selection.cause,
    )


def _document(ref: ImageRef) -> dict[str, str]:
    return {"name": ref.name, "tag": ref.tag} | ({"digest": ref.digest} if ref.digest else {})


def _entry(found: _Evaluation, selection: Selection, message: str) -> LedgerEntry:
    return LedgerEntry(
        at=found.now,
        kind=KIND,
        key=found.stored.key,
        severity="info",
        reason="Succeeded",
        message=message,
        cause=found.cause.text,
        facts={"image": selection.ref.name, "tag": selection.ref.tag, "digest": selection.ref.digest},
    )


def _report_failure(found: _Evaluation, error: ImageAutomationError, ports: Ports) -> None:
    """latestRef stays: automations keep to the last good tag."""
    body = status.handled(found.stored.status, found.policy.metadata)
    settled = status.failed(body, found.policy.metadata.generation, error, found.now)
    ports.objects.put_status(KIND, found.stored.key, settled)
    ports.metrics.add("ReconcileFailed", 1, CONTROLLER)
    if status.transitioned(found.stored.status, settled):
        ports.ledger.record([status.failure_entry(KIND, found.stored.key, error, found.now)])
    ports.log.error(
        "evaluation failed",
        controller=CONTROLLER,
        namespace=found.stored.key.namespace,
        name=found.stored.key.name,
        reason=error.reason,
        error=error.message,
    )
