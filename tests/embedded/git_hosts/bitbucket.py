"""A fake Bitbucket Cloud."""

from __future__ import annotations

import re
from typing import Any

from tests.embedded.git_hosts.described import Operation, described
from tests.embedded.git_hosts.host import HEAD_COMMIT, NAME, OWNER, Answer, FakeHost, Hosted, Query

STATES = {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"}
CHECKS = {"none": [], "pending": ["SUCCESSFUL", "INPROGRESS"], "passed": ["SUCCESSFUL"], "failed": ["FAILED"]}
_TERM = re.compile(r'([\w.]+) = "((?:[^"\\]|\\.)*)"')


class BitbucketCloud(FakeHost):
    """Answers for one repository. As the real one, it shows the first digits of commits."""

    description = described("bitbucket")

    def refused(self, status: int) -> Answer:
        """Return an error object."""
        return Answer(status=status, document={"type": "error", "error": {"message": f"refused with {status}"}})

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Carry out an operation."""
        if (operation.parts["workspace"], operation.parts["repo_slug"]) != (OWNER, NAME):
            return self.refused(404)
        if operation.name == "listPullRequests":
            return Answer(document={"values": [self._shown(one) for one in self._listed(query)]})
        if operation.name == "createAPullRequest":
            return self._created(document)
        hosted = self.numbered(operation.parts["pull_request_id"])
        if hosted is None:
            return self.refused(404)
        if operation.name == "listCommitStatusesForAPullRequest":
            found = [{"type": "build", "key": f"b{n}", "state": one} for n, one in enumerate(CHECKS[hosted.checks])]
            return Answer(document={"values": found})
        if operation.name == "createACommentOnAPullRequest":
            hosted.comments.append(document["content"]["raw"])
            return Answer(status=201, document={"type": "pullrequest_comment", "id": len(hosted.comments)})
        if operation.name == "getAPullRequest":
            return Answer(document=self._shown(hosted, whole=True))
        if hosted.state != "open":
            return self.refused(400)
        if operation.name == "declineAPullRequest":
            hosted.state = "closed"
        elif self.strangers & {one.get("uuid") or one["account_id"] for one in document.get("reviewers", ())}:
            error = {"message": "Bad request", "fields": {"reviewers": ["Malformed reviewers list"]}}
            return Answer(status=400, document={"type": "error", "error": error})
        else:
            self._update(hosted, document)
        return Answer(document=self._shown(hosted, whole=True))

    def _listed(self, query: Query) -> list[Hosted]:
        states = [value for name, value in query if name == "state"] or ["OPEN"]
        words = next((value for name, value in query if name == "q"), "")
        if words and _TERM.sub("", words).replace(" AND ", "").strip():
            self.problems.append(f"q cannot be read: {words}")
        terms = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _TERM.findall(words)}
        found = []
        for one in reversed(self.requests):
            source = "other/fork" if one.is_of_fork else f"{OWNER}/{NAME}"
            values = {
                "source.branch.name": one.head,
                "source.repository.full_name": source,
                "destination.branch.name": one.base,
            }
            if STATES[one.state] in states and all(values[name] == value for name, value in terms.items()):
                found.append(one)
        return found

    def _created(self, document: Any) -> Answer:
        head, base = document["source"]["branch"]["name"], document["destination"]["branch"]["name"]
        hosted = self.open_request(head, base)
        if hosted is None:
            hosted = self.made(head, base, document["title"], body=document.get("description", ""))
            hosted.draft = document.get("draft", False)
        return Answer(status=201, document=self._shown(hosted, whole=True))

    def _update(self, hosted: Hosted, document: Any) -> None:
        """Change what is named; the title is required, and reviewers that are not named are removed."""
        if not document.get("title"):
            self.problems.append("an update without a title")
        hosted.title = document["title"]
        hosted.body = document.get("description", hosted.body)
        hosted.draft = document.get("draft", False)
        hosted.reviewers = [one.get("uuid") or one["account_id"] for one in document.get("reviewers", ())]

    def _shown(self, hosted: Hosted, *, whole: bool = False) -> dict[str, Any]:
        source = "other/fork" if hosted.is_of_fork else f"{OWNER}/{NAME}"
        shown: dict[str, Any] = {
            "type": "pullrequest",
            "id": hosted.number,
            "title": hosted.title,
            "description": hosted.body,
            "state": STATES[hosted.state],
            "draft": hosted.draft,
            "links": {"html": {"href": f"https://bitbucket.org/{OWNER}/{NAME}/pull-requests/{hosted.number}"}},
            "source": {
                "branch": {"name": hosted.head},
                "commit": {"hash": HEAD_COMMIT[:12]},
                "repository": {"type": "repository", "full_name": source},
            },
            "destination": {
                "branch": {"name": hosted.base},
                "repository": {"type": "repository", "full_name": f"{OWNER}/{NAME}"},
            },
        }
        if whole:
            shown["reviewers"] = [
                {"type": "user", "display_name": "somebody", ("uuid" if one.startswith("{") else "account_id"): one}
                for one in hosted.reviewers
            ]
        return shown
