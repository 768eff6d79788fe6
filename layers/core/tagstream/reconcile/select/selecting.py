"""Selects the image of one policy: its repository, its tags, the gates, the digest.

Nothing is stored but what is learnt of images on the way; the selection is stored by whoever asked for it.

Source: image-reflector-controller internal/controller/imagepolicy_controller.go, in its order of checks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tagstream.domain.objects.image_name import canonical_name
from tagstream.domain.objects.model import Digest, ImagePolicy, ImageRef, ImageRepository, Revision
from tagstream.domain.select.choice import Choice, Gate, No, Situation, Stay, TagCounts, Take, Wait
from tagstream.domain.select.policy import CompiledPolicy, InvalidFilter, InvalidPolicy, NoSelection, compile_policy
from tagstream.domain.select.reflection import needs_digest
from tagstream.domain.status.conditions import SUCCEEDED
from tagstream.errors import HeldBack, RetryableError, StalledError
from tagstream.ports.bundle import Ports
from tagstream.ports.selections import Selection
from tagstream.reconcile import status
from tagstream.reconcile.scan.tag_list import ScannedTags
from tagstream.reconcile.select import interventions
from tagstream.reconcile.select.contents import Contents
from tagstream.reconcile.select.evaluation import Evaluation
from tagstream.reconcile.select.referred_repository import DEPENDENCY_RETRY_S, accessible_repository, with_repository
from tagstream.reconcile.select.registry_questions import RegistryQuestions
from tagstream.reconcile.select.situation import KnownSituation, Occasion, situation_of, trusted_tags
from tagstream.reconcile.select.tag_times import with_times


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChoice:
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


def select(found: Evaluation, ports: Ports) -> PolicyChoice:
    """What a policy selects now, with its digest if the policy reflects one.

    Raises:
        StalledError: ImageURLInvalid, InvalidPolicy, and what a gate says of an annotation.
        HeldBack: the gates let no tag through.
        RetryableError: AccessDenied, DependencyNotReady, no tag matches, or a registry or the table does not answer.
    """
    found = with_repository(found, ports)
    policy, current, repository = found.policy, found.current, accessible_repository(found, ports)
    compiled = _compiled(policy, found.gates)
    scanned = found.scanned or _stored_tags(found, repository, ports)
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
    known = _known_situation(found, len(scanned.tags), questions, ports)
    timed = with_times(policy, compiled, questions.image(), scanned.tags, known.contents, questions.created)
    compiled = timed.policy
    situation = replace(known.situation, tags_without_time=len(timed.left))
    choice = _choice(found, compiled, scanned, situation)
    if choice.tag is None:
        raise _held_back(choice, situation)
    if isinstance(choice.decided, Stay) and current is not None:
        return PolicyChoice(selection=current, wait=choice.wait, decided=choice.decided)
    over = interventions.ended(policy.control, choice.tag, compiled.is_newer, found.now)
    is_way_back = isinstance(choice.decided, Take) and situation.rollback_digest != ""
    # The tag may have been moved since: what a person wants back is what was selected before.
    digest = situation.rollback_digest if is_way_back else _digest(found, repository, choice.tag, known.contents, ports)
    ref = ImageRef(name=repository.image, tag=choice.tag, digest=digest)
    if current is not None and current.ref == ref:
        return PolicyChoice(selection=current, wait=choice.wait, decided=choice.decided, ended=over)
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
    return PolicyChoice(selection=selection, wait=choice.wait, decided=choice.decided, ended=over)


def _known_situation(found: Evaluation, tag_count: int, questions: RegistryQuestions, ports: Ports) -> KnownSituation:
    current = found.current.ref if found.current else None
    trusted = trusted_tags(found.stored, current, questions.repository)
    occasion = Occasion(
        stored=found.stored,
        policy=found.policy,
        current=current,
        counts=TagCounts(before=max(found.cause.dropped_from, trusted), after=tag_count),
        now=found.now,
    )
    return situation_of(occasion, questions, ports)


def _stored_tags(found: Evaluation, repository: ImageRepository, ports: Ports) -> ScannedTags:
    """The stored list; none if it is of another image, as Flux keeps lists by canonical image names."""
    key = found.policy.repository
    state = found.inputs.tags if found.inputs is not None else ports.tags.state(key)
    if state is None or not state.is_of(canonical_name(repository.image)):
        return ScannedTags(tags=(), revision=Revision(""))
    return ScannedTags(tags=ports.tags.names(key, state), revision=state.revision)


def _compiled(policy: ImagePolicy, gates: tuple[Gate, ...]) -> CompiledPolicy:
    try:
        return compile_policy(policy.policy, policy.filter_tags, gates)
    except (InvalidPolicy, InvalidFilter) as error:
        raise StalledError(str(error), reason="InvalidPolicy") from error


def _choice(found: Evaluation, compiled: CompiledPolicy, scanned: ScannedTags, situation: Situation) -> Choice:
    current = found.current
    try:
        if scanned.difference is not None and current is not None and chose_from_all(found):
            # What this policy chose from the tags before is compared with the new ones only.
            change = scanned.difference
            return compiled.latest_after(current.ref.tag, change.added, change.removed, scanned.tags, situation)
        return compiled.latest(scanned.tags, situation, descending=True, shared=scanned.shared)
    except NoSelection as error:
        raise RetryableError(str(error), reason="Failure") from error


def chose_from_all(found: Evaluation) -> bool:
    """Whether this policy chose its current selection from all tags: nothing held it, and no better tag waited.

    Then it looks at new tags only.
    """
    body, current = found.stored.status, found.current
    return (
        current is not None
        and status.ready_reason(body) == SUCCEEDED
        and status.wait_until(body) is None
        and body.get("observedGeneration") == found.policy.metadata.generation
        and body.get("latestRef") == status.ref_document(current.ref)
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
