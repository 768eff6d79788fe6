"""HostCommits: has the Git host make commits, by the module that speaks the host's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module

from tagstream.adapters.git_hosts.host_table import COMMITS_BY_KIND
from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.git_host import COMMITTING_KINDS
from tagstream.domain.objects.model import CommitId
from tagstream.errors import AuthenticationError, ImageAutomationError, RetryableError, StalledError, ThrottledError
from tagstream.ports.git import GitAccess
from tagstream.ports.host_commits import CommitDraft
from tagstream.ports.pull_requests import HostAccess
from tagstream.ports.runtime import Clock

REASON = "GitOperationFailed"


@dataclass(frozen=True, slots=True)
class ApiCommits:
    """As ``HostCommits``.

    Args:
        applied: puts what a provider hands out into an access (``GitCredentials.applied``).
        clock: for pauses that a host asks for.
    """

    applied: Callable[[GitAccess], GitAccess]
    clock: Clock

    def commit(self, access: HostAccess, branch: str, parent: CommitId, draft: CommitDraft) -> CommitId:
        """As ``HostCommits.commit``."""
        module = COMMITS_BY_KIND.get(access.kind) if access.kind is not None else None
        if module is None:
            kinds = " and ".join(COMMITTING_KINDS)
            raise StalledError(f"annotation '{COMMIT_BY}: api' works on {kinds} only", reason=REASON)
        with _reported():
            host = import_module(module).open_commits(replace(access, git=self.applied(access.git)), self.clock)
            return CommitId(host.commit(branch, parent, draft))


@contextmanager
def _reported() -> Iterator[None]:
    """The words of a host's API with what was tried, and the reason of a Git server that refuses."""
    try:
        yield
    except ThrottledError as error:
        raise ThrottledError(_said(error), reason=REASON, host=error.host, retry_after_s=error.retry_after_s) from error
    except RetryableError as error:
        raise RetryableError(_said(error), reason=REASON, retry_after_s=error.retry_after_s) from error
    except AuthenticationError as error:
        raise AuthenticationError(_said(error), reason=REASON) from error
    except StalledError as error:
        raise StalledError(_said(error), reason=REASON) from error


def _said(error: ImageAutomationError) -> str:
    return f"failed to commit through the Git host's API: {error.message}"
