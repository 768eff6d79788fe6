"""Checks before an object is stored: ranges, patterns, addresses, image names and templates that would fail later.

Source: the errors image-reflector-controller and image-automation-controller put into conditions, seen at apply time.
"""

from __future__ import annotations

from collections.abc import Iterator

from gocompat.quote import quote
from gocompat.regexp import InvalidPattern, abridged, compile_pattern
from gocompat.semver.range import InvalidRange, parse_range
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.git_url import suggestion, url_problem, without_password
from tagstream.domain.objects.image import POLICY_MISSING
from tagstream.domain.objects.image_name import InvalidImage, parse_repository_image
from tagstream.domain.objects.model import (
    CommitSpec,
    GitRef,
    GitRepository,
    GitSpec,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    PolicyChoice,
)
from tagstream.domain.objects.ref_name import PEELED, is_ref_name
from tagstream.domain.objects.selector import InvalidSelector, check_selector
from tagstream.domain.select.advice import policy_advice
from tagstream.domain.select.filter import InvalidFilter, compile_filter
from tagstream.domain.select.ordering import InvalidPolicy, compile_ordering
from tagstream.domain.update.destination import InvalidRefspec, parse_refspec


def check_object(value: object) -> tuple[Problem, ...]:
    """Return what is wrong with a value whose schema is right. Kinds without such rules have no problems."""
    if isinstance(value, ImageRepository):
        return tuple(_repository(value))
    if isinstance(value, ImagePolicy):
        return tuple(_policy(value))
    if isinstance(value, ImageUpdateAutomation):
        return tuple(_automation(value))
    if isinstance(value, GitRepository):
        return (*_url(value.url), *_ref("spec.ref", value.ref))
    return ()


def _repository(repository: ImageRepository) -> Iterator[Problem]:
    try:
        parse_repository_image(repository.image)
    except InvalidImage as error:
        yield _invalid("spec.image", repository.image, error)
    for index, text in enumerate(repository.exclusion_list):
        try:
            compile_pattern(text)
        except InvalidPattern as error:
            yield _invalid(f"spec.exclusionList[{index}]", abridged(text), error)


def _policy(policy: ImagePolicy) -> Iterator[Problem]:
    choice = policy.policy
    try:
        compile_ordering(choice)
    except InvalidPolicy as error:
        if choice == PolicyChoice():
            yield Problem(path="spec.policy", message=POLICY_MISSING)
        else:
            yield _invalid("spec.policy.semver.range", choice.semver or "", error)
    if policy.filter_tags is not None:
        try:
            compile_filter(policy.filter_tags)
        except InvalidFilter as error:
            yield _invalid("spec.filterTags.pattern", abridged(policy.filter_tags.pattern), error)
    yield from policy_advice(policy)


def _automation(automation: ImageUpdateAutomation) -> Iterator[Problem]:
    if automation.git is None:
        yield Problem(
            path="spec.git", message="Required value: source kind 'GitRepository' necessitates field .spec.git"
        )
    else:
        yield from _template(automation, automation.git.commit)
        yield from _git(automation.git)
    if automation.policy_selector is not None:
        try:
            check_selector(automation.policy_selector)
        except InvalidSelector as error:
            yield Problem(
                path="spec.policySelector", message=f"Invalid value: failed to parse policy selector: {error}"
            )


def _git(git: GitSpec) -> Iterator[Problem]:
    yield from _ref("spec.git.checkout.ref", git.checkout)
    if git.push is None:
        return
    yield from _ref_name("spec.git.push.branch", git.push.branch)
    if not git.push.refspec:
        return
    path, text = "spec.git.push.refspec", git.push.refspec
    try:
        refspec = parse_refspec(text)
    except InvalidRefspec as error:
        yield _invalid(path, text, error)
        return
    for name in (refspec.source.decode(), refspec.target.decode()):
        if not is_ref_name(name):
            yield _invalid(path, text, f"{quote(name)} is no name of a Git ref")


def _url(url: str) -> Iterator[Problem]:
    problem = url_problem(url)
    if problem:
        yield _invalid("spec.url", without_password(url), problem + suggestion(url))


def _ref(path: str, ref: GitRef | None) -> Iterator[Problem]:
    """Report names of references that no Git server could have, which would fail at the first run."""
    if ref is None:
        return
    yield from _ref_name(f"{path}.branch", ref.branch)
    yield from _ref_name(f"{path}.tag", ref.tag)
    yield from _ref_name(f"{path}.name", ref.name.removesuffix(PEELED))
    if ref.semver:
        try:
            parse_range(ref.semver)
        except InvalidRange as error:
            yield _invalid(f"{path}.semver", ref.semver, error)


def _ref_name(path: str, name: str) -> Iterator[Problem]:
    if name and not is_ref_name(name):
        yield _invalid(path, name, "is no name of a Git ref")


def _template(automation: ImageUpdateAutomation, commit: CommitSpec) -> Iterator[Problem]:
    """Report a template that would fail. Flux reports it at the next update only."""
    if not commit.message_template:
        return
    # The template engine takes a sixth of the command line's start, and most automations have no template.
    from tagstream.domain.update.message import TemplateError, check_template, try_template

    path, text = "spec.git.commit.messageTemplate", commit.message_template
    try:
        warnings = check_template(text)
    except TemplateError as error:
        yield Problem(path=path, message=f"Invalid value: {error}")
        return
    # A failure with the example is only a warning: a real update has other changes.
    failure = try_template(text, automation.metadata.key, commit.message_template_values)
    if failure:
        warnings = (*warnings, f"with an example of a change it {failure}")
    for warning in warnings:
        yield Problem(path=path, message=warning, is_warning=True)


def _invalid(path: str, value: str, error: object) -> Problem:
    return Problem(path=path, message=f"Invalid value: {quote(value)}: {error}")
