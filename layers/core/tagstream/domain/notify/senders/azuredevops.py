"""The type azuredevops: a commit status.

Source: notification-controller internal/notifier/azure_devops.go; Azure DevOps REST API, "Statuses - Create".
"""

from __future__ import annotations

from urllib.parse import quote

from tagstream.domain.notify.commit_status import commit_status
from tagstream.domain.notify.destination import Call, Destination, Unsendable, json_call
from tagstream.domain.notify.event import Event


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST; none for an event that is about no commit. The token is a personal access token."""
    token = destination.needed("token")
    status = commit_status(event, destination, parts=None)
    if status is None:
        return ()
    found = status.repository
    if found[:1] == ("v3",):
        # ssh.dev.azure.com:v3/org/project/repository
        found = (*found[1:3], "_git", *found[3:])
    if len(found) != 4:
        raise Unsendable("the address is that of no repository")
    organization, project, _, repository = found
    host = status.host.replace("//ssh.dev.", "//dev.")
    base = f"{host}/{quote(organization)}/{quote(project)}/_apis/git/repositories/{quote(repository)}"
    payload = {
        "state": "error" if status.is_error else "succeeded",
        "description": status.description,
        "context": {"genre": "fluxcd", "name": status.name},
    }
    headers = _login(token)
    return (json_call(f"{base}/commits/{status.commit}/statuses?api-version=7.1", payload, headers),)


def _login(token: str) -> dict[str, str]:
    from base64 import b64encode

    # A user of any name, and none, goes with the token.
    return {"Authorization": "Basic " + b64encode(f":{token}".encode()).decode()}
