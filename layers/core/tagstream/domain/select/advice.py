"""What users of policies trip on, said by ``apply``, ``create``, ``lint`` and ``explain`` before it bites.

Advice never changes what is selected.

Source: the questions asked in image-reflector-controller's issues #192, #250, #296, #932 and flux-operator #608.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gocompat.semver.range import InvalidRange, parse_range
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.model import ImagePolicy
from tagstream.domain.select.advice_extract import EXTRACT, extract_advice, value_advice
from tagstream.domain.select.advice_floating import floating_advice
from tagstream.domain.select.advice_numbers import alphabetical_advice, numerical_advice
from tagstream.domain.select.advice_versions import no_version_advice, range_advice, version_advice
from tagstream.domain.select.policy import CompiledPolicy, InvalidFilter, InvalidPolicy, NoSelection, compile_policy


def policy_advice(policy: ImagePolicy, tags: Sequence[str] = ()) -> tuple[Problem, ...]:
    """Everything worth a second look, as warnings about fields; nothing for a policy with errors.

    Args:
        policy: as parsed.
        tags: of its repository, after exclusion; without them only the policy itself is looked at.
    """
    try:
        compiled = compile_policy(policy.policy, policy.filter_tags)
    except (InvalidPolicy, InvalidFilter):
        return ()
    return tuple(dict.fromkeys(_advice(policy, compiled, tags)))


def _advice(policy: ImagePolicy, compiled: CompiledPolicy, tags: Sequence[str]) -> Iterator[Problem]:
    given, found = policy.filter_tags, compiled.filter
    seen = found.values(tags) if found else [(tag, tag) for tag in tags]
    matching, values = [tag for tag, _ in seen], [value for _, value in seen]
    extraction = tuple(extract_advice(given, found)) if given and found else ()
    # When the extract is wrong, correcting it comes before anything that its values say.
    wrong = any(one.path == EXTRACT for one in extraction)
    if policy.policy.semver is not None:
        yield from no_version_advice(() if wrong else matching, values, given.extract if given else "")
    yield from extraction
    if given and found:
        yield from value_advice(given, found, tags)
    yield from _kinds(policy)
    yield from _order(policy)
    yield from floating_advice(policy, compiled, tags)
    if policy.policy.semver is not None:
        yield from _versions(policy.policy.semver, () if wrong else values)
    elif wrong or (policy.policy.alphabetical is not None and policy.control.order_by):
        return
    elif policy.policy.alphabetical is not None:
        yield from alphabetical_advice(matching, values)
    else:
        yield from numerical_advice(matching, values)
    if not wrong:
        yield from _ties(policy, compiled, tags)


def _versions(text: str, values: Sequence[str]) -> Iterator[Problem]:
    try:
        constraint = parse_range(text)
    except InvalidRange:
        return
    yield from range_advice(text, constraint)
    yield from version_advice(text, constraint, values)


def _kinds(policy: ImagePolicy) -> Iterator[Problem]:
    choice = policy.policy
    members = {"semver": choice.semver, "alphabetical": choice.alphabetical, "numerical": choice.numerical}
    given = [name for name, value in members.items() if value is not None]
    if len(given) > 1:
        message = f"{' and '.join(given)} are set: only {given[0]} counts"
        yield Problem(path="spec.policy", message=message, is_warning=True)


def _order(policy: ImagePolicy) -> Iterator[Problem]:
    choice = policy.policy
    if choice.semver is not None:
        return
    name, order = ("alphabetical", choice.alphabetical)
    if order is None:
        name, order = ("numerical", choice.numerical)
    if order is not None and order.lower() == "desc":
        message = "'desc' selects the smallest value (the last one when sorted downwards); 'asc' selects the greatest"
        yield Problem(path=f"spec.policy.{name}.order", message=message, is_warning=True)


def _ties(policy: ImagePolicy, compiled: CompiledPolicy, tags: Sequence[str]) -> Iterator[Problem]:
    """Tags that share the selected value: the policy cannot tell them apart."""
    if compiled.filter is None or policy.filter_tags is None or not policy.filter_tags.extract:
        return
    try:
        best = compiled.latest(tags).tag or ""
    except NoSelection:
        return
    shared = compiled.tags_of_value(best, tags)
    if len(shared) > 1:
        message = (
            f"'{policy.filter_tags.extract}' gives {len(shared)} tags the value '{compiled.filter.value(best)}', such"
            f" as '{shared[0]}' and '{shared[1]}': a newer one of them is not selected; extract what tells them apart"
        )
        yield Problem(path=EXTRACT, message=message, is_warning=True)
