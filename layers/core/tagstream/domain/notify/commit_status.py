"""The status of a commit, as Git hosts show it beside the commit.

Source: notification-controller internal/notifier/util.go, internal/server/provider_commit_status.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tagstream.domain.notify.destination import Destination, Unsendable
from tagstream.domain.notify.event import Event
from tagstream.domain.notify.words import name_and_description

MAX_NAME, MAX_DESCRIPTION = 255, 140
"""Characters that every host takes; GitHub takes the shortest description."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP = re.compile(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """What is said of a commit.

    Attributes:
        host: ``scheme://host`` of the Git host.
        repository: the parts of the repository's path, e.g. owner and name.
        commit: its full id.
        name: which of a commit's statuses this is.
        title: the object.
        description: the reason as words.
        is_error: whether something went wrong.
    """

    host: str
    repository: tuple[str, ...]
    commit: str
    name: str
    title: str
    description: str
    is_error: bool


def commit_status(event: Event, destination: Destination, parts: int | None = 2) -> CommitStatus | None:
    """Return the status that an event gives a commit; None for an event that is about no commit.

    Args:
        event: what happened; its fact ``revision`` names the commit.
        destination: whose address is that of the repository, as one would clone it.
        parts: how many parts the repository's path has; None for any number.

    Raises:
        Unsendable: the address is that of no repository.
    """
    commit = event.metadata.get("revision", "").rpartition(":")[2].rpartition("/")[2]
    if not _COMMIT.fullmatch(commit):
        return None
    host, path = repository_address(destination.address)
    repository = tuple(path.split("/"))
    if not all(repository) or (parts is not None and len(repository) != parts):
        raise Unsendable("the address is that of no repository")
    title, description = name_and_description(event)
    return CommitStatus(
        host=host,
        repository=repository,
        commit=commit,
        name=destination.status_name[:MAX_NAME] or _own_name(event, destination.uid.partition("-")[0]),
        title=title[:MAX_NAME],
        description=description[:MAX_DESCRIPTION],
        is_error=event.is_error,
    )


def _own_name(event: Event, uid: str) -> str:
    """Flux's name of a status; the end of a long one tells Providers apart, so it stays."""
    return f"{f'{event.kind}/{event.key.name}'[: MAX_NAME - len(uid) - 1]}/{uid}".lower()


def repository_address(address: str) -> tuple[str, str]:
    """``scheme://host`` and the path of a repository's clone URL; SSH addresses are taken for https.

    Raises:
        Unsendable: it is none.
    """
    scp = _SCP.fullmatch(address)
    if scp and "://" not in address:
        address = f"ssh://{scp[1]}/{scp[2]}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Unsendable("the address is no URL") from None
    if parts.scheme not in ("http", "https", "ssh") or not parts.hostname:
        raise Unsendable("the address is no http, https or ssh URL")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port and parts.scheme != "ssh":
        host += f":{port}"
    scheme = "https" if parts.scheme == "ssh" else parts.scheme
    return f"{scheme}://{host}", unquote(parts.path).strip("/").removesuffix(".git")
