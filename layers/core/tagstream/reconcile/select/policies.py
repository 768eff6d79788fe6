"""Evaluate ImagePolicies: select, ask the gates, reflect the digest, store the selection.

A failed evaluation keeps the selection in force: automations stay with the last good tag.

Source: image-reflector-controller internal/controller/imagepolicy_controller.go, in its order of checks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from tagstream.domain.objects.acl import BLOCKED, may_access, may_refer
from tagstream.domain.objects.image_name import InvalidImage, parse_repository_image
from tagstream.domain.objects.model import (
    Digest,
    ImagePolicy,
    ImageRef,
    ImageRepository,
    NamespacedName,
    PolicyControl,
    Revision,
)
from tagstream.domain.select.choice import Choice, Gate, No, Situation, Stay, TagCounts, Take, Wait
from tagstream.domain.select.gates import GATES
from tagstream.domain.select.policy import CompiledPolicy, InvalidFilter, InvalidPolicy, NoSelection, compile_policy
from tagstream.domain.select.reflection import needs_digest
from tagstream.domain.status.conditions import SUCCEEDED, ready_message
from tagstream.errors import HeldBack, ImageAutomationError, Overtaken, RetryableError, StalledError
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Selection
from tagstream.reconcile import due, status
from tagstream.reconcile.cool_downs import CoolDowns
from tagstream.reconcile.isolated import attempted, isolated
from tagstream.reconcile.registry_health import RegistryHealth
from tagstream.reconcile.scan.tag_list import ScannedTags
from tagstream.reconcile.select import interventions
from tagstream.reconcile.select.contents import Contents
from tagstream.reconcile.select.read_ahead import Inputs, ReadAhead
from tagstream.reconcile.select.registry_questions import RegistryQuestions
from tagstream.reconcile.select.situation import Gathered, Occasion, gather
from tagstream.reconcile.select.tag_times import with_times
from tagstream.reconcile.stored_objects import parse_stored, parsed_objects
from tagstream.reconcile.transition import Attempt, Transition, failed, report_each, succeeded, success_entry

KIND = "ImagePolicy"
SELECT_TRIES = 3
STORAGE_FAILED = "StorageOperationFailed"
OVERTAKEN = "another worker selected at the same time"
# They wait for registries, whose digests they ask for.
WORKERS = 32
NO_CONTROL = PolicyControl()
NAMESPACE_NAME = "kubernetes.io/metadata.name"
DEPENDENCY_RETRY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What led to an evaluation. It is kept with the selection, so that a commit can be traced back to it.

    ``dropped_from`` is how many tags there were before the scan, or when the repository last reported a scan if those
    were more; 0 while that is not known.
    """

    text: str
    received_at: datetime | None = None
    dropped_from: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRun:
    """What the evaluations of one invocation share.

    ``deadline_s`` is on the monotonic clock, for digests; ``health`` says which registries are left alone.
    """

    deadline_s: float
    health: RegistryHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRepository:
    """A repository whose tags changed.

    Attributes:
        repository: as it was when its tags were listed: another image has other tags.
        scanned: its tags as they are stored now; None to read them.
        cause: kept with the selections.
    """

    repository: ImageRepository
    scanned: ScannedTags | None
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One policy, what is selected now, and what it is evaluated with.

    ``repository`` and ``scanned`` come from a scan; ``inputs`` are what was read ahead. What none of them has is read.
    """

    stored: StoredObject
    policy: ImagePolicy
    current: Selection | None
    repository: ImageRepository | None
    scanned: ScannedTags | None
    cause: Cause
    now: datetime
    run: PolicyRun
    gates: tuple[Gate, ...] = GATES
    inputs: Inputs | None = None

    @property
    def may_wait(self) -> bool:
        """Whether the evaluation may wait for a registry, for AWS or for a Secret."""
        return self.policy.digest_reflection != "Never" or self.policy.control != NO_CONTROL


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selected:
    """What is selected.

    ``selection`` is to be stored; ``wait`` is that of a better tag; ``decided`` is the answer that ended the
    evaluation; ``ended`` are the annotations of orders and reverts that are over with it.
    """

    selection: Selection
    wait: Wait | None
    decided: Stay | Take | None
    ended: tuple[str, ...] = ()

    @property
    def until(self) -> datetime | None:
        """When the policy is evaluated again."""
        times = [one.until for one in (self.wait, self.decided) if one is not None and one.until is not None]
        return min(times, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToReport:
    """What became of a policy that was evaluated, to be written to its status.

    ``over`` are the annotations of orders and reverts that end with it.
    """

    stored: StoredObject
    outcome: Transition
    over: tuple[str, ...] = ()


def evaluations_of(
    changed: Sequence[ChangedRepository], run: PolicyRun, ports: Ports
) -> list[tuple[Evaluation, ...] | None]:
    """What has to be evaluated for each of these repositories: every policy that refers to it and is not suspended.

    None for a repository whose list another scan has replaced meanwhile: what is selected may be newer than this list.

    Raises:
        ImageAutomationError: the table failed.
    """
    keys = [one.repository.metadata.key for one in changed]
    # Read after the tags were stored: a policy applied later is evaluated by its own change, from these tags.
    stored = ports.objects.policies_of(*keys)
    policies = [one for one in parsed_objects(stored, ImagePolicy, ports.log) if not one[1].suspend]
    if not policies:
        return [()] * len(changed)
    # Whoever replaces a list later, and selects from it, is noticed when the selection is stored.
    current, lists = ports.selections.get_with_lists([one.key for one, _ in policies], keys)
    now = ports.clock.now()
    found: dict[NamespacedName, list[tuple[StoredObject, ImagePolicy]]] = {}
    for one, policy in policies:
        found.setdefault(policy.repository, []).append((one, policy))
    return [
        None
        if one.scanned is not None and one.scanned.is_replaced(lists.get(key))
        else tuple(
            Evaluation(
                stored=stored,
                policy=policy,
                current=current.get(stored.key),
                repository=one.repository,
                scanned=one.scanned,
                cause=one.cause,
                now=now,
                run=run,
            )
            for stored, policy in found.get(key, ())
        )
        for key, one in zip(keys, changed, strict=True)
    ]


def evaluate_policies(
    keys: Collection[NamespacedName],
    cause: Cause,
    deadline_s: float,
    ports: Ports,
    gates: tuple[Gate, ...] = GATES,
) -> None:
    """Evaluate policies from the stored tags; suspended and deleted ones are passed over.

    Args:
        keys: in the order in which to begin.
        cause: kept with the selections.
        deadline_s: on the monotonic clock; what is left then stays due, so that the next tick goes on with it.
        ports: everything.
        gates: asked about every candidate.
    """
    found = {stored.key: stored for stored in ports.objects.get_many(KIND, keys)}
    in_order = [found[key] for key in dict.fromkeys(keys) if key in found]
    run = PolicyRun(deadline_s=deadline_s, health=RegistryHealth(CoolDowns(ports.tags, ports.clock), ports))
    active = [one for one in parsed_objects(in_order, ImagePolicy, ports.log) if not one[1].suspend]
    ahead = ReadAhead([policy for _, policy in active], ports) if len(active) > 1 else None

    def evaluate(one: tuple[StoredObject, ImagePolicy]) -> tuple[ObjectName, Times] | None:
        stored, policy = one
        if ports.clock.monotonic_s() >= deadline_s:
            return None
        inputs = ahead.inputs(policy) if ahead is not None else None
        evaluation = Evaluation(
            stored=stored,
            policy=policy,
            current=inputs.current if inputs is not None else ports.selections.get(stored.key),
            inputs=inputs,
            repository=None,
            scanned=None,
            cause=replace(cause, text=status.cause_of(stored, cause.text)),
            now=ports.clock.now(),
            run=run,
            gates=gates,
        )
        try:
            after = replace(stored, status=_evaluate(evaluation, ports))
        except ImageAutomationError as error:
            # It stays due.
            ports.log.error("evaluation broke off", key=str(stored.key), reason=error.reason, error=error.message)
            return None
        return due.name_of(stored), due.next_times(after, policy, ports.clock.now())

    times = dict(filter(None, ports.workers.carry_out(evaluate, active, most=WORKERS)))
    if times:
        ports.agenda.note(times)


def _evaluate(found: Evaluation, ports: Ports) -> status.Status:
    """The policy's status afterwards.

    Raises:
        ImageAutomationError: the table failed: what came of the evaluation is not known, and it has to be repeated.
    """
    (outcome,) = evaluate_together([found], ports)
    if isinstance(outcome, ImageAutomationError):
        raise outcome
    return outcome


def evaluate_together(evaluations: Sequence[Evaluation], ports: Ports) -> list[status.Status | ImageAutomationError]:
    """Evaluate different policies; what is written of them shares its calls.

    Returns:
        For each the policy's status afterwards. Where the table failed, what came of the evaluation is not known and
        it has to be repeated: then it is the table's error.
    """
    return _evaluated(evaluations, ports, SELECT_TRIES)


def _evaluated(
    evaluations: Sequence[Evaluation], ports: Ports, tries: int
) -> list[status.Status | ImageAutomationError]:
    """Select, store and report; again, from what is stored by then, where another worker did so at the same time."""
    ended = _ended(evaluations, ports, tries)
    failures = iter(report_each([one.outcome for one in ended if isinstance(one, _ToReport)], ports))
    found: list[status.Status | ImageAutomationError] = []
    for evaluation, one in zip(evaluations, ended, strict=True):
        failure = one if isinstance(one, ImageAutomationError) else next(failures)
        if isinstance(failure, Overtaken) and tries > 1:
            found.append(_evaluated_again(evaluation, ports, tries - 1))
        elif isinstance(one, _ToReport):
            found.append(failure or _cleaned_up(one, ports))
        else:
            found.append(one)
    return found


def _evaluated_again(overtaken: Evaluation, ports: Ports, tries: int) -> status.Status | ImageAutomationError:
    """Nothing that was read before counts any more: the other worker may have had another policy and another list."""
    key = overtaken.stored.key

    def again() -> status.Status | ImageAutomationError:
        stored = ports.objects.get(KIND, key)
        policy = parse_stored(stored, ImagePolicy) if stored is not None else None
        if stored is None or policy is None or policy.suspend:
            return dict((stored or overtaken.stored).status)
        evaluation = replace(
            overtaken,
            stored=stored,
            policy=policy,
            current=ports.selections.get(key),
            repository=None,
            scanned=None,
            inputs=None,
            now=ports.clock.now(),
        )
        (outcome,) = _evaluated([evaluation], ports, tries)
        return outcome

    return attempted(again)


def _cleaned_up(ended: _ToReport, ports: Ports) -> status.Status | ImageAutomationError:
    failure = attempted(partial(interventions.remove, ended.over, ended.stored, ports)) if ended.over else None
    return failure or ended.outcome.status


def _ended(evaluations: Sequence[Evaluation], ports: Ports, tries: int) -> list[_ToReport | ImageAutomationError]:
    """Select and store: ``Overtaken`` where another worker selected at the same time and there is a try left."""
    selected = [attempted(partial(_select, one, ports)) for one in evaluations]
    stored = _stored(evaluations, selected, ports)
    return [
        Overtaken(OVERTAKEN, reason="Failure") if is_stored is False and tries > 1 else _outcome(one, chosen, is_stored)
        for one, chosen, is_stored in zip(evaluations, selected, stored, strict=True)
    ]


def _stored(
    evaluations: Sequence[Evaluation], selected: Sequence[_Selected | ImageAutomationError], ports: Ports
) -> list[bool | ImageAutomationError]:
    """Store what is newly selected, which wakes the update.

    Returns:
        For each policy whether its selection is stored; False if another worker was faster; or why there is none.
    """
    new = {
        place: (chosen.selection, one.current)
        for place, (one, chosen) in enumerate(zip(evaluations, selected, strict=True))
        if isinstance(chosen, _Selected) and chosen.selection is not one.current
    }
    answers: Sequence[bool | ImageAutomationError] = ()
    try:
        with isolated():
            if new:
                answers = ports.selections.put_each(list(new.values()))
    except ImageAutomationError as error:
        answers = [error] * len(new)
    stored = dict(zip(new, answers, strict=True))
    return [
        chosen if isinstance(chosen, ImageAutomationError) else stored.get(place, True)
        for place, chosen in enumerate(selected)
    ]


def _outcome(
    found: Evaluation, selected: _Selected | ImageAutomationError, is_stored: bool | ImageAutomationError
) -> _ToReport | ImageAutomationError:
    """What becomes of the policy; the error if the table failed."""
    error = is_stored if isinstance(is_stored, ImageAutomationError) else None
    if isinstance(selected, _Selected) and is_stored is True:
        try:
            with isolated():
                return _ToReport(stored=found.stored, outcome=_transition(found, selected), over=selected.ended)
        except ImageAutomationError as failure:
            error = failure
    error = error or RetryableError(OVERTAKEN, reason="Failure")
    if error.reason == STORAGE_FAILED:
        return error
    # latestRef stays: automations keep to the last good tag.
    return _ToReport(stored=found.stored, outcome=failed(_attempt(found), error))


def _attempt(found: Evaluation) -> Attempt:
    return Attempt(stored=found.stored, at=found.now, cause=found.cause.text)


def _select(found: Evaluation, ports: Ports) -> _Selected:
    found = _with_repository(found, ports)
    policy, current, repository = found.policy, found.current, _accessible(found, ports)
    compiled = _compiled(policy, found.gates)
    scanned = found.scanned or _stored_tags(found, ports)
    if not scanned.tags:
        raise RetryableError(
            "retrying in 30s error: no tags in database", reason="DependencyNotReady", retry_after_s=DEPENDENCY_RETRY_S
        )
    questions = RegistryQuestions(
        stored=found.stored,
        repository=repository,
        deadline_s=found.run.deadline_s,
        health=found.run.health,
        ports=ports,
    )
    gathered = _gathered(found, len(scanned.tags), questions, ports)
    timed = with_times(policy, compiled, scanned.tags, gathered.contents, questions.created)
    compiled = timed.policy
    situation = replace(gathered.situation, tags_without_time=len(timed.left))
    choice = _choice(found, compiled, scanned, situation)
    if choice.tag is None:
        raise _held_back(choice, situation)
    if isinstance(choice.decided, Stay) and current is not None:
        return _Selected(selection=current, wait=choice.wait, decided=choice.decided)
    over = interventions.ended(policy.control, choice.tag, compiled.is_newer, found.now)
    is_way_back = isinstance(choice.decided, Take) and situation.rollback_digest != ""
    # The tag may have been moved since: what a person wants back is what was selected before.
    digest = (
        situation.rollback_digest if is_way_back else _digest(found, repository, choice.tag, gathered.contents, ports)
    )
    ref = ImageRef(name=repository.image, tag=choice.tag, digest=digest)
    if current is not None and current.ref == ref:
        return _Selected(selection=current, wait=choice.wait, decided=choice.decided, ended=over)
    selection = Selection(
        policy=found.stored.key,
        ref=ref,
        previous=current.ref if current else None,
        tags_revision=scanned.revision,
        policy_generation=policy.metadata.generation,
        selected_at=found.now,
        cause=found.cause.text,
        received_at=found.cause.received_at,
    )
    return _Selected(selection=selection, wait=choice.wait, decided=choice.decided, ended=over)


def _gathered(found: Evaluation, tag_count: int, questions: RegistryQuestions, ports: Ports) -> Gathered:
    before = max(found.cause.dropped_from, status.trusted_tags(found.stored.status))
    occasion = Occasion(
        stored=found.stored,
        policy=found.policy,
        current=found.current.ref if found.current else None,
        counts=TagCounts(before=before, after=tag_count),
        now=found.now,
    )
    return gather(occasion, questions, ports)


def _stored_tags(found: Evaluation, ports: Ports) -> ScannedTags:
    repository = found.policy.repository
    state = found.inputs.tags if found.inputs is not None else ports.tags.state(repository)
    tags = ports.tags.names(repository, state) if state else ()
    return ScannedTags(tags=tags, revision=state.revision if state else Revision(""))


def _with_repository(found: Evaluation, ports: Ports) -> Evaluation:
    """The evaluation with the ImageRepository that its policy refers to, and with how many tags that one reported.

    A scan may have stored a shorter list and not have evaluated it: the stored list alone does not tell a drop.
    """
    policy, blocks = found.policy, ports.no_cross_namespace_refs
    if not may_refer(policy.metadata.key.namespace, policy.repository, no_cross_namespace_refs=blocks):
        raise RetryableError(f"cannot access 'ImageRepository/{policy.repository}', {BLOCKED}", reason="AccessDenied")
    if found.repository is not None:
        return found
    stored = _stored_repository(found, ports)
    known = max(found.cause.dropped_from, status.reported_tags(stored.status))
    repository = parse_stored(stored, ImageRepository)
    return replace(found, repository=repository, cause=replace(found.cause, dropped_from=known))


def _accessible(found: Evaluation, ports: Ports) -> ImageRepository:
    """The ImageRepository of an evaluation, if its policy may read it."""
    repository = found.repository
    assert repository is not None
    _check_access(found.policy, repository, ports)
    try:
        parse_repository_image(repository.image)
    except InvalidImage as error:
        raise StalledError(str(error), reason="ImageURLInvalid") from error
    return repository


def _stored_repository(found: Evaluation, ports: Ports) -> StoredObject:
    """The ImageRepository that a policy refers to."""
    policy, inputs = found.policy, found.inputs
    stored = inputs.repository if inputs is not None else ports.objects.get("ImageRepository", policy.repository)
    if stored is None:
        raise RetryableError(
            "referenced ImageRepository does not exist: imagerepositories.image.toolkit.fluxcd.io"
            f' "{policy.repository.name}" not found',
            reason="DependencyNotReady",
            retry_after_s=DEPENDENCY_RETRY_S,
        )
    return stored


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


def _compiled(policy: ImagePolicy, gates: tuple[Gate, ...]) -> CompiledPolicy:
    try:
        return compile_policy(policy.policy, policy.filter_tags, gates)
    except (InvalidPolicy, InvalidFilter) as error:
        raise StalledError(str(error), reason="InvalidPolicy") from error


def _choice(found: Evaluation, compiled: CompiledPolicy, scanned: ScannedTags, situation: Situation) -> Choice:
    current = found.current
    try:
        if scanned.difference is not None and current is not None and _chose(found, current):
            # What this policy chose from the tags before is compared with the new ones only.
            change = scanned.difference
            return compiled.latest_after(current.ref.tag, change.added, change.removed, scanned.tags, situation)
        return compiled.latest(scanned.tags, situation, descending=True)
    except NoSelection as error:
        raise RetryableError(str(error), reason="Failure") from error


def _chose(found: Evaluation, current: Selection) -> bool:
    """Whether this policy chose its current selection from all tags: nothing held it, and no better tag waited."""
    body = found.stored.status
    return (
        status.ready_reason(body) == SUCCEEDED
        and status.wait_until(body) is None
        and body.get("observedGeneration") == found.policy.metadata.generation
        and body.get("latestRef") == _document(current.ref)
    )


def _held_back(choice: Choice, situation: Situation) -> HeldBack:
    """The gates let no tag through: latestRef stays as it is."""
    held = choice.held
    assert held is not None
    return HeldBack(
        held.message,
        reason=held.reason,
        trusted_tags=situation.counts.before,
        wait_until=choice.wait.until if choice.wait else None,
        # A gate that named a time need not be asked before it.
        retry_after_s=(held.until - situation.now).total_seconds() if not isinstance(held, No) and held.until else None,
    )


def _digest(found: Evaluation, repository: ImageRepository, tag: str, contents: Contents, ports: Ports) -> Digest:
    policy, current = found.policy, found.current.ref if found.current else None
    if not needs_digest(policy.digest_reflection, current, repository.image, tag):
        return Digest(current.digest if current and policy.digest_reflection != "Never" else "")
    digest = contents.digest(tag)
    if current is None or (current.name, current.tag, current.digest) != (repository.image, tag, digest):
        # The sighting of what is selected already was recorded when it was selected.
        ports.tags.first_seen(policy.repository, tag, digest, found.now)
    return digest


def _transition(found: Evaluation, selected: _Selected) -> Transition:
    """The policy's outcome, when its selection is stored."""
    selection = selected.selection
    body = dict(found.stored.status) | {"latestRef": _document(selection.ref)}
    if selection.previous is not None:
        body["observedPreviousRef"] = _document(selection.previous)
    message = ready_message(selection.ref, selection.previous)
    for told in (selected.decided, selected.wait):
        if told is not None:
            message = f"{message}; {told.message}"
    reason = selected.decided.reason if selected.decided is not None else SUCCEEDED
    outcome = succeeded(_attempt(found), "selected", body, message, reason)
    if selected.until is not None:
        outcome = replace(outcome, status=status.waiting(outcome.status, selected.until))
    names = {"image": selection.ref.name, "tag": selection.ref.tag, "digest": selection.ref.digest}
    entry = success_entry(outcome.attempt, message, {"repository": str(found.policy.repository), **names}, reason)
    return replace(
        outcome,
        entries=(entry,) if outcome.changes_ready else (),
        facts={**names, "cause": selection.cause},
        is_news=outcome.changes_status,
    )


def _document(ref: ImageRef) -> dict[str, str]:
    return {"name": ref.name, "tag": ref.tag} | ({"digest": ref.digest} if ref.digest else {})
