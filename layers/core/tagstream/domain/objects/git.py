"""ImageUpdateAutomation and GitRepository from their documents, in every dialect.

Source: image-automation-controller api/v1 imageupdateautomation_types.go, git.go; source-controller api/v1
gitrepository_types.go and the CRDs' validation.
"""

from __future__ import annotations

import re
from typing import cast

from gocompat.duration import InvalidDuration, parse_interval, print_duration
from gocompat.quote import quote
from tagstream.domain.objects.branch_template import branch_template
from tagstream.domain.objects.calendar_annotations import annotated_calendar
from tagstream.domain.objects.commit_by import read_commit_by
from tagstream.domain.objects.fields import Fields, Problem
from tagstream.domain.objects.git_url import suggestion, without_password
from tagstream.domain.objects.model import (
    DEBOUNCE,
    DEFAULT_DEBOUNCE_S,
    MAX_DEBOUNCE_S,
    CommitSpec,
    GitRef,
    GitRepository,
    GitSpec,
    ImageUpdateAutomation,
    LabelRequirement,
    LabelSelector,
    Metadata,
    NamespacedName,
    Provider,
    PushSpec,
    SigningKey,
    SourceRef,
    UpdateStrategy,
)
from tagstream.domain.objects.policy_control import honours_reverts
from tagstream.domain.objects.pull_request import read_api_secret, read_pull_request

DEFAULT_TIMEOUT_S = 60.0
URL_PATTERN = "^(http|https|ssh)://.*$"
_URL = re.compile(r"(?:http|https|ssh)://.*")
GIT_PROVIDERS = ("generic", "aws", "azure", "github")
# Fields that tell source-controller how to make an artifact; nothing is made of them here.
NOT_USED = ("ignore", "include", "recurseSubmodules", "verify", "sparseCheckout", "gitImplementation", "accessFrom")


def read_git_repository(metadata: Metadata, spec: Fields) -> GitRepository:
    """A GitRepository: where to commit and with which secret."""
    ref = spec.child("ref")
    repository = GitRepository(
        metadata=metadata,
        url=_url(spec),
        ref=_ref(ref) if ref is not None else None,
        interval_s=spec.interval("interval", required=True) or 0.0,
        timeout_s=spec.timeout("timeout") or DEFAULT_TIMEOUT_S,
        secret_ref=spec.reference("secretRef"),
        proxy_secret_ref=spec.reference("proxySecretRef"),
        provider=cast("Provider", spec.text("provider", "generic", allowed=GIT_PROVIDERS)),
        service_account_name=spec.text("serviceAccountName") or None,
        suspend=spec.flag("suspend"),
    )
    if repository.service_account_name:
        spec.warn("serviceAccountName", "means nothing here: provider aws logs in as the function, others by secretRef")
    spec.finish(NOT_USED)
    return repository


def _url(spec: Fields) -> str:
    url = spec.text("url", required=True)
    if url and not _URL.fullmatch(url):
        pattern = f"spec.url in body should match '{URL_PATTERN}'"
        spec.error("url", f"Invalid value: {quote(without_password(url))}: {pattern}{suggestion(url)}")
    return url


def _ref(fields: Fields) -> GitRef:
    ref = GitRef(
        branch=fields.text("branch"),
        tag=fields.text("tag"),
        semver=fields.text("semver"),
        name=fields.text("name"),
        commit=fields.text("commit"),
    )
    fields.finish()
    return ref


def read_automation(metadata: Metadata, spec: Fields, dialect: str) -> ImageUpdateAutomation:
    """An ImageUpdateAutomation; v1alpha1 has a layout of its own, all others have today's."""
    source, git = _v1alpha1(metadata, spec) if dialect == "v1alpha1" else _source_and_git(metadata, spec)
    selector, update = spec.child("policySelector"), spec.child("update")
    notes = metadata.annotations
    commit_by = read_commit_by(notes, spec.problems, is_signed=_is_signed(git))
    pull_request = read_pull_request(notes, spec.problems)
    automation = ImageUpdateAutomation(
        metadata=metadata,
        dialect=dialect,
        source=source,
        interval_s=spec.interval("interval", required=True) or 0.0,
        debounce_s=_debounce_s(metadata, spec),
        calendar=annotated_calendar("the automation", metadata.annotations, spec.problems),
        honours_reverts=honours_reverts(metadata, spec.problems),
        pull_request=pull_request,
        commit_by=commit_by,
        # What a pull request needs too has been read with it.
        api_secret=read_api_secret(notes, spec.problems if pull_request is None else []) if commit_by == "api" else "",
        branch_template=branch_template(notes, git.push.branch if git is not None and git.push is not None else ""),
        git=git,
        policy_selector=_selector(selector) if selector is not None else None,
        update=_update(update) if update is not None else UpdateStrategy(),
        suspend=spec.flag("suspend"),
    )
    spec.finish()
    return automation


