"""The types github (commit status) and githubdispatch (an event that starts workflows).

Source: notification-controller internal/notifier/github.go, github_dispatch.go; GitHub's REST API, "Create a commit
status" and "Create a repository dispatch event".
"""

from __future__ import annotations

from urllib.parse import quote

from tagstream.domain.notify.commit_status import commit_status, repository_address
from tagstream.domain.notify.destination import Call, Destination, Unsendable, json_call
from tagstream.domain.notify.event import Event, event_document

ACCEPT = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST; none for an event that is about no commit, of type github."""
    headers = {**ACCEPT, "Authorization": f"Bearer {destination.needed('token')}"}
    if destination.type == "githubdispatch":
        host, path = repository_address(destination.address)
        if path.count("/") != 1:
            raise Unsendable("the address is that of no repository")
        payload = {
            "event_type": f"{event.kind}/{event.key.name}.{event.key.namespace}"[:100],
            "client_payload": event_document(event),
        }
        return (json_call(f"{_api(host)}/repos/{quote(path)}/dispatches", payload, headers),)
    status = commit_status(event, destination)
    if status is None:
        return ()
    url = f"{_api(status.host)}/repos/{quote('/'.join(status.repository))}/statuses/{status.commit}"
    state = "failure" if status.is_error else "success"
    return (json_call(url, {"state": state, "context": status.name, "description": status.description}, headers),)


def _api(host: str) -> str:
    # GitHub Enterprise Server has its API below its own name.
    return "https://api.github.com" if host in ("https://github.com", "https://www.github.com") else f"{host}/api/v3"
