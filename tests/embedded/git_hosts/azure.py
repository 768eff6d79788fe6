"""A fake Azure DevOps."""

from __future__ import annotations

from typing import Any

from tests.embedded.git_hosts.described import Operation, described
from tests.embedded.git_hosts.host import HEAD_COMMIT, NAME, OWNER, Answer, FakeHost, Hosted, Query

PROJECT, PROJECT_ID, OURSELVES = (
    "platform",
    "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c",
    "11111111-0000-0000-0000-000000000000",
)
STATES = {"open": "active", "merged": "completed", "closed": "abandoned"}
HEADS = "refs/heads/"
LISTED_CHARACTERS = 400
UPDATABLE = {
    "status",
    "title",
    "description",
    "completionOptions",
    "mergeOptions",
    "autoCompleteSetBy",
    "targetRefName",
}
# Statuses in the order of their ids, and the branch policies beside them.
CHECKS: dict[str, tuple[list[str], list[tuple[str, str]]]] = {
    "none": ([], [("Minimum number of reviewers", "rejected")]),
    "pending": (["succeeded"], [("Build", "running")]),
    "passed": (["failed", "succeeded"], [("Build", "approved"), ("Comment requirements", "rejected")]),
    "failed": (["succeeded"], [("Build", "rejected")]),
}


class AzureDevOps(FakeHost):
    """Answers for one repository. As the real one, it cuts descriptions in lists.

    Attributes:
        opened_by: the identity that has opened the requests.
    """

    opened_by = OURSELVES
    description = described("azure")

    def refused(self, status: int) -> Answer:
        """Return an exception with a message."""
        return Answer(status=status, document={"message": f"refused with {status}", "typeKey": "Exception"})

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Carry out an operation."""
        if operation.name == "Connection Data_Get":
            return Answer(document={"authenticatedUser": {"id": OURSELVES}})
        if operation.name == "Evaluations_List":
            return self._evaluations(dict(query)["artifactId"])
        place = tuple(operation.parts[name] for name in ("organization", "project", "repositoryId"))
        if place != (OWNER, PROJECT, NAME):
            return self.refused(404)
        if operation.name == "Pull Requests_Get Pull Requests":
            shown = [self._listed(one) for one in self._found(dict(query))]
            return Answer(document={"value": shown, "count": len(shown)})
        if operation.name == "Pull Requests_Create":
            return self._created(document)
        hosted = self.numbered(operation.parts["pullRequestId"])
        if hosted is None:
            return self.refused(404)
        if operation.name == "Pull Requests_Update":
            return self._updated(hosted, document)
        if operation.name == "Pull Request Labels_Create":
            hosted.labels += [document["name"]] if document["name"] not in hosted.labels else []
            return Answer(document={"name": document["name"], "active": True})
        if operation.name == "Pull Request Reviewers_Create Pull Request Reviewer":
            return self._reviewer(hosted, operation.parts["reviewerId"], document)
        if operation.name == "Pull Request Statuses_List":
            states = enumerate(CHECKS[hosted.checks][0], start=1)
            found = [{"id": number, "state": one, "context": {"genre": "ci", "name": "lint"}} for number, one in states]
            return Answer(document={"value": list(reversed(found)), "count": len(found)})
        if operation.name == "Pull Request Threads_Create":
            hosted.comments.append(document["comments"][0]["content"])
            return Answer(document={"id": len(hosted.comments)})
        return Answer(document=self._shown(hosted))

    def _found(self, query: dict[str, str]) -> list[Hosted]:
        head, base = (query[f"searchCriteria.{name}RefName"].removeprefix(HEADS) for name in ("source", "target"))
        states = STATES.values() if query["searchCriteria.status"] == "all" else (query["searchCriteria.status"],)
        return [
            one
            for one in reversed(self.requests)
            if (one.head, one.base) == (head, base) and STATES[one.state] in states
        ]

    def _created(self, document: Any) -> Answer:
        head, base = (document[f"{name}RefName"].removeprefix(HEADS) for name in ("source", "target"))
        if self.open_request(head, base):
            said = "TF401179: An active pull request for the source and target branch already exists."
            return Answer(status=409, document={"message": said, "typeKey": "GitPullRequestExistsException"})
        hosted = self.made(head, base, document["title"], body=document["description"], draft=document["isDraft"])
        return Answer(status=201, document=self._shown(hosted))

    def _updated(self, hosted: Hosted, document: Any) -> Answer:
        self.problems += [f"{name} cannot be updated" for name in document if name not in UPDATABLE]
        if hosted.state != "open":
            said = "TF401181: The pull request cannot be edited due to its state."
            return Answer(status=409, document={"message": said, "typeKey": "GitPullRequestNotEditableException"})
        hosted.title = document.get("title", hosted.title)
        hosted.body = document.get("description", hosted.body)
        if document.get("status") == "abandoned":
            hosted.state = "closed"
        if "autoCompleteSetBy" in document:
            if document["autoCompleteSetBy"]["id"] != OURSELVES:
                return self.refused(403)
            hosted.auto_merge = document["completionOptions"]["mergeStrategy"]
        return Answer(document=self._shown(hosted))

    def _reviewer(self, hosted: Hosted, reviewer: str, document: Any) -> Answer:
        if reviewer in hosted.reviewers:
            self.problems.append("a reviewer who was there was added again, which resets the vote")
        if document != {"id": reviewer, "vote": 0}:
            self.problems.append(f"somebody else's vote is set: {document}")
        if reviewer in self.strangers:
            return self.refused(400)
        hosted.reviewers.append(reviewer)
        return Answer(document={"id": reviewer, "vote": 0})

    def _evaluations(self, artifact: str) -> Answer:
        start, _, number = artifact.rpartition("/")
        assert start == f"vstfs:///CodeReview/CodeReviewId/{PROJECT_ID}"
        hosted = self.numbered(number)
        policies = CHECKS[hosted.checks][1] if hosted else []
        found = [{"status": one, "configuration": {"type": {"displayName": name}}} for name, one in policies]
        return Answer(document={"value": found, "count": len(found)})

    def _listed(self, hosted: Hosted) -> dict[str, Any]:
        shown = self._shown(hosted)
        return {**shown, "description": shown["description"][:LISTED_CHARACTERS]}

    def _shown(self, hosted: Hosted) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "pullRequestId": hosted.number,
            "title": hosted.title,
            "description": hosted.body,
            "status": STATES[hosted.state],
            "isDraft": hosted.draft,
            "sourceRefName": HEADS + hosted.head,
            "targetRefName": HEADS + hosted.base,
            "createdBy": {"id": self.opened_by},
            "lastMergeSourceCommit": {"commitId": HEAD_COMMIT},
            "labels": [{"name": one, "active": True} for one in hosted.labels],
            "reviewers": [{"id": one, "vote": 0} for one in hosted.reviewers],
            "repository": {
                "name": NAME,
                "project": {"id": PROJECT_ID, "name": PROJECT},
                "webUrl": f"https://dev.azure.com/{OWNER}/{PROJECT}/_git/{NAME}",
            },
        }
        if hosted.is_of_fork:
            shown["forkSource"] = {"name": HEADS + hosted.head, "repository": {"name": "fork"}}
        if hosted.auto_merge:
            shown["autoCompleteSetBy"] = {"id": OURSELVES}
        return shown
