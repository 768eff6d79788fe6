"""The addresses of pages on Git hosts that show what was pushed.

Source: the hosts' own pages; docs/dashboard.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from tagstream.domain.notify.commit_status import repository_address
from tagstream.domain.notify.destination import Unsendable
from tagstream.domain.objects.git_host import GitHostKind

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_PATHS: Mapping[GitHostKind, str] = {
    "github": "{path}/commit/{commit}",
    "gitlab": "{path}/-/commit/{commit}",
    "gitea": "{path}/commit/{commit}",
    "forgejo": "{path}/commit/{commit}",
    "bitbucket": "{path}/commits/{commit}",
    "azure": "{path}/commit/{commit}",
}
_AZURE_SSH = re.compile(r"v3/([^/]+)/([^/]+)/([^/]+)")
_DATA_CENTER = re.compile(r"(?:(?P<context>.+)/)?scm/(?P<project>[^/]+)/(?P<name>[^/]+)|(?P<key>[^/]+)/(?P<slug>[^/]+)")
_CODECOMMIT = re.compile(r"git-codecommit(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.(?P<end>com(?:\.cn)?)")


def commit_page(url: str, kind: GitHostKind | None, commit: str) -> str:
    """The address of a commit's page; empty if it is not known.

    Args:
        url: of the repository, as it is cloned.
        kind: of its host; None if it is not known.
        commit: its id.
    """
    if kind is None or not _COMMIT.fullmatch(commit):
        return ""
    try:
        host, path = repository_address(url)
    except Unsendable:
        return ""
    if kind == "codecommit":
        return _codecommit(host, path, commit)
    if kind == "bitbucket-server":
        return _data_center(host, path, commit)
    if kind == "azure":
        host, path = _azure(host, path)
    return f"{host}/{_PATHS[kind].format(path=quote(path), commit=commit)}" if path else ""


def _azure(host: str, path: str) -> tuple[str, str]:
    """SSH has a host and paths of its own."""
    found = _AZURE_SSH.fullmatch(path)
    return ("https://dev.azure.com", f"{found[1]}/{found[2]}/_git/{found[3]}") if found else (host, path)


def _data_center(host: str, path: str, commit: str) -> str:
    found = _DATA_CENTER.fullmatch(path)
    if found is None:
        return ""
    project, name = found["project"] or found["key"], found["name"] or found["slug"]
    # A repository of a person stands below ``users``, and its project is written with a tilde.
    folder = f"users/{quote(project[1:])}" if project.startswith("~") else f"projects/{quote(project)}"
    context = f"{quote(found['context'])}/" if found["context"] else ""
    return f"{host}/{context}{folder}/repos/{quote(name)}/commits/{commit}"


def _codecommit(host: str, path: str, commit: str) -> str:
    found = _CODECOMMIT.fullmatch(urlsplit(host).hostname or "")
    name = path.rpartition("/")[2]
    if found is None or not name:
        return ""
    region = found["region"]
    console = "console.amazonaws.cn" if found["end"] == "com.cn" else "console.aws.amazon.com"
    return f"https://{region}.{console}/codesuite/codecommit/repositories/{quote(name)}/commit/{commit}?region={region}"
