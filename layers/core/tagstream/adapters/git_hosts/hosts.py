"""GitHosts: which adapter serves which kind of host, with credentials that the repository's provider may hand out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from tagstream.adapters.git_hosts.host_table import MODULE_BY_KIND
from tagstream.adapters.git_hosts.request_memory import RequestMemory
from tagstream.domain.objects.git_host import GIT_HOST, GIT_HOST_KINDS
from tagstream.errors import StalledError
from tagstream.ports.git import GitAccess
from tagstream.ports.pull_requests import INVALID, HostAccess, PullRequests
from tagstream.ports.runtime import Clock

if TYPE_CHECKING:
    from botocore.config import Config

    from tagstream.adapters.git_hosts.codecommit import MakeClient


def no_role(service: str, config: Config, region: str) -> Any:
    """For those who have no role.

    Raises:
        StalledError: InvalidPullRequest, always.
    """
    raise StalledError(f"there is no role to ask {service} of {region} with", reason=INVALID)


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The adapters by kind of host.

    Args:
        applied: puts what a provider hands out into an access (``GitCredentials.applied``).
        clock: of the adapters.
        make_client: makes clients of boto3 with the function's role, for CodeCommit.
        memory: of requests that were read before, for CodeCommit.
    """

    applied: Callable[[GitAccess], GitAccess]
    clock: Clock
    make_client: MakeClient = no_role
    memory: RequestMemory = field(default_factory=RequestMemory)

    def of(self, access: HostAccess) -> PullRequests:
        """The requests of a repository; as ``GitHosts.of``."""
        module = MODULE_BY_KIND.get(access.kind) if access.kind is not None else None
        if module is None:
            raise StalledError(
                f"the kind of Git host of this repository is not known: annotate the GitRepository with '{GIT_HOST}',"
                f" one of {', '.join(GIT_HOST_KINDS)}",
                reason=INVALID,
            )
        if access.kind == "codecommit":
            found = import_module(module).open_requests(access, self.make_client, self.clock, self.memory)
            return cast("PullRequests", found)
        opened = import_module(module).open_requests(replace(access, git=self.applied(access.git)), self.clock)
        return cast("PullRequests", opened)
