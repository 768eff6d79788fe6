"""Which repository on which Git host an automation's pull request is on, and with which credentials to ask for it.

Only the GitRepository, whose secret is sent there, says where the host's API is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.git_host import API_URL, COMMITTING_KINDS, GIT_HOST, GIT_HOST_KINDS, kind_of_repository
from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.objects.pull_request import PULL_REQUEST, PullRequestSpec
from tagstream.domain.update.destination import Destination
from tagstream.domain.update.request_text import text_identity
from tagstream.errors import RetryableError, StalledError
from tagstream.ports.git import GitAccess
from tagstream.ports.objects import StoredObject
from tagstream.ports.pull_requests import FAILED, INVALID, HostAccess
from tagstream.ports.secrets import SecretNotFound, Secrets
from tagstream.reconcile.kept_requests import known_request

HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestJob:
    """What an automation's run needs for the request of its push branch.

    ``host`` is where it is kept; ``base`` is the branch that it is to be merged into.
    """

    spec: PullRequestSpec
    host: HostAccess
    base: str

    def settings(self, head: str) -> str:
        """The identity of everything that is configured of a request from ``head``."""
        spec = self.spec
        lists = ("\n".join(spec.labels), "\n".join(spec.reviewers))
        return text_identity((head, self.base, spec.title, spec.body, *lists, str(spec.draft), spec.auto_merge))

    @property
    def furnished(self) -> str:
        """The identity of what a request gets beside title and body."""
        spec = self.spec
        return text_identity(("\n".join(spec.labels), "\n".join(spec.reviewers), spec.auto_merge))


def request_job(
    automation: ImageUpdateAutomation,
    repository: GitRepository,
    where: Destination,
    access: GitAccess,
    secrets: Secrets,
) -> RequestJob | None:
    """What the run of an automation needs; None where no request is kept.

    Args:
        automation: with its annotations.
        repository: of its source.
        where: its commits go.
        access: with the GitRepository's own secret.
        secrets: has the one that the automation names.

    Raises:
        StalledError: InvalidPullRequest, there is no branch of its own to propose, or none to merge it into.
        RetryableError: InvalidPullRequest, the host is not known; PullRequestFailed, the secret is missing.
    """
    spec = automation.pull_request
    if spec is None:
        return None
    base = where.checkout.branch or where.checkout.name.removeprefix(HEADS)
    if not where.rebuilds_branch:
        raise StalledError(
            f"annotation '{PULL_REQUEST}' needs a spec.git.push.branch other than the checkout branch"
            f" '{where.push_branch}'",
            reason=INVALID,
        )
    if not base or (where.checkout.name and not where.checkout.name.startswith(HEADS)):
        raise StalledError(
            f"annotation '{PULL_REQUEST}' needs a checkout branch to merge into: the checkout names a tag, a range or a"
            " commit",
            reason=INVALID,
        )
    host = _host_access(PULL_REQUEST, repository, access)
    if spec.api_secret:
        name = NamespacedName(automation.metadata.key.namespace, spec.api_secret)
        host = replace(host, git=_with_secret(access, name, secrets, "pull requests"))
    return RequestJob(spec=spec, host=host, base=base)


def committing_host(
    automation: ImageUpdateAutomation, repository: GitRepository, access: GitAccess, secrets: Secrets
) -> HostAccess | None:
    """The host that makes an automation's commits; None where they are made here.

    Args:
        automation: with its annotations.
        repository: of its source.
        access: with the GitRepository's own secret.
        secrets: has the one that the automation names.

    Raises:
        RetryableError: InvalidPullRequest, the host is not known, or its API makes no commits; PullRequestFailed, the
            secret is missing.
    """
    if automation.commit_by == "push":
        return None
    host = _host_access(COMMIT_BY, repository, access)
    if host.kind not in COMMITTING_KINDS:
        raise RetryableError(
            f"annotation '{COMMIT_BY}: api' works on {' and '.join(COMMITTING_KINDS)} only: GitRepository"
            f" '{repository.metadata.key}' is on {host.kind}",
            reason=INVALID,
        )
    if automation.api_secret:
        name = NamespacedName(automation.metadata.key.namespace, automation.api_secret)
        host = replace(host, git=_with_secret(access, name, secrets, "commits"))
    return host


def _host_access(annotation: str, repository: GitRepository, access: GitAccess) -> HostAccess:
    kind = kind_of_repository(repository)
    kinds = COMMITTING_KINDS if annotation == COMMIT_BY else GIT_HOST_KINDS
    if kind is None:
        # It is mended in the GitRepository, so the automation is tried again.
        raise RetryableError(
            f"annotation '{annotation}' needs to know the kind of Git host: annotate GitRepository"
            f" '{repository.metadata.key}' with '{GIT_HOST}', one of {', '.join(kinds)}",
            reason=INVALID,
        )
    return HostAccess(git=access, kind=kind, api_url=repository.metadata.annotations.get(API_URL, ""))


def _with_secret(access: GitAccess, name: NamespacedName, secrets: Secrets, use: str) -> GitAccess:
    """The access with another secret: a token, or the members of a GitHub App."""
    try:
        data = secrets.get(name)
    except SecretNotFound as error:
        raise RetryableError(f"failed to get secret '{name}' for {use}: {error}", reason=FAILED) from error
    is_app = "githubAppID" in data
    token, password = (data.get(one, b"").decode(errors="replace").strip() for one in ("bearerToken", "password"))
    if not (is_app or token or password):
        raise RetryableError(
            f"secret '{name}' for {use} has none of 'bearerToken', 'password', 'githubAppID'",
            reason=FAILED,
        )
    return replace(
        access,
        # Who hands out an App's tokens is asked over https, whichever way Git goes.
        url=_https(access.url) if is_app else access.url,
        provider="github" if is_app else "generic",
        username="" if token else data.get("username", b"").decode(errors="replace").strip(),
        password="" if token else password,
        bearer_token=token,
        app=data if is_app else {},
    )


def _https(url: str) -> str:
    parts = urlsplit(url)
    return f"https://{parts.hostname}{parts.path}" if parts.scheme == "ssh" else url


def is_settled_request(stored: StoredObject, job: RequestJob | None, head: str) -> bool:
    """Whether nothing about the request is left to be done for what is configured now."""
    if job is None:
        return True
    known = known_request(stored)
    return known is not None and known.settings == job.settings(head)
