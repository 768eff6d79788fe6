"""GitHub and GitLab as far as they make commits: in a real bare repository, so that a Git server shows them at once.

Source: GitHub's public GraphQL schema; GitLab's REST API v4.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLError, build_schema, graphql_sync

from tests.embedded.git_host import DESCRIPTIONS, Call, FakeGitHost, Reply
from tests.embedded.git_server import IDENTITY, git

BOT = "tagstream[bot]"
BOT_EMAIL = "1+tagstream[bot]@users.noreply.github.com"
PROJECT = "org/app"
SIGNED = "Signed-by-the-host: yes"
"""Stands for the signature, which nobody can make here: the line that these hosts add to a commit."""


class Committing(FakeGitHost):
    """A host that makes commits.

    Attributes:
        before: is called before a commit is made.
        changes_modes: whether the host loses the modes of files, as it must not.
    """

    def __init__(self, bare: Path) -> None:
        super().__init__(bare)
        self.before: Callable[[], object] | None = None
        self.changes_modes = False

    def make(self, branch: str, files: Mapping[str, bytes], message: str, author: tuple[str, str]) -> str:
        """Append a commit to a branch; return its id."""
        parent = self.branch(branch)
        with tempfile.TemporaryDirectory() as folder:
            environ = {**os.environ, **IDENTITY, "GIT_INDEX_FILE": str(Path(folder, "index"))}
            environ |= {"GIT_AUTHOR_NAME": author[0], "GIT_AUTHOR_EMAIL": author[1]}
            environ |= {"GIT_COMMITTER_NAME": "the host", "GIT_COMMITTER_EMAIL": "noreply@host.example"}

            def run(*command: str, stdin: bytes = b"") -> str:
                whole = ["git", "-C", str(self.bare), *command]
                done = subprocess.run(whole, input=stdin, capture_output=True, check=True, env=environ)
                return done.stdout.decode().strip()

            run("read-tree", parent)
            for path, content in files.items():
                mode = run("ls-tree", parent, "--", path).split()[0]
                blob = run("hash-object", "-w", "--stdin", stdin=content)
                mode = "100644" if self.changes_modes else mode
                run("update-index", "--cacheinfo", f"{mode},{blob},{path}")
            commit = run("commit-tree", run("write-tree"), "-p", parent, stdin=f"{message}\n\n{SIGNED}\n".encode())
            run("update-ref", f"refs/heads/{branch}", commit, parent)
        return commit


class CommittingGitHub(Committing):
    """``org/app`` on GitHub."""

    kind = "github-commits"

    def __init__(self, bare: Path) -> None:
        super().__init__(bare)
        self.schema = build_schema((DESCRIPTIONS / "github-commits.graphql").read_text())
        self.error: tuple[str, str] | None = None

    def on_graphql(self, call: Call) -> Reply:
        """Carry out a mutation."""
        root = {"createCommitOnBranch": self._create}
        done = graphql_sync(self.schema, call.document["query"], root, variable_values=call.document["variables"])
        if done.errors and done.errors[0].path is None:
            self.violations.append(f"GraphQL: {done.errors[0].message}")
        errors = [
            {"type": (one.extensions or {}).get("type", ""), "path": one.path, "message": one.message}
            for one in done.errors or ()
        ]
        return Reply(200, {"data": done.data, **({"errors": errors} if errors else {})})

    def _create(self, _info: Any, input: dict[str, Any]) -> Any:
        if self.before is not None:
            self.before()
        if self.error is not None:
            raise GraphQLError(self.error[1], extensions={"type": self.error[0]})
        branch, message = input["branch"]["branchName"], input["message"]
        if input["branch"]["repositoryNameWithOwner"] != PROJECT:
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
    """``org/app`` on GitLab; the author is the one that is asked for."""

    kind = "gitlab-commits"

    def on_create_commit(self, call: Call) -> Reply:
        """Make a commit of existing files."""
        if self.before is not None:
            self.before()
        given = call.document
        if call.values["id"] != PROJECT:
            return self.refuse(404, "404 Project Not Found")
        parent = self.branch(given["branch"])
        if not parent:
            return self.refuse(400, "You can only create or edit files when you are on a branch")
        files = {}
        for one in given["actions"]:
            if one["action"] != "update" or not git("ls-tree", parent, "--", one["file_path"], folder=self.bare):
                return self.refuse(400, "A file with this name doesn't exist")
            files[one["file_path"]] = base64.b64decode(one["content"], validate=True)
        commit = self.make(
            given["branch"], files, given["commit_message"], (given["author_name"], given["author_email"])
        )
        return Reply(201, {"id": commit, "parent_ids": [parent], "message": given["commit_message"]})