def _debounce_s(metadata: Metadata, spec: Fields) -> float:
    text = metadata.annotations.get(DEBOUNCE)
    if text is None:
        return DEFAULT_DEBOUNCE_S
    try:
        found = parse_interval(text)
        if found <= MAX_DEBOUNCE_S:
            return found
        cause = f"must be at most {print_duration(MAX_DEBOUNCE_S)}"
    except InvalidDuration as error:
        cause = str(error)
    path = f"metadata.annotations[{DEBOUNCE}]"
    spec.problems.append(Problem(path=path, message=f"Invalid value: {quote(text)}: {cause}"))
    return DEFAULT_DEBOUNCE_S


def _is_signed(git: GitSpec | None) -> bool:
    return git is not None and git.commit.signing_key is not None


def _source_and_git(metadata: Metadata, spec: Fields) -> tuple[SourceRef, GitSpec | None]:
    source, git = spec.child("sourceRef", required=True), spec.child("git")
    return _source(source, metadata.key.namespace), _git(git) if git is not None else None


def _v1alpha1(metadata: Metadata, spec: Fields) -> tuple[SourceRef, GitSpec]:
    """``checkout.gitRepositoryRef``, ``checkout.branch``, ``commit.authorName`` …, ``push.branch``."""
    checkout, commit = spec.child("checkout", required=True), spec.child("commit", required=True)
    push = spec.child("push")
    name, branch = "", ""
    if checkout is not None:
        name = checkout.reference("gitRepositoryRef", required=True) or ""
        branch = checkout.text("branch", required=True)
        checkout.finish()
    git = GitSpec(
        commit=_v1alpha1_commit(commit) if commit is not None else CommitSpec(author_email=""),
        checkout=GitRef(branch=branch) if branch else None,
        push=_push(push) if push is not None else None,
    )
    return SourceRef(kind="GitRepository", key=NamespacedName(metadata.key.namespace, name)), git


def _v1alpha1_commit(fields: Fields) -> CommitSpec:
    signing = fields.child("signingKey")
    commit = CommitSpec(
        author_email=fields.text("authorEmail", required=True),
        author_name=fields.text("authorName"),
        message_template=fields.text("messageTemplate"),
        signing_key=_signing_key(signing) if signing is not None else None,
    )
    fields.finish()
    return commit


def _source(fields: Fields | None, namespace: str) -> SourceRef:
    if fields is None:
        return SourceRef(kind="GitRepository", key=NamespacedName(namespace, ""))
    fields.text("apiVersion")
    source = SourceRef(
        kind=fields.text("kind", "GitRepository", allowed=("GitRepository",)),
        key=NamespacedName(fields.text("namespace") or namespace, fields.text("name", required=True)),
    )
    fields.finish()
    return source


def _git(fields: Fields) -> GitSpec:
    checkout, commit, push = fields.child("checkout"), fields.child("commit", required=True), fields.child("push")
    git = GitSpec(
        commit=_commit(commit) if commit is not None else CommitSpec(author_email=""),
        checkout=_checkout(checkout) if checkout is not None else None,
        push=_push(push) if push is not None else None,
    )
    fields.finish()
    return git


def _checkout(fields: Fields) -> GitRef | None:
    ref = fields.child("ref", required=True)
    fields.finish()
    return _ref(ref) if ref is not None else None


def _push(fields: Fields) -> PushSpec:
    push = PushSpec(branch=fields.text("branch"), refspec=fields.text("refspec"), options=fields.strings("options"))
    fields.finish()
    return push


def _commit(fields: Fields) -> CommitSpec:
    author = fields.child("author", required=True)
    signing = fields.child("signingKey")
    commit = CommitSpec(
        author_email=author.text("email", required=True) if author is not None else "",
        author_name=author.text("name") if author is not None else "",
        message_template=fields.text("messageTemplate"),
        message_template_values=fields.strings("messageTemplateValues"),
        signing_key=_signing_key(signing) if signing is not None else None,
    )
    if author is not None:
        author.finish()
    fields.finish()
    return commit


def _signing_key(fields: Fields) -> SigningKey | None:
    secret = fields.reference("secretRef", required=True)
    kind = fields.text("type", "gpg", allowed=("gpg", "ssh"))
    fields.finish()
    return SigningKey(secret_ref=secret, type=kind) if secret else None


def _update(fields: Fields) -> UpdateStrategy:
    update = UpdateStrategy(strategy=fields.text("strategy", "Setters", allowed=("Setters",)), path=fields.text("path"))
    fields.finish()
    return update


def _selector(fields: Fields) -> LabelSelector:
    requirements = []
    for one in fields.children("matchExpressions"):
        requirements.append(
            LabelRequirement(
                key=one.text("key", required=True),
                operator=one.text("operator", required=True),
                values=one.texts("values"),
            )
        )
        one.finish()
    selector = LabelSelector(match_labels=fields.strings("matchLabels"), match_expressions=tuple(requirements))
    fields.finish()
    return selector
