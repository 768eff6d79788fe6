"""The type gitlab: a commit status.

Source: notification-controller internal/notifier/gitlab.go; GitLab's API, "Set commit pipeline status".
"""

from __future__ import annotations

from urllib.parse import quote

from tagstream.domain.notify.commit_status import commit_status
from tagstream.domain.notify.destination import Call, Destination, json_call
from tagstream.domain.notify.event import Event


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST; none for an event that is about no commit."""
    token = destination.needed("token")
    status = commit_status(event, destination, parts=None)
    if status is None:
        return ()
    project = quote("/".join(status.repository), safe="")
    payload = {
        "state": "failed" if status.is_error else "success",
        "name": status.name,
        "description": status.description,
    }
    url = f"{status.host}/api/v4/projects/{project}/statuses/{status.commit}"
    return (json_call(url, payload, {"PRIVATE-TOKEN": token}),)
