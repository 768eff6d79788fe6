"""Runs all checks of a set of manifests, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gocompat.quote import quote
from tagstream.domain.objects.annotations import INTERVENTION, REVERTED, SUSPENDED, SUSPENDED_BY
from tagstream.domain.objects.branch_template import BRANCH_TEMPLATE
from tagstream.domain.objects.checks import check_object
from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.git_host import API_URL, GIT_HOST
from tagstream.domain.objects.kinds import STORED, SecretData
from tagstream.domain.objects.model import (
    ALLOW_DOWNGRADE,
    DEBOUNCE,
    FREEZE,
    HOLD,
    MINIMUM_AGE,
    ON_REVERT,
    ORDER_BY,
    PIN,
    PLATFORMS,
    PROVIDER_TYPE,
    SKIP_TAGS,
    UNTIL,
    VERIFY,
    VERIFY_IDENTITY,
    VERIFY_ISSUER,
    VERIFY_SECRET,
    VULNERABILITIES_BELOW,
    WHY,
    WINDOW,
    FluxObject,
    Namespace,
    NamespacedName,
    Receiver,
)
from tagstream.domain.objects.pull_request import DETAILS, PULL_REQUEST
from tagstream.domain.objects.receiver import REGISTRY, REPOSITORY_PREFIX, SENDER, SIGNATURE_MAX_AGE, read_metadata
from tagstream.ports.signatures import ReadPublicKeys
from tagstream.reconcile.apply.calendars import StoredCalendars, never_open, no_calendars
from tagstream.reconcile.apply.ended import Now, ended
from tagstream.reconcile.apply.host_features import lacking_features
from tagstream.reconcile.apply.located import Located, Manifests
from tagstream.reconcile.apply.pull_secrets import Members, no_members, pull_secret_problems
from tagstream.reconcile.apply.references import Known, forbidden_references, missing_references, references
from tagstream.reconcile.apply.scanned_registries import unscanned_policies
from tagstream.reconcile.apply.verify_secrets import unverifiable_policies

MAX_OBJECT_BYTES = 300_000
"""DynamoDB keeps at most 400 KB in an item."""
EXTENSION = "tagstream.dev/"
ANNOTATIONS: Mapping[str, frozenset[str]] = {
    "ImagePolicy": frozenset(
        {
            *(
                ALLOW_DOWNGRADE,
                MINIMUM_AGE,
                ORDER_BY,
                PLATFORMS,
                VULNERABILITIES_BELOW,
                VERIFY,
                VERIFY_SECRET,
                VERIFY_IDENTITY,
                VERIFY_ISSUER,
            ),
            *(PIN, HOLD, UNTIL, WHY, SKIP_TAGS, ON_REVERT, INTERVENTION, REVERTED),
        }
    ),
    "ImageUpdateAutomation": frozenset(
        {DEBOUNCE, WINDOW, FREEZE, ON_REVERT, COMMIT_BY, BRANCH_TEMPLATE, PULL_REQUEST, *DETAILS}
    ),
    "GitRepository": frozenset({GIT_HOST, API_URL}),
    "Namespace": frozenset({WINDOW, FREEZE}),
    "Provider": frozenset({PROVIDER_TYPE}),
    "Receiver": frozenset({SENDER, REGISTRY, REPOSITORY_PREFIX, SIGNATURE_MAX_AGE}),
}
NO_PULL_SECRETS = "it has no imagePullSecrets, and no object names it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which checks there are.

    Attributes:
        no_cross_namespace_refs: whether references to objects of other namespaces are errors.
        advises: whether to warn of policies that may not select what they seem to; of no use where nobody is warned.
        now: tells the time (aware UTC), to warn of pins, holds and freezes that are over; None not to warn of them.
    """

    no_cross_namespace_refs: bool = False
    advises: bool = True
    now: Now | None = None


