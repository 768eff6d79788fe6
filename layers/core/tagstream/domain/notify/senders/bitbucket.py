"""The types bitbucket (Cloud) and bitbucketserver (Server, Data Center): a build status.

Source: notification-controller internal/notifier/bitbucket.go, bitbucketserver.go; Bitbucket Cloud's REST API,
"Create a build status for a commit"; Bitbucket Data Center's, "Create build status".
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from tagstream.domain.notify.commit_status import MAX_NAME, CommitStatus, commit_status
from tagstream.domain.notify.destination import Call, Destination, Unsendable, basic, bearer, json_call
from tagstream.domain.notify.event import Event

CLOUD = "https://api.bitbucket.org"


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST; none for an event that is about no commit."""
    status = commit_status(event, destination, parts=None)
    if status is None:
        return ()
    is_cloud = destination.type == "bitbucket"
    return (_cloud(status, destination) if is_cloud else _server(status, destination),)


def _cloud(status: CommitStatus, destination: Destination) -> Call:
    username, colon, password = destination.needed("token").partition(":")
    if not (username and colon and password):
        raise Unsendable("invalid token format, expected to be <user>:<password>")
    if len(status.repository) != 2:
        raise Unsendable("the address is that of no repository")
    api = CLOUD if status.host == "https://bitbucket.org" else status.host
    url = f"{api}/2.0/repositories/{quote('/'.join(status.repository))}/commit/{status.commit}/statuses/build"
    return json_call(url, _build(status, status.title, "https://bitbucket.org"), basic(username, password))


def _server(status: CommitStatus, destination: Destination) -> Call:
    if "scm" not in status.repository[:-2]:
        raise Unsendable("supplied provider address is not http(s) git clone url")
    *context, _, project, name = status.repository
    login = bearer(destination.token) or basic(destination.username, destination.password)
    if not login:
        raise Unsendable("invalid credentials, expected to be one of username/password or API Token")
    base = "/".join([status.host, *map(quote, context)])
    url = f"{base}/rest/api/latest/projects/{quote(project)}/repos/{quote(name)}/commits/{status.commit}/builds"
    headers = {**login, "x-atlassian-token": "no-check", "x-requested-with": "XMLHttpRequest"}
    title = f"{status.title} [{status.description}]"[:MAX_NAME]
    return json_call(url, _build(status, title, destination.address), headers)


def _build(status: CommitStatus, title: str, url: str) -> dict[str, object]:
    return {
        # A key has at most 40 characters; this hash is no matter of security.
        "key": hashlib.sha1(status.name.encode(), usedforsecurity=False).hexdigest(),
        "state": "FAILED" if status.is_error else "SUCCESSFUL",
        "name": title,
        "description": status.description,
        "url": url,
    }
