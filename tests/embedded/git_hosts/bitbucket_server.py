"""A fake Bitbucket Data Center below a context path."""

from __future__ import annotations

from typing import Any

from tests.embedded.git_hosts.described import Operation, described
from tests.embedded.git_hosts.host import HEAD_COMMIT, NAME, OWNER, Answer, FakeHost, Hosted, Query

STATES = {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"}
BUILDS = {
    "none": {},
    "pending": {"successful": 1, "inProgress": 1},
    "passed": {"successful": 2},
    "failed": {"successful": 1, "failed": 1},
}
HEADS = "refs/heads/"


class BitbucketDataCenter(FakeHost):
    """Answers for one repository. Every change counts the version of a pull request up.

    Attributes:
        auto_merge_setting: whether the repository lets requests merge by themselves; None for a server before 8.15,
            which passes over ``autoMerge``.
    """

    auto_merge_setting: bool | None = True
    description = described("bitbucket-server")

    def refused(self, status: int) -> Answer:
        """Return a list of errors."""
        return Answer(status=status, document={"errors": [{"context": None, "message": f"refused with {status}"}]})

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Carry out an operation, after auto-merge of another head commit has become stale."""
        self.cancel_stale_auto_merge()
        if operation.name == "getBuildStatusStats":
            is_newest = operation.parts["commitId"] == self.commit_of(self.requests[-1])
            newest = self.requests[-1].checks if is_newest else "none"
            none = dict.fromkeys(("cancelled", "failed", "inProgress", "successful", "unknown"), 0)
            return Answer(document=none | BUILDS[newest])
        if (operation.parts["projectKey"], operation.parts["repositorySlug"]) != (OWNER, NAME):
            return self.refused(404)
        if operation.name == "getPage":
            shown = [self._shown(one) for one in self._listed(dict(query))]
            return Answer(document={"values": shown, "isLastPage": True, "size": len(shown), "start": 0})
        if operation.name == "get5":
            enabled = self.auto_merge_setting
            return self.refused(404) if enabled is None else Answer(document={"enabled": enabled})
        if operation.name == "create":
            return self._created(document)
        hosted = self.numbered(operation.parts["pullRequestId"])
        if hosted is None:
            return self.refused(404)
        if operation.name == "get":
            return Answer(document=self._shown(hosted))
        if operation.name == "assignParticipantRole":
            name = document["user"]["name"]
            if name in self.strangers:
                return Answer(status=404, document={"errors": [{"context": None, "message": f"No user {name}"}]})
            if name not in hosted.reviewers:
                hosted.reviewers.append(name)
            return Answer(document={"user": {"name": name}, "role": document["role"], "status": "UNAPPROVED"})
        if hosted.state != "open" or document.get("version") != hosted.version:
            return self.refused(409)
        self._carry_out_on(hosted, operation.name, document)
        return Answer(document=self._shown(hosted))

    def _carry_out_on(self, hosted: Hosted, name: str, document: Any) -> None:
        hosted.version += 1
        if name == "decline":
            hosted.state = "closed"
            hosted.comments.append(document["comment"])
        elif name == "merge":
            if self.auto_merge_setting is None:
                self.merge(hosted)
            hosted.auto_merge = document["strategyId"] if document["autoMerge"] else ""
            hosted.auto_merge_commit = self.commit_of(hosted)
        else:
            hosted.title, hosted.body = document["title"], document.get("description", "")
            hosted.draft = document.get("draft", hosted.draft)
            hosted.reviewers = [one["user"]["name"] for one in document.get("reviewers", ())]

    def _listed(self, query: dict[str, str]) -> list[Hosted]:
        assert query["direction"] == "OUTGOING"
        assert query["order"] == "NEWEST"
        return [
            one
            for one in reversed(self.requests)
            if query["state"] in ("ALL", STATES[one.state]) and query["at"] == HEADS + one.head
        ]

    def _created(self, document: Any) -> Answer:
        head, base = (document[ref]["id"].removeprefix(HEADS) for ref in ("fromRef", "toRef"))
        known = self.open_request(head, base)
        if known is not None:
            said = "Only one pull request may be open for a given source and target branch"
            name = "com.atlassian.bitbucket.pull.DuplicatePullRequestException"
            error = {"context": None, "message": said, "exceptionName": name, "existingPullRequest": self._shown(known)}
            return Answer(status=409, document={"errors": [error]})
        hosted = self.made(head, base, document["title"], body=document["description"], draft=document["draft"])
        return Answer(status=201, document=self._shown(hosted))

    def _shown(self, hosted: Hosted) -> dict[str, Any]:
        return {
            "id": hosted.number,
            "version": hosted.version,
            "title": hosted.title,
            "description": hosted.body,
            "state": STATES[hosted.state],
            "draft": hosted.draft,
            "fromRef": _ref(hosted.head, "~somebody" if hosted.is_of_fork else OWNER, self.commit_of(hosted)),
            "toRef": _ref(hosted.base, OWNER, HEAD_COMMIT),
            "reviewers": [{"user": {"name": one}, "role": "REVIEWER"} for one in hosted.reviewers],
            "links": {"self": [{"href": f"https://bitbucket.example/pull-requests/{hosted.number}"}]},
        }


def _ref(branch: str, project: str, commit: str) -> dict[str, Any]:
    return {
        "id": HEADS + branch,
        "displayId": branch,
        "latestCommit": commit,
        "repository": {"slug": NAME, "project": {"key": project}},
    }
