"""Pull requests on AWS CodeCommit, by the function's own role.

CodeCommit has no labels, drafts, reviewers, auto-merge or checks of a commit. It opens a second request for the same
branches if it is asked to, so ``open`` looks first.

Source: AWS CodeCommit API 2015-04-13, as botocore's service model has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from tagstream.adapters.aws.silence import ask_once
from tagstream.adapters.git_hosts.account import path_of
from tagstream.adapters.git_hosts.api import NO_TIME
from tagstream.adapters.git_hosts.request_memory import Branches, RequestMemory
from tagstream.adapters.http.fault_text import capped
from tagstream.domain.objects.model import CommitId
from tagstream.errors import (
    AuthenticationError,
    ImageAutomationError,
    RetryableError,
    StalledError,
    ThrottledError,
    Unanswered,
)
from tagstream.ports.connection import Proxy
from tagstream.ports.pull_requests import (
    FAILED,
    INVALID,
    HostAccess,
    Limits,
    Proposal,
    PullRequest,
    RequestState,
    newest_of,
)
from tagstream.ports.runtime import Clock

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_codecommit.client import CodeCommitClient
    from mypy_boto3_codecommit.literals import PullRequestStatusEnumType
    from mypy_boto3_codecommit.type_defs import PullRequestTypeDef

MakeClient = Callable[[str, "Config", str], Any]
"""(service, config, region) to a client of boto3."""
HEADS = "refs/heads/"
CONNECT_S, READ_S, ATTEMPTS = 3, 10, 2
# Lists have numbers only, so each request that was never read is a call: so many open and closed ones in one search.
MOST_OPEN, MOST_CLOSED = 300, 60
NEEDS = "the stack's parameter CodeCommitRepositoryArn must name the repository"
_HOST = re.compile(r"git-codecommit(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_NOT_OPEN = frozenset({"PullRequestAlreadyClosedException", "InvalidPullRequestStatusUpdateException"})
_NONE = frozenset({"PullRequestDoesNotExistException", "InvalidPullRequestIdException"})
_FORBIDDEN = frozenset({"AccessDeniedException", "RepositoryDoesNotExistException", "UnrecognizedClientException"})


def open_requests(
    access: HostAccess, make_client: MakeClient, clock: Clock, memory: RequestMemory | None = None
) -> CodeCommitRequests:
    """The requests of a repository.

    Args:
        access: the role's credentials are not in it.
        make_client: of the session that the function has.
        clock: for the deadline of the access.
        memory: of requests that were read before; None begins a new one.

    Raises:
        StalledError: InvalidPullRequest, the URL names no repository of CodeCommit, or an API of its own.
    """
    parts, place = path_of(access.git.url), urlsplit(access.git.url)
    host = _HOST.fullmatch(place.hostname or "")
    if host is None or len(parts) != 3 or parts[:2] != ("v1", "repos"):
        raise StalledError(
            "the URL of a CodeCommit repository must be https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME",
            reason=INVALID,
        )
    if access.api_url:
        raise StalledError("the API of CodeCommit is where its region has it: remove the api-url", reason=INVALID)
    client: CodeCommitClient = make_client("codecommit", _config(access.git.proxy), host[1])
    # A service that hangs is waited for once, because the SDK repeats what has timed out.
    ask_once(client, clock)
    domain = "amazonaws.cn" if host[2] else "aws.amazon.com"
    return CodeCommitRequests(
        client=client,
        region=host[1],
        domain=domain,
        name=parts[2],
        clock=clock,
        deadline_s=access.deadline_s,
        memory=RequestMemory() if memory is None else memory,
    )


def _config(proxy: Proxy | None) -> Config:
    """SOCKS proxies are for Git alone."""
    from botocore.config import Config

    proxies = None
    if proxy is not None and not proxy.address.startswith("socks5"):
        scheme, _, host = proxy.address.partition("://")
        user = f"{quote(proxy.username, safe='')}:{quote(proxy.password, safe='')}@" if proxy.username else ""
        proxies = {"https": f"{scheme}://{user}{host}"}
    return Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        proxies=proxies,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCommitRequests:
    """The requests of one repository.

    Attributes:
        client: of its region.
        region: its region.
        domain: of the console's host.
        name: of the repository.
        clock: for the deadline.
        deadline_s: on the monotonic clock; no call is begun after it. None for none.
        memory: of requests that were read before.
    """

    client: CodeCommitClient
    region: str
    domain: str
    name: str
    clock: Clock
    deadline_s: float | None
    memory: RequestMemory

    @property
    def limits(self) -> Limits:
        """CodeCommit's."""
        return Limits(title=150, body=10_240)

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``; among closed ones it reads MOST_CLOSED at a time that nobody has read before.

        Raises:
            As ``_open_one``.
        """
        found = self._open_one(head, base)
        if found is not None:
            return found
        return newest_of(list(self._between((head, base), self._numbers("CLOSED"), MOST_CLOSED)))

    def _open_one(self, head: str, base: str) -> PullRequest | None:
        """The open request between two branches.

        Raises:
            RetryableError: PullRequestFailed, MOST_OPEN were read, and there are more that nobody has read.
        """
        numbers = self._numbers("OPEN")
        found = next((one for one in self._between((head, base), numbers, MOST_OPEN) if one.state == "open"), None)
        if found is None and any(self._known(one) is None for one in numbers):
            raise RetryableError(
                f"ListPullRequests: the repository has {len(numbers)} open requests, of which {MOST_OPEN} were looked"
                " at for the one of this branch; the next runs look at the others",
                reason=FAILED,
            )
        return found

    def _between(self, wanted: Branches, numbers: Iterable[str], most: int) -> Iterator[PullRequest]:
        """Yield the requests between two branches, reading at most so many of which the branches are not known."""
        unknown = 0
        for number in numbers:
            known = self._known(number)
            unknown += known is None
            if known not in (None, wanted) or unknown > most:
                continue
            found = self.read(number)
            if found is None:
                self.memory.note(self._repository, number, ("", ""))
            elif (found.head, found.base) == wanted:
                yield found

    def _known(self, number: str) -> Branches | None:
        return self.memory.branches_of(self._repository, number)

    @property
    def _repository(self) -> str:
        return f"{self.region}/{self.name}"

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``; CodeCommit knows no checks."""
        with self._asked("GetPullRequest"):
            try:
                answer = self.client.get_pull_request(pullRequestId=number)
            except ClientError as error:
                if _code(error) in _NONE:
                    return None
                raise
        return self._request(answer.get("pullRequest"))

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``."""
        found = self._open_one(proposal.head, proposal.base)
        if found is not None:
            return found
        with self._asked("CreatePullRequest"):
            answer = self.client.create_pull_request(
                title=proposal.title,
                description=proposal.body,
                targets=[
                    {
                        "repositoryName": self.name,
                        "sourceReference": proposal.head,
                        "destinationReference": proposal.base,
                    }
                ],
            )
        return self._request(answer.get("pullRequest"))

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``: CodeCommit has nothing of it."""

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``: two calls, of which only the needed ones are sent."""
        found = request
        if proposal.title != request.title:
            with self._asked("UpdatePullRequestTitle"):
                title = self.client.update_pull_request_title(pullRequestId=request.number, title=proposal.title)
            found = self._request(title.get("pullRequest"))
        if proposal.body != request.body:
            with self._asked("UpdatePullRequestDescription"):
                body = self.client.update_pull_request_description(
                    pullRequestId=request.number, description=proposal.body
                )
            found = self._request(body.get("pullRequest"))
        return found

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``."""
        with self._asked("GetPullRequest"):
            target = _target(self.client.get_pull_request(pullRequestId=request.number).get("pullRequest", {}))
        before, after = str(target.get("destinationCommit") or ""), str(target.get("sourceCommit") or "")
        # CodeCommit takes comments on differences only.
        if before and after and before != after:
            with self._asked("PostCommentForPullRequest"):
                self.client.post_comment_for_pull_request(
                    pullRequestId=request.number,
                    repositoryName=self.name,
                    beforeCommitId=before,
                    afterCommitId=after,
                    content=comment,
                )
        with self._asked("UpdatePullRequestStatus"):
            try:
                answer = self.client.update_pull_request_status(
                    pullRequestId=request.number, pullRequestStatus="CLOSED"
                )
            except ClientError as error:
                if _code(error) not in _NOT_OPEN:
                    raise
                return self._now(request)
        return self._request(answer.get("pullRequest"))

    @contextmanager
    def _asked(self, operation: str) -> Iterator[None]:
        """A call, unless the time is over."""
        if self.deadline_s is not None and self.clock.monotonic_s() >= self.deadline_s:
            raise RetryableError(f"{operation}: {NO_TIME}", reason=FAILED)
        with _reported(operation):
            yield

    def _now(self, request: PullRequest) -> PullRequest:
        return self.read(request.number) or request

    def _numbers(self, status: PullRequestStatusEnumType) -> list[str]:
        """The numbers of the repository's requests, the highest first, which are the newest."""
        found: list[str] = []
        with self._asked("ListPullRequests"):
            pages = self.client.get_paginator("list_pull_requests").paginate(
                repositoryName=self.name, pullRequestStatus=status
            )
            for page in pages:
                found += page.get("pullRequestIds", [])
        return sorted(found, key=lambda one: (len(one), one), reverse=True)

    def _request(self, found: PullRequestTypeDef | None) -> PullRequest:
        number = found.get("pullRequestId", "") if found else ""
        if not found or not number:
            raise RetryableError("the answer is not a pull request", reason=FAILED)
        target = _target(found)
        merged = target.get("mergeMetadata")
        is_merged = isinstance(merged, Mapping) and merged.get("isMerged") is True
        closed: RequestState = "merged" if is_merged else "closed"
        place = f"https://{self.region}.console.{self.domain}/codesuite/codecommit/repositories"
        head = str(target.get("sourceReference") or "").removeprefix(HEADS)
        base = str(target.get("destinationReference") or "").removeprefix(HEADS)
        self.memory.note(self._repository, number, (head, base))
        return PullRequest(
            number=number,
            url=f"{place}/{quote(self.name)}/pull-requests/{quote(number)}/details?region={self.region}",
            state="open" if found.get("pullRequestStatus") == "OPEN" else closed,
            head=head,
            base=base,
            head_commit=CommitId(str(target.get("sourceCommit") or "")),
            title=found.get("title", ""),
            body=found.get("description", ""),
        )


def _target(found: PullRequestTypeDef) -> Mapping[str, object]:
    targets: Sequence[Mapping[str, object]] = found.get("pullRequestTargets", [])
    return targets[0] if targets else {}


@contextmanager
def _reported(operation: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _refusal(operation, error) from None
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise Unanswered(f"{operation}: {capped(str(error))}", reason=FAILED) from None
    except BotoCoreError as error:
        raise RetryableError(f"{operation}: {capped(str(error))}", reason=FAILED) from None


def _refusal(operation: str, error: ClientError) -> ImageAutomationError:
    code, said = _code(error), str(error.response.get("Error", {}).get("Message", ""))
    text = f"{operation}: {code}: {capped(said)}"
    if code in _THROTTLED:
        return ThrottledError(text, reason=FAILED, host="codecommit", retry_after_s=None)
    if code in _FORBIDDEN:
        return AuthenticationError(f"{text}: {NEEDS}", reason=FAILED)
    return RetryableError(text, reason=FAILED)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
