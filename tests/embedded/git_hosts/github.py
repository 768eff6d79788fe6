"""A fake GitHub: REST by its description, GraphQL by an excerpt of its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError, build_schema

from tests.embedded.git_hosts.described import FOLDER, Operation, described
from tests.embedded.git_hosts.graphql_answers import graphql_answer
from tests.embedded.git_hosts.host import BASE_COMMIT, NAME, OWNER, Answer, FakeHost, Hosted, Query

ROLLUPS = {"pending": "PENDING", "passed": "SUCCESS", "failed": "FAILURE"}
CLEAN = "Pull request Pull request is in clean status"


class GitHub(FakeHost):
    """Answers for one repository.

    Attributes:
        requires_checks: whether something is required before a merge; without, auto-merge is refused.
        teams: the reviewers that are teams.
    """

    description = described("github")
    requires_checks = True
    schema = build_schema((FOLDER / "github.graphql").read_text())

    def begin_anew(self) -> None:
        """Forget everything."""
        super().begin_anew()
        self.teams: set[str] = set()

    def refused(self, status: int) -> Answer:
        """Return one message."""
        document = {"message": f"refused with {status}", "documentation_url": "https://docs.github.com/rest"}
        return Answer(status=status, document=document)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Check the version of the API too."""
        if headers.get("X-GitHub-Api-Version") != "2022-11-28":
            self.problems.append("no X-GitHub-Api-Version")
        return super().answer(method, target, headers, body)

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Carry out an operation."""
        if operation.name == "graphql":
            return self._graphql(document)
        if (operation.parts["owner"], operation.parts["repo"]) != (OWNER, NAME):
            return self.refused(404)
        if operation.name == "pulls/list":
            return Answer(document=[self._shown(one) for one in self._listed(dict(query))])
        if operation.name == "pulls/create":
            return self._created(document)
        hosted = self.numbered(operation.parts.get("pull_number") or operation.parts["issue_number"])
        if hosted is None:
            return self.refused(404)
        return self._carry_out_on(hosted, operation.name, document)

    def _carry_out_on(self, hosted: Hosted, name: str, document: Any) -> Answer:
        if name == "issues/create-comment":
            hosted.comments.append(document["body"])
            return Answer(status=201, document={"id": 1, "body": document["body"]})
        if name == "issues/add-labels":
            hosted.labels += [one for one in document["labels"] if one not in hosted.labels]
            return Answer(document=[{"id": 1, "name": one} for one in hosted.labels])
        if name == "pulls/list-requested-reviewers":
            users = [{"login": one, "id": 1} for one in hosted.reviewers if one not in self.teams]
            teams = [{"slug": one, "id": 2} for one in hosted.reviewers if one in self.teams]
            return Answer(document={"users": users, "teams": teams})
        if name == "pulls/list-reviews":
            found = [{"id": 1, "user": {"login": one, "id": 1}, "state": "APPROVED"} for one in hosted.reviews]
            return Answer(document=found)
        if name == "pulls/request-reviewers":
            return self._reviews_requested(hosted, document)
        if name == "pulls/merge":
            if document["sha"] != self.commit_of(hosted):
                return self.refused(409)
            self.merge(hosted)
            return Answer(document={"merged": True, "message": "Pull Request successfully merged", "sha": "0" * 40})
        hosted.title, hosted.body = document.get("title", hosted.title), document.get("body", hosted.body)
        if document.get("state") == "closed" and hosted.state == "open":
            hosted.state = "closed"
        return Answer(document=self._shown(hosted))

    def _reviews_requested(self, hosted: Hosted, document: Any) -> Answer:
        """Nobody is asked if one of them cannot review; who has reviewed is asked anew."""
        wanted = [*document["reviewers"], *document["team_reviewers"]]
        if self.strangers & set(wanted):
            said = "Reviews may only be requested from collaborators. One or more of the users or teams is none."
            return Answer(status=422, document={"message": said, "documentation_url": "https://docs.github.com/rest"})
        hosted.reviewers += [one for one in wanted if one not in hosted.reviewers]
        self.teams |= set(document["team_reviewers"])
        hosted.reviews = [one for one in hosted.reviews if one not in wanted]
        return Answer(status=201, document=self._shown(hosted))

    def _listed(self, query: dict[str, str]) -> list[Hosted]:
        assert (query["sort"], query["direction"], query["state"]) == ("created", "desc", "all")
        owner, _, head = query["head"].partition(":")
        wanted = (OWNER, head, query["base"])
        listed = [one for one in reversed(self.requests) if not one.is_of_fork]
        return [one for one in listed if (owner, one.head, one.base) == wanted]

    def _created(self, document: Any) -> Answer:
        head, base = document["head"], document["base"]
        if self.open_request(head, base) is not None:
            return _invalid({"code": "custom", "message": f"A pull request already exists for {OWNER}:{head}."})
        if not self.offers(head, base):
            return _invalid({"code": "custom", "message": f"No commits between {base} and {head}"})
        hosted = self.made(head, base, document["title"], body=document["body"], draft=document["draft"])
        return Answer(status=201, document=self._shown(hosted))

    def _graphql(self, document: Any) -> Answer:
        root = {"repository": self._repository, "enablePullRequestAutoMerge": self._auto_merge}
        done = graphql_answer(self.schema, document["query"], root, document["variables"])
        if done.errors and done.errors[0].path is None:
            self.problems.append(f"GraphQL: {done.errors[0].message}")
        errors = [{"type": _type_of(one), "path": one.path, "message": one.message} for one in done.errors or ()]
        return Answer(document={"data": done.data, **({"errors": errors} if errors else {})})

    def _repository(self, _info: Any, owner: str, name: str, **_: Any) -> Any:
        if (owner, name) != (OWNER, NAME):
            raise GraphQLError(f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return {"pullRequest": self._pull_request}

    def _pull_request(self, _info: Any, number: int) -> Any:
        hosted = self.numbered(str(number))
        if hosted is None:
            raise GraphQLError(f"Could not resolve to a PullRequest with the number of {number}.")
        rollup = {"state": ROLLUPS[hosted.checks]} if hosted.checks in ROLLUPS else None
        return {
            "id": f"PR_{number}",
            "number": number,
            "url": _page(hosted),
            "state": hosted.state.upper(),
            "isDraft": hosted.draft,
            "title": hosted.title,
            "body": hosted.body,
            "baseRefName": hosted.base,
            "headRefName": hosted.head,
            "headRefOid": self.commit_of(hosted),
            "labels": lambda _info, **_: {"nodes": [{"name": one} for one in hosted.labels]},
            "commits": lambda _info, **_: {"nodes": [{"commit": {"statusCheckRollup": rollup}}]},
        }

    def _auto_merge(self, _info: Any, input: dict[str, Any]) -> Any:
        if not self.requires_checks:
            raise GraphQLError(CLEAN)
        hosted = self.numbered(input["pullRequestId"].removeprefix("PR_"))
        assert hosted is not None
        hosted.auto_merge = input["mergeMethod"].lower()
        return {"clientMutationId": None}

    def _shown(self, hosted: Hosted) -> dict[str, Any]:
        return {
            "number": hosted.number,
            "html_url": _page(hosted),
            "state": "open" if hosted.state == "open" else "closed",
            "merged_at": "2026-11-27T10:00:00Z" if hosted.state == "merged" else None,
            "title": hosted.title,
            "body": hosted.body,
            "draft": hosted.draft,
            "labels": [{"id": 1, "name": one} for one in hosted.labels],
            "head": {"label": f"{OWNER}:{hosted.head}", "ref": hosted.head, "sha": self.commit_of(hosted)},
            "base": {"label": f"{OWNER}:{hosted.base}", "ref": hosted.base, "sha": BASE_COMMIT},
        }


def _page(hosted: Hosted) -> str:
    return f"https://github.example/{OWNER}/{NAME}/pull/{hosted.number}"


def _invalid(error: dict[str, str]) -> Answer:
    return Answer(status=422, document={"message": "Validation Failed", "errors": [error]})


def _type_of(error: GraphQLError) -> str:
    return "UNPROCESSABLE" if CLEAN in error.message else "NOT_FOUND"
