"""GitHub and GitLab as far as they make commits: in a real bare repository, so that a Git server shows them at once.

Source: GitHub's public GraphQL schema; GitLab's REST API v4.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphql import GraphQLError, build_schema

from tests.embedded.git_hosts.described import FOLDER, Operation, described
from tests.embedded.git_hosts.graphql_answers import graphql_answer
from tests.embedded.git_hosts.host import Answer, FakeHost, Query, running
from tests.embedded.git_server import append_commit, changed, git

BOT = "tagstream[bot]"
BOT_EMAIL = "1+tagstream[bot]@users.noreply.github.com"
PROJECT = "org/app"
TOKEN = "token-of-the-bot"
HOST = "the host <noreply@host.example>"
SIGNED = "Signed-by-the-host: yes"
"""Stands for the signature, which nobody can make here: the line that these hosts add to a commit."""


class Committing(FakeHost):
    """A host that makes commits.

    Attributes:
        project: the path of the repository.
        before: is called before a commit is made.
        changes_modes: whether the host loses the modes of files, as it must not.
    """

    def __init__(self, bare: Path, project: str = PROJECT) -> None:
        super().__init__()
        self.bare: Path = bare
        self.project = project
        self.before: Callable[[], object] | None = None
        self.changes_modes = False
        self.authorizations = {f"Bearer {TOKEN}"}

    def refused(self, status: int) -> Answer:
        """Return one message."""
        return Answer(status=status, document={"message": f"refused with {status}"})

    def make(self, branch: str, files: Mapping[str, bytes], message: str, author: tuple[str, str]) -> str:
        """Append a commit to a branch; return its id."""
        parent = self.branch(branch)
        modes = {path: git("ls-tree", parent, "--", path, folder=self.bare).split()[0] for path in files}
        changes = [
            changed(path, content, "100644" if self.changes_modes else modes[path]) for path, content in files.items()
        ]
        by = f"{author[0]} <{author[1]}>"
        return append_commit(self.bare, branch, changes, f"{message}\n\n{SIGNED}\n", by, HOST)


class CommittingGitHub(Committing):
    """A repository on GitHub."""

    description = described("github-commits")
    schema = build_schema((FOLDER / "github-commits.graphql").read_text())

    def __init__(self, bare: Path, project: str = PROJECT) -> None:
        super().__init__(bare, project)
        self.error: tuple[str, str] | None = None

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Carry out a mutation."""
        root = {"createCommitOnBranch": self._create}
        done = graphql_answer(self.schema, document["query"], root, document["variables"])
        if done.errors and done.errors[0].path is None:
            self.problems.append(f"GraphQL: {done.errors[0].message}")
        errors = [
            {"type": (one.extensions or {}).get("type", ""), "path": one.path, "message": one.message}
            for one in done.errors or ()
        ]
        return Answer(document={"data": done.data, **({"errors": errors} if errors else {})})

    def _create(self, _info: Any, input: dict[str, Any]) -> Any:
        if self.before is not None:
            self.before()
        if self.error is not None:
            raise GraphQLError(self.error[1], extensions={"type": self.error[0]})
        branch, message = input["branch"]["branchName"], input["message"]
        if input["branch"]["repositoryNameWithOwner"] != self.project:
            raise GraphQLError("Could not resolve to a Repository.", extensions={"type": "NOT_FOUND"})
        expected = input["expectedHeadOid"]
        if self.branch(branch) != expected:
            said = f'Expected branch to point to "{expected}" but it did not.  Pull and try again.'
            raise GraphQLError(said, extensions={"type": "STALE_DATA"})
        files = {
            one["path"]: base64.b64decode(one["contents"], validate=True) for one in input["fileChanges"]["additions"]
        }
        body = message.get("body") or ""
        text = message["headline"] + (f"\n\n{body}" if body else "")
        return {"commit": {"oid": self.make(branch, files, text, (BOT, BOT_EMAIL))}}


class CommittingGitLab(Committing):
    """A repository on GitLab; the author is the one that is asked for."""

    description = described("gitlab-commits")

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Make a commit of existing files."""
        if self.before is not None:
            self.before()
        given = document
        if operation.parts["id"] != self.project:
            return self.refused(404)
        parent = self.branch(given["branch"])
        if not parent:
            return Answer(
                status=400, document={"message": "You can only create or edit files when you are on a branch"}
            )
        files = {}
        for one in given["actions"]:
            if one["action"] != "update" or not git("ls-tree", parent, "--", one["file_path"], folder=self.bare):
                return Answer(status=400, document={"message": "A file with this name doesn't exist"})
            files[one["file_path"]] = base64.b64decode(one["content"], validate=True)
        commit = self.make(
            given["branch"], files, given["commit_message"], (given["author_name"], given["author_email"])
        )
        return Answer(status=201, document={"id": commit, "parent_ids": [parent]})


@contextmanager
def serving(host: Committing) -> Iterator[Committing]:
    """Serve until the end of the with block; a request that was not as described fails the test."""
    with running(host):
        yield host
    assert host.problems == []
