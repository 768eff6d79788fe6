"""Evaluates ImagePolicies: has their images selected, stores the selections and reports what became of each.

A failed evaluation keeps the selection in force: automations stay with the last good tag.

Source: image-reflector-controller internal/controller/imagepolicy_controller.go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tagstream.domain.objects.model import ImagePolicy, NamespacedName
from tagstream.domain.select.choice import Gate
from tagstream.domain.select.gates import GATES
from tagstream.domain.status.conditions import SUCCEEDED, ready_message
from tagstream.errors import ImageAutomationError, Overtaken, RetryableError
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import due, status
from tagstream.reconcile.cool_downs import CoolDowns
from tagstream.reconcile.isolated import attempted, isolated
from tagstream.reconcile.registry_health import RegistryHealth
from tagstream.reconcile.select import interventions
from tagstream.reconcile.select.evaluation import Cause, ChangedRepository, Evaluation, PolicyRun
from tagstream.reconcile.select.read_ahead import ReadAhead
from tagstream.reconcile.select.selecting import PolicyChoice, select
from tagstream.reconcile.stored_objects import parse_stored, parsed_objects
from tagstream.reconcile.transition import Attempt, Transition, failed, report_each, succeeded, success_entry

KIND = "ImagePolicy"
SELECT_TRIES = 3
STORAGE_FAILED = "StorageOperationFailed"
OVERTAKEN = "another worker selected at the same time"
# They wait for registries, whose digests they ask for.
WORKERS = 32


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
) -> frozenset[NamespacedName]:
    """Evaluate policies from the stored tags; suspended and deleted ones are passed over.

    Args:
        keys: in the order in which to begin.
        cause: kept with the selections.
        deadline_s: on the monotonic clock; what is left then stays due, so that the next tick goes on with it.
        ports: everything.
        gates: asked about every candidate.

    Returns:
        Those that are left, and those whose evaluation broke off.
    """
    began_at = ports.clock.now()
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
        return _due_after(evaluation, ports)

    outcomes = ports.workers.carry_out(evaluate, active, most=WORKERS)
    if times := dict(filter(None, outcomes)):
        # Others may have noted another interval while registries were waited for.
        ports.agenda.note(times, began_at)
    return frozenset(stored.key for (stored, _), outcome in zip(active, outcomes, strict=True) if outcome is None)


def _due_after(found: Evaluation, ports: Ports) -> tuple[ObjectName, Times] | None:
    """Evaluate a policy, and say when it is due again; None if its evaluation broke off, since it stays due then."""
    try:
        after = replace(found.stored, status=_evaluate(found, ports))
    except ImageAutomationError as error:
        ports.log.error("evaluation broke off", key=str(found.stored.key), reason=error.reason, error=error.message)
        return None
    return due.name_of(found.stored), due.next_times(after, found.policy, ports.clock.now())


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
    selected = [attempted(partial(select, one, ports)) for one in evaluations]
    stored = _stored(evaluations, selected, ports)
    return [
        Overtaken(OVERTAKEN, reason="Failure") if is_stored is False and tries > 1 else _outcome(one, chosen, is_stored)
        for one, chosen, is_stored in zip(evaluations, selected, stored, strict=True)
    ]


def _stored(
    evaluations: Sequence[Evaluation], selected: Sequence[PolicyChoice | ImageAutomationError], ports: Ports
) -> list[bool | ImageAutomationError]:
    """Store what is newly selected, which wakes the update.

    Returns:
        For each policy whether its selection is stored; False if another worker was faster; or why there is none.
    """
    new = {
        place: (chosen.selection, one.current)
        for place, (one, chosen) in enumerate(zip(evaluations, selected, strict=True))
        if isinstance(chosen, PolicyChoice) and chosen.selection is not one.current
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
    found: Evaluation, selected: PolicyChoice | ImageAutomationError, is_stored: bool | ImageAutomationError
) -> _ToReport | ImageAutomationError:
    """What becomes of the policy; the error if the table failed."""
    error = is_stored if isinstance(is_stored, ImageAutomationError) else None
    if isinstance(selected, PolicyChoice) and is_stored is True:
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


def _transition(found: Evaluation, selected: PolicyChoice) -> Transition:
    """The policy's outcome, when its selection is stored."""
    selection = selected.selection
    body = dict(found.stored.status) | {"latestRef": status.ref_document(selection.ref)}
    if selection.previous is not None:
        body["observedPreviousRef"] = status.ref_document(selection.previous)
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
