"""The type gitea: a commit status, in Forgejo too.

Source: notification-controller internal/notifier/gitea.go; Gitea's API, "repoCreateStatus".
"""

from __future__ import annotations

from urllib.parse import quote

from tagstream.domain.notify.commit_status import commit_status
from tagstream.domain.notify.destination import Call, Destination, json_call
from tagstream.domain.notify.event import Event


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST; none for an event that is about no commit."""
    headers = {"Authorization": f"token {destination.needed('token')}"}
    status = commit_status(event, destination)
    if status is None:
        return ()
    payload = {
        "state": "failure" if status.is_error else "success",
        "target_url": "",
        "description": status.description,
        "context": status.name,
    }
    url = f"{status.host}/api/v1/repos/{quote('/'.join(status.repository))}/statuses/{status.commit}"
    return (json_call(url, payload, headers),)
