"""Which tag a stored policy selects, and why it selects no other: for ``tagstream explain`` and the dashboard.

It uses the same ordering and the same gates as the functions, and never writes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.image_name import canonical_name
from tagstream.domain.objects.model import ImagePolicy, ImageRepository, NamespacedName
from tagstream.domain.scan.exclusion import InvalidExclusion, keep
from tagstream.domain.select.advice import policy_advice
from tagstream.domain.select.choice import Choice, Situation, TagCounts
from tagstream.domain.select.policy import (
    CompiledPolicy,
    InvalidFilter,
    InvalidPolicy,
    NoSelection,
    Verdict,
    compile_policy,
)
from tagstream.errors import ImageAutomationError, StalledError
from tagstream.ports.bundle import LookPorts
from tagstream.ports.objects import StoredObject
from tagstream.ports.tags import TagStore
from tagstream.reconcile.failure_advice import repository_failure
from tagstream.reconcile.select.situation import Occasion, situation_of, trusted_tags
from tagstream.reconcile.select.tag_times import with_stored_times
from tagstream.reconcile.stored_objects import parse_stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The policy to explain, and the tags to explain it with.

    Attributes:
        policy: as a value.
        tags: all of them.
        image: of the ImageRepository; empty if it is not known.
        exclusion_list: empty if excluded tags are removed already.
        situation: the input of the gates; None without a stack, where nothing is selected yet and no tag has a
            first-seen time.
    """

    policy: ImagePolicy
    tags: tuple[str, ...]
    image: str
    exclusion_list: tuple[str, ...]
    situation: Situation | None

    @property
    def has_minimum_age(self) -> bool:
        """Whether the age of a tag matters, and is known."""
        return self.situation is not None and bool(self.situation.minimum_age)

    def first_seen(self, tag: str) -> str | None:
        """When a scan first listed a tag, as a text; None if that is not known, or does not matter."""
        seen_at = self.situation.first_seen(tag) if self.situation is not None and self.has_minimum_age else None
        return instant_text(seen_at) if seen_at else None

    @property
    def current(self) -> str | None:
        """The tag that is selected now; None if there is none."""
        ref = self.situation.current if self.situation else None
        return ref.tag if ref else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The verdict on every tag, and the result: a choice, or Flux's message if no tag can be selected.

    ``question`` is what was asked, with what the gates know of times.
    """

    question: Question
    verdicts: tuple[Verdict, ...]
    advice: tuple[Problem, ...]
    choice: Choice | None
    problem: str


def question_of(stored: StoredObject, given_tags: Sequence[str] | None, ports: LookPorts) -> Question:
    """Return what to explain of a stored policy; the registry is not asked, and only what is stored counts.

    Args:
        stored: the policy.
        given_tags: None for those that are stored for its repository.
        ports: of the stack.

    Raises:
        ImageAutomationError: the policy cannot be read, or no tags are stored.
    """
    policy = parse_stored(stored, ImagePolicy)
    repository = repository_of(policy, ports)
    tags = _stored_tags(policy.repository, repository, ports) if given_tags is None else tuple(given_tags)
    # Whoever asks may not reach the registry.
    image = repository.image if repository else ""
    occasion = occasion_of(stored, policy, len(tags), repository, ports)
    situation = situation_of(occasion, None, ports).situation
    return Question(
        policy=policy,
        tags=tags,
        image=image,
        exclusion_list=repository.exclusion_list if repository else (),
        situation=replace(situation, image=image),
    )


def repository_of(policy: ImagePolicy, ports: LookPorts) -> ImageRepository | None:
    """Return the repository that a policy selects from; None if there is none.

    Raises:
        ImageAutomationError: it cannot be read.
    """
    held = ports.objects.get("ImageRepository", policy.repository)
    return parse_stored(held, ImageRepository) if held else None


def occasion_of(
    stored: StoredObject, policy: ImagePolicy, tag_count: int, repository: ImageRepository | None, ports: LookPorts
) -> Occasion:
    """Return the input of the gates as the stack has it when it evaluates the policy.

    One thing is missing: a list that has shrunk, and that no policy was evaluated on yet.
    """
    selection = ports.selections.get(stored.key)
    current = selection.ref if selection else None
    return Occasion(
        stored=stored,
        policy=policy,
        current=current,
        counts=TagCounts(before=trusted_tags(stored, current, repository), after=tag_count),
        now=ports.clock.now(),
    )


def explain(question: Question, tags: TagStore | None) -> Explanation:
    """Explain a policy.

    Args:
        question: the policy and its tags.
        tags: where times of tags are stored; None without a stack.

    Raises:
        ImageAutomationError: the policy is invalid, or a gate cannot be answered.
    """
    compiled, kept, question = compiled_question(question, tags)
    try:
        verdicts = (*compiled.explain(kept, question.situation), *_excluded(question, kept))
        advice = policy_advice(question.policy, kept)
        choice, problem = _chosen(compiled, kept, question)
    except ImageAutomationError as error:
        raise _of_policy(question, error.message) from error
    return Explanation(question=question, verdicts=verdicts, advice=advice, choice=choice, problem=problem)


def chosen(question: Question, tags: TagStore) -> tuple[Choice | None, str]:
    """Return what a policy selects, or Flux's message if it can select no tag.

    Raises:
        ImageAutomationError: as ``explain``.
    """
    compiled, kept, question = compiled_question(question, tags)
    try:
        return _chosen(compiled, kept, question)
    except ImageAutomationError as error:
        raise _of_policy(question, error.message) from error


def compiled_question(question: Question, tags: TagStore | None) -> tuple[CompiledPolicy, Sequence[str], Question]:
    """The policy ready to select, the tags that are not excluded, and the question with what gates know of times.

    Raises:
        ImageAutomationError: the policy is invalid.
    """
    policy = question.policy
    try:
        compiled = compile_policy(policy.policy, policy.filter_tags)
        kept = keep(question.tags, question.exclusion_list)
    except (InvalidPolicy, InvalidFilter, InvalidExclusion) as error:
        raise _of_policy(question, str(error)) from error
    if question.situation is None or tags is None:
        return compiled, kept, question
    timed = with_stored_times(policy, compiled, question.image, kept, tags)
    situation = replace(question.situation, tags_without_time=len(timed.left))
    return timed.policy, kept, replace(question, situation=situation)


def _chosen(compiled: CompiledPolicy, kept: Sequence[str], question: Question) -> tuple[Choice | None, str]:
    try:
        return compiled.latest(kept, question.situation), ""
    except NoSelection as error:
        return None, str(error)


def _excluded(question: Question, kept: Sequence[str]) -> tuple[Verdict, ...]:
    left = sorted(set(question.tags) - set(kept), reverse=True)
    return tuple(Verdict(tag=tag, value=None, state="excluded", detail="spec.exclusionList") for tag in left)


def _stored_tags(key: NamespacedName, repository: ImageRepository | None, ports: LookPorts) -> tuple[str, ...]:
    """The stored list; a list of another image than the repository names now does not count."""
    state = ports.tags.state(key)
    is_known = state is not None and (repository is None or state.is_of(canonical_name(repository.image)))
    tags = tuple(ports.tags.names(key, state)) if is_known else ()
    if not tags:
        kept = f"the registry lists none that ImageRepository/{key} keeps"
        if state is not None and not is_known:
            kept = "those that are stored are of another image, and spec.image was not scanned yet"
        why = repository_failure(key, ports) or kept
        raise StalledError(f"no tags of ImageRepository/{key} are stored: {why}", reason="DependencyNotReady")
    return tags


def _of_policy(question: Question, message: str) -> StalledError:
    return StalledError(f"ImagePolicy/{question.policy.metadata.key}: {message}", reason="InvalidPolicy")