USUAL = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The result of the checks.

    ``objects`` are the objects without errors, each once. ``drafts`` are all objects of known kinds, including those
    with errors: an object with an error exists too, and others may refer to it. ``notes`` name what was skipped.
    """

    objects: tuple[Located, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    drafts: tuple[Located, ...] = ()


def validate(
    manifests: Manifests,
    known: Known,
    stored_members: Members = no_members,
    stored_calendars: StoredCalendars = no_calendars,
    *,
    read_keys: ReadPublicKeys | None = None,
    rules: Rules = USUAL,
) -> Validation:
    """Check every object by itself, then against all others.

    Args:
        manifests: what was read.
        known: tells by kind and name whether an object that is not among the manifests exists.
        stored_members: reads the secrets that are not among the manifests.
        stored_calendars: reads the windows of a stack.
        read_keys: reads the public keys of a secret; None to leave such secrets unchecked.
        rules: which checks there are.
    """
    checked = [_checked(one, rules) for one in manifests.objects]
    unique, given_again = _unique(checked)
    drafts = _drafts(checked)
    here = {(one.parsed.kind, one.parsed.key) for one in drafts}
    warnings = [*manifests.warnings, *(text for one in checked for text in one.messages(warnings=True)), *given_again]

    def exists(kind: str, key: NamespacedName) -> bool:
        return (kind, key) in here or known(kind, key)

    given = {one.parsed.draft.key: one.parsed.draft.data for one in drafts if isinstance(one.parsed.draft, SecretData)}

    def members(key: NamespacedName) -> Mapping[str, bytes] | None:
        return given[key] if key in given else stored_members(key)

    warnings += _reference_warnings(unique, exists, members)
    gated = (*unverifiable_policies(unique, members, read_keys), *unscanned_policies(unique))
    over = tuple(ended(unique, rules.now)) if rules.now is not None else ()
    related = (*never_open(unique, stored_calendars), *gated, *lacking_features(unique, members), *over)
    idle = _idle_accounts(unique, drafts, known)
    passed_over = {id(one) for one in idle}
    return Validation(
        objects=tuple(one for one in unique if id(one) not in passed_over),
        errors=(
            *manifests.errors,
            *(text for one in checked for text in one.messages(warnings=False)),
            *(_at(one, problem) for one, problem in related if not problem.is_warning),
        ),
        warnings=(*warnings, *(_at(one, problem) for one, problem in related if problem.is_warning)),
        notes=(
            *manifests.notes,
            *(note for one in checked for note in _notes(one)),
            *(f"{one.where}: {one.parsed.name} passed over: {NO_PULL_SECRETS}" for one in idle),
        ),
        drafts=drafts,
    )


def _reference_warnings(objects: Sequence[Located], exists: Known, members: Members) -> list[str]:
    """Warn of references to missing objects, and to pull secrets that are of no use."""
    return [
        _at(one, Problem(path=path, message=text))
        for one in objects
        for path, text in (
            *missing_references(one.parsed.value, exists),
            *pull_secret_problems(one.parsed.value, members),
        )
    ]


def _unique(checked: Sequence[Located]) -> tuple[list[Located], list[str]]:
    """Return every valid object once, as it is given last, and a warning for each that is given again later."""
    valid = [one for one in checked if one.parsed.value is not None]
    latest = {(one.parsed.kind, one.parsed.key): one for one in valid}
    pairs = [(one, latest[one.parsed.kind, one.parsed.key]) for one in valid]
    return (
        [one for one, last in pairs if one is last],
        [
            f"{one.where}: {one.parsed.name} is given again at {last.where}: only the later one counts"
            for one, last in pairs
            if one is not last
        ],
    )


def _drafts(checked: Sequence[Located]) -> tuple[Located, ...]:
    """Return every object of a known kind once: its last valid version, or its last one if none is valid."""
    latest: dict[tuple[str, NamespacedName], Located] = {}
    for one in sorted(checked, key=lambda one: one.parsed.value is not None):
        if one.parsed.draft is not None:
            latest[one.parsed.kind, one.parsed.key] = one
    return tuple(latest.values())


def _idle_accounts(objects: Sequence[Located], drafts: Sequence[Located], known: Known) -> list[Located]:
    """Return the ServiceAccounts without pull secrets that nothing refers to."""
    named = {(kind, key) for one in drafts for _, kind, key in references(one.parsed.draft)}
    return [one for one in objects if _has_no_pull_secrets(one) and not _is_named(one, named, known)]


def _has_no_pull_secrets(one: Located) -> bool:
    value = one.parsed.value
    return one.parsed.kind == "ServiceAccount" and isinstance(value, SecretData) and not any(value.data.values())


def _is_named(one: Located, named: Collection[tuple[str, NamespacedName]], known: Known) -> bool:
    """Tell whether an object of the files refers to a ServiceAccount, or an earlier ``apply`` has stored it."""
    key = one.parsed.kind, one.parsed.key
    return key in named or known(*key)


def _checked(one: Located, rules: Rules) -> Located:
    """Return the object with the problems that the deeper checks find; its value is None if one of them is an error."""
    draft, known = one.parsed.draft, {problem.path for problem in one.parsed.problems if not problem.is_warning}
    # A field that has a problem already may have been replaced by a default; checking that would mislead.
    problems = [problem for problem in check_object(draft, advises=rules.advises) if problem.path not in known]
    problems += _unknown_annotations(one)
    if rules.no_cross_namespace_refs:
        problems += [
            Problem(path=path, message=f"Invalid value: {quote(value)}: {message}")
            for path, value, message in forbidden_references(draft)
        ]
    if isinstance(draft, Receiver) and not known:
        # Only manifests with Receivers need to know the senders.
        from tagstream.events.receiver.check import InvalidReceiver, check_receiver

        try:
            check_receiver(draft)
        except InvalidReceiver as error:
            problems.append(Problem(path="spec", message=f"Invalid value: {error}"))
    if one.parsed.kind in STORED and len(json.dumps(one.parsed.document, ensure_ascii=False)) > MAX_OBJECT_BYTES:
        problems.append(Problem(path="metadata", message=f"Too long: must have at most {MAX_OBJECT_BYTES} bytes"))
    failed = known or any(not problem.is_warning for problem in problems)
    parsed = replace(one.parsed, problems=(*one.parsed.problems, *problems), value=None if failed else draft)
    return replace(one, parsed=parsed)


def _unknown_annotations(one: Located) -> list[Problem]:
    """Warn of annotations that look like those of tagstream and are not: a misspelt one has no effect."""
    if not isinstance(one.parsed.draft, FluxObject | Namespace):
        return []
    known = ANNOTATIONS.get(one.parsed.kind, frozenset()) | {SUSPENDED, SUSPENDED_BY}
    given = read_metadata(one.parsed.document).annotations
    unknown = sorted(name for name in given if name.startswith(EXTENSION) and name not in known)
    return [
        Problem(path=f"metadata.annotations[{name}]", message=_does_nothing(name, one.parsed.kind), is_warning=True)
        for name in unknown
    ]


def _does_nothing(name: str, kind: str) -> str:
    """Say that an annotation has no effect, and which object or which other name may have been meant."""
    kinds = sorted(other for other, names in ANNOTATIONS.items() if name in names)
    if kinds:
        return f"it does nothing on {kind}: it is for {' and '.join(kinds)}"
    # Only who has misspelt a name waits for this module.
    import difflib

    known = sorted(one.removeprefix(EXTENSION) for one in ANNOTATIONS.get(kind, ()))
    close = difflib.get_close_matches(name.removeprefix(EXTENSION), known, n=1)
    return "unknown annotation: it does nothing" + (f"; did you mean {EXTENSION}{close[0]}?" if close else "")


def _notes(one: Located) -> Sequence[str]:
    if not one.parsed.note:
        return []
    # kustomize's own files have no names.
    named = one.parsed.name if one.parsed.key.name else f"{one.parsed.kind} without a name"
    return [f"{one.where}: {named} passed over: {one.parsed.note}"]


def _at(one: Located, problem: Problem) -> str:
    return f"{one.at(problem.path)}: {one.parsed.name} {problem}"
