"""Checks before an object is stored: ranges, patterns, addresses, image names and templates that would fail later.

Source: the errors image-reflector-controller and image-automation-controller put into conditions, seen at apply time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gocompat.quote import quote
from gocompat.semver.range import InvalidRange, parse_range
from tagstream.domain.objects.branch_template import BRANCH_TEMPLATE, SCRATCH, SCRATCH_USE, branch_template
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.git_host import API_URL, GIT_HOST, GIT_HOST_KINDS
from tagstream.domain.objects.git_url import may_have_tokens, suggestion, url_problem, without_password
from tagstream.domain.objects.image import DEFAULT_EXCLUSION_LIST, POLICY_MISSING
from tagstream.domain.objects.image_name import InvalidImage, parse_repository_image
from tagstream.domain.objects.model import (
    ORDER_BY,
    PLATFORMS,
    VERIFY,
    Alert,
    GitRef,
    GitRepository,
    GitSpec,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    PolicyChoice,
    TagFilter,
)
from tagstream.domain.objects.pull_request import (
    BODY,
    BODY_NAME,
    COMMIT_MESSAGE,
    PULL_REQUEST,
    TITLE,
    TITLE_NAME,
    PullRequestSpec,
)
from tagstream.domain.objects.ref_name import PEELED, is_ref_name
from tagstream.domain.objects.selector import InvalidSelector, check_selector
from tagstream.domain.select.ordering import InvalidPolicy, compile_ordering
from tagstream.domain.select.platforms import platform_doubt


def check_object(value: object, *, advises: bool = True) -> tuple[Problem, ...]:
    """Return what is wrong with a value whose schema is right. Kinds without such rules have no problems.

    Args:
        value: an object of any kind.
        advises: whether to warn of policies that may not select what they seem to.
    """
    if isinstance(value, ImageRepository):
        return tuple(_repository(value))
    if isinstance(value, ImagePolicy):
        return (*_policy(value), *(_advice(value) if advises else ()))
    if isinstance(value, ImageUpdateAutomation):
        return tuple(_automation(value))
    if isinstance(value, GitRepository):
        return (*_url(value.url), *_ref("spec.ref", value.ref), *_git_host(value))
    if isinstance(value, Alert):
        return (*_patterns("inclusionList", value.inclusion_list), *_patterns("exclusionList", value.exclusion_list))
    return ()


def _repository(repository: ImageRepository) -> Iterator[Problem]:
    try:
        parse_repository_image(repository.image)
    except InvalidImage as error:
        yield _invalid("spec.image", repository.image, error)
    yield from _patterns("exclusionList", repository.exclusion_list)


def _patterns(name: str, patterns: Sequence[str]) -> Iterator[Problem]:
    if patterns == DEFAULT_EXCLUSION_LIST:
        return
    # Most repositories have the default, and most policies have no filter. Loading Go's patterns takes longer than
    # checking a hundred objects.
    from gocompat.regexp import InvalidPattern, abridged, compile_pattern

    for index, text in enumerate(patterns):
        try:
            compile_pattern(text)
        except InvalidPattern as error:
            yield _invalid(f"spec.{name}[{index}]", abridged(text), error)


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
        yield from _filter(policy.filter_tags)
    order_by = policy.control.order_by
    if order_by and (choice.alphabetical is None or choice.alphabetical.upper() not in ("", "ASC")):
        words = "needs spec.policy.alphabetical with order asc, which Flux follows and which decides among equal times"
        yield _invalid(f"metadata.annotations[{ORDER_BY}]", order_by, words)
    for platform in sorted(policy.control.platforms):
        doubt = platform_doubt(platform)
        if doubt:
            words = f"{quote(platform)}: no image may be for it: {doubt}"
            yield Problem(path=f"metadata.annotations[{PLATFORMS}]", message=words, is_warning=True)
    if policy.control.verify_secret and policy.digest_reflection == "Never":
        words = "the tag alone is written, which may be moved to other content: set spec.digestReflectionPolicy"
        yield Problem(path=f"metadata.annotations[{VERIFY}]", message=words, is_warning=True)


def _filter(filter_tags: TagFilter) -> Iterator[Problem]:
    from gocompat.regexp import abridged
    from tagstream.domain.select.filter import InvalidFilter, compile_filter

    try:
        compile_filter(filter_tags)
    except InvalidFilter as error:
        yield _invalid("spec.filterTags.pattern", abridged(filter_tags.pattern), error)


def _advice(policy: ImagePolicy) -> Sequence[Problem]:
    # It brings half of what selecting needs along.
    from tagstream.domain.select.advice import policy_advice

    return policy_advice(policy)


def _automation(automation: ImageUpdateAutomation) -> Iterator[Problem]:
    if automation.git is None:
        yield Problem(
            path="spec.git", message="Required value: source kind 'GitRepository' necessitates field .spec.git"
        )
    else:
        commit = automation.git.commit
        yield from _template("spec.git.commit.messageTemplate", commit.message_template, automation)
        yield from _git(automation.git, branch_template(automation.metadata.annotations, ""))
        yield from _branch_template(automation, automation.git)
        if automation.pull_request is not None:
            yield from _pull_request(automation, automation.git, automation.pull_request)
    if automation.policy_selector is not None:
        try:
            check_selector(automation.policy_selector)
        except InvalidSelector as error:
            yield Problem(
                path="spec.policySelector", message=f"Invalid value: failed to parse policy selector: {error}"
            )


def _branch_template(automation: ImageUpdateAutomation, git: GitSpec) -> Iterator[Problem]:
    """Report a template that makes no names of branches, and what cannot go with one."""
    is_annotated = BRANCH_TEMPLATE in automation.metadata.annotations
    template = automation.branch_template
    if not (template or is_annotated):
        return
    # The template engine takes a sixth of the command line's start.
    from tagstream.domain.update.branch_name import InvalidBranchName, check_branch_template

    path = f"metadata.annotations[{BRANCH_TEMPLATE}]" if is_annotated else "spec.git.push.branch"
    try:
        check_branch_template(template)
    except InvalidBranchName as error:
        yield _invalid(path, template, error)
    if git.push is not None and git.push.refspec:
        yield _invalid("spec.git.push.refspec", git.push.refspec, "cannot go with a template of push branches")


def _git(git: GitSpec, annotated: str) -> Iterator[Problem]:
    yield from _ref("spec.git.checkout.ref", git.checkout)
    if git.push is None:
        return
    if annotated or not branch_template({}, git.push.branch):
        yield from _ref_name("spec.git.push.branch", git.push.branch)
    if git.push.branch.startswith(SCRATCH) and not branch_template({}, git.push.branch):
        yield _invalid("spec.git.push.branch", git.push.branch, f"names that begin with {SCRATCH} are {SCRATCH_USE}")
    if not git.push.refspec:
        return
    # Few automations push to another refspec.
    from tagstream.domain.update.destination import InvalidRefspec, parse_refspec

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


def _pull_request(automation: ImageUpdateAutomation, git: GitSpec, wanted: PullRequestSpec) -> Iterator[Problem]:
    """Report a request without a branch of its own, and templates that would fail."""
    branch = automation.branch_template or (git.push.branch if git.push else "")
    checkout = git.checkout.branch if git.checkout else ""
    path = f"metadata.annotations[{PULL_REQUEST}]"
    if not branch:
        yield _invalid(path, "true", "needs a spec.git.push.branch, from which the request is made")
    elif branch == checkout:
        yield _invalid(path, "true", f"needs a spec.git.push.branch other than the checkout branch {quote(branch)}")
    for name, text, what in ((TITLE, wanted.title, TITLE_NAME), (BODY, wanted.body, BODY_NAME)):
        yield from _template(f"metadata.annotations[{name}]", text, automation, what)


def _git_host(repository: GitRepository) -> Iterator[Problem]:
    notes = repository.metadata.annotations
    kind, url = notes.get(GIT_HOST), notes.get(API_URL)
    if kind is not None and kind not in GIT_HOST_KINDS:
        listed = ", ".join(quote(one) for one in GIT_HOST_KINDS)
        message = f"Unsupported value: {quote(kind)}: supported values: {listed}"
        yield Problem(path=f"metadata.annotations[{GIT_HOST}]", message=message)
    if url is None:
        return
    problem = url_problem(url) if url.startswith(("https://", "http://")) else "must begin with https://"
    if not problem and not may_have_tokens(url, repository.url):
        problem = "must be an https URL, or of the repository's own scheme and host"
    if problem:
        yield _invalid(f"metadata.annotations[{API_URL}]", without_password(url), problem)


def _template(path: str, text: str, automation: ImageUpdateAutomation, name: str = COMMIT_MESSAGE) -> Iterator[Problem]:
    """Report a template that would fail. Flux reports it at the next update only."""
    if not text or automation.git is None:
        return
    # The template engine takes a sixth of the command line's start, and most automations have no template.
    from tagstream.domain.update.message import TemplateError, check_template, try_template

    try:
        warnings = check_template(text, name)
    except TemplateError as error:
        yield _invalid(path, text, error)
        return
    # A failure with the example is only a warning: a real update has other changes.
    failure = try_template(text, automation.metadata.key, automation.git.commit.message_template_values, name)
    if failure:
        warnings = (*warnings, f"with an example of a change it {failure}")
    for warning in warnings:
        yield Problem(path=path, message=warning, is_warning=True)


def _invalid(path: str, value: str, error: object) -> Problem:
    return Problem(path=path, message=f"Invalid value: {quote(value)}: {error}")
