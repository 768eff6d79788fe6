"""GitHub's API for one repository: REST by its description, GraphQL by an excerpt of its schema.

Source: GitHub REST API 2022-11-28; GitHub's public GraphQL schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graphql import GraphQLError, build_schema, graphql_sync

from tests.embedded.git_host import DESCRIPTIONS, Call, FakeGitHost, HostedRequest, Reply

CLEAN = "Pull request Pull request is in clean status"


class FakeGitHub(FakeGitHost):
    """``org/app`` on GitHub.

    Attributes:
        requires_checks: whether something is required before a merge; auto-merge is refused without.
        collaborators: who may review.
    """

    kind = "github"

    def __init__(self, bare: Path) -> None:
        super().__init__(bare)
        self.schema = build_schema((DESCRIPTIONS / "github.graphql").read_text())
        self.requires_checks = True
        self.collaborators = {"alice", "bob"}

    def answer(self, call: Call) -> Reply:
        """Refuse other repositories, and requests without the version of the API."""
        if call.headers.get("X-GitHub-Api-Version") != "2022-11-28":
            self.violations.append(f"{call.path}: no X-GitHub-Api-Version")
        if call.operation != "graphql" and (call.values["owner"], call.values["repo"]) != ("org", "app"):
            return self.refuse(404, "Not Found")
        return super().answer(call)

    def refuse(self, status: int, message: str, **headers: str) -> Reply:
        """With the address of the documentation, as GitHub does."""
        return Reply(status, {"message": message, "documentation_url": "https://docs.github.com/rest"}, headers)

    def on_pulls_list(self, call: Call) -> Reply:
        owner, _, head = call.query.get("head", "").partition(":")
        wanted = call.query.get("state", "open")
        found = [
            one
            for one in self.listed()
            if owner == "org"
            and one.head == head
            and one.base == call.query.get("base", one.base)
            and (wanted == "all" or (one.state == "open") == (wanted == "open"))
        ]
        return Reply(200, [self._document(one) for one in found])

    def on_pulls_create(self, call: Call) -> Reply:
        given = call.document
        if not self.branch(given["base"]):
            return self._invalid({"resource": "PullRequest", "field": "base", "code": "invalid"})
        if not self.branch(given["head"]):
            return self._invalid({"resource": "PullRequest", "field": "head", "code": "invalid"})
        if self.open_between(given["head"], given["base"]):
            message = f"A pull request already exists for org:{given['head']}."
            return self._invalid({"resource": "PullRequest", "code": "custom", "message": message})
        if not self.has_commits(given["head"], given["base"]):
            message = f"No commits between {given['base']} and {given['head']}"
            return self._invalid({"resource": "PullRequest", "code": "custom", "message": message})
        new = self.begin(given["head"], given["base"], given["title"], given.get("body", ""), draft=given["draft"])
        return Reply(201, self._document(new))

    def on_pulls_update(self, call: Call) -> Reply:
        request = self.find(call.values["pull_number"])
        if request is None:
            return self.refuse(404, "Not Found")
        request.title = call.document.get("title", request.title)
        request.body = call.document.get("body", request.body)
        if call.document.get("state") == "closed" and request.state == "open":
            request.state = "closed"
        return Reply(200, self._document(request))

    def on_pulls_merge(self, call: Call) -> Reply:
        request = self.find(call.values["pull_number"])
        if request is None:
            return self.refuse(404, "Not Found")
        if call.document["sha"] != request.head_commit:
            return self.refuse(409, "Head branch was modified. Review and try the merge again.")
        self.merge(request.number)
        return Reply(200, {"merged": True, "message": "Pull Request successfully merged", "sha": ""})

    def on_pulls_request_reviewers(self, call: Call) -> Reply:
        request = self.find(call.values["pull_number"])
        if request is None:
            return self.refuse(404, "Not Found")
        if set(call.document["reviewers"]) - self.collaborators:
            return self.refuse(422, "Reviews may only be requested from collaborators.")
        request.reviewers += [*call.document["reviewers"], *call.document["team_reviewers"]]
        return Reply(201, self._document(request))

    def on_issues_add_labels(self, call: Call) -> Reply:
        request = self.find(call.values["issue_number"])
        if request is None:
            return self.refuse(404, "Not Found")
        request.labels += [one for one in call.document["labels"] if one not in request.labels]
        return Reply(200, [{"id": 1, "name": one} for one in request.labels])

    def on_issues_create_comment(self, call: Call) -> Reply:
        request = self.find(call.values["issue_number"])
        if request is None:
            return self.refuse(404, "Not Found")
        request.comments.append(call.document["body"])
        return Reply(201, {"id": 1, "body": call.document["body"]})

    def on_graphql(self, call: Call) -> Reply:
        root = {"repository": self._repository, "enablePullRequestAutoMerge": self._auto_merge}
        done = graphql_sync(self.schema, call.document["query"], root, variable_values=call.document["variables"])
        if done.data is None and done.errors and done.errors[0].path is None:
            self.violations.append(f"GraphQL: {done.errors[0].message}")
        errors = [{"type": _type_of(one), "path": one.path, "message": one.message} for one in done.errors or ()]
        return Reply(200, {"data": done.data, **({"errors": errors} if errors else {})})

    def _repository(self, _info: Any, owner: str, name: str, **_: Any) -> Any:
        if (owner, name) != ("org", "app"):
            raise GraphQLError(f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return {"pullRequest": self._pull_request}

    def _pull_request(self, _info: Any, number: int) -> Any:
        request = self.find(str(number))
        if request is None:
            raise GraphQLError(f"Could not resolve to a PullRequest with the number of {number}.")
        rollup = {"state": self.checks} if self.checks else None
        return {
            "id": f"PR_{number}",
            "number": number,
            "url": self._page(request),
            "state": request.state.upper(),
            "isDraft": request.draft,
            "title": request.title,
            "body": request.body,
            "baseRefName": request.base,
            "headRefName": request.head,
            "headRefOid": request.head_commit,
            "labels": lambda _info, **_: {"nodes": [{"name": one} for one in request.labels]},
            "commits": lambda _info, **_: {"nodes": [{"commit": {"statusCheckRollup": rollup}}]},
        }

    def _auto_merge(self, _info: Any, input: dict[str, Any]) -> Any:
        if not self.requires_checks:
            raise GraphQLError(CLEAN)
        request = self.find(input["pullRequestId"].removeprefix("PR_"))
        if request is None:
            raise GraphQLError("Could not resolve to a node with the global id.")
        request.auto_merge = input["mergeMethod"].lower()
        return {"clientMutationId": None}

    def _invalid(self, error: dict[str, str]) -> Reply:
        return Reply(422, {"message": "Validation Failed", "errors": [error]})

    def _page(self, request: HostedRequest) -> str:
        return f"https://github.com/org/app/pull/{request.number}"

    def _document(self, request: HostedRequest) -> dict[str, Any]:
        return {
            "number": request.number,
            "html_url": self._page(request),
            "state": "open" if request.state == "open" else "closed",
            "merged_at": "2026-11-27T10:00:00Z" if request.state == "merged" else None,
            "title": request.title,
            "body": request.body,
            "draft": request.draft,
            "labels": [{"name": one} for one in request.labels],
            "head": {"ref": request.head, "sha": request.head_commit, "label": f"org:{request.head}"},
            "base": {"ref": request.base, "sha": self.branch(request.base)},
        }


def _type_of(error: GraphQLError) -> str:
    if CLEAN in error.message:
        return "UNPROCESSABLE"
    return "NOT_FOUND"
