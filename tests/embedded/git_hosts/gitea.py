"""A fake Gitea, which stands for Forgejo too."""

from __future__ import annotations

from typing import Any

from tests.embedded.git_hosts.described import Operation, described
from tests.embedded.git_hosts.host import BASE_COMMIT, NAME, OWNER, Answer, FakeHost, Hosted, Query

STATUSES = {"none": "", "pending": "pending", "passed": "success", "failed": "failure"}
DRAFT = "WIP: "
LABELS = {"images": 3, "bot": 4}


class Gitea(FakeHost):
    """Answers for one repository. Lists have every request, as Gitea's have; a title with its prefix makes a draft.

    Attributes:
        unknown_labels: what is none of the repository's labels; Gitea passes over it.
        version: of the server; it passes over ``merge_when_checks_succeed`` before 1.17, and takes labels by their
            numbers only before 1.22.
        has_conflicts: whether branches cannot be merged.
    """

    description = described("gitea")
    version = "1.23.1"
    has_conflicts = False
    unknown_labels = frozenset({"misspelt"})

    def refused(self, status: int) -> Answer:
        """Return one message."""
        return Answer(status=status, document={"message": f"refused with {status}", "url": "https://gitea.example/api"})

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Carry out an operation."""
        if operation.name == "getVersion":
            return Answer(document={"version": self.version})
        if operation.name == "orgListLabels":
            return Answer(document=[{"id": 7, "name": "of-the-organization"}])
        if (operation.parts["owner"], operation.parts["repo"]) != (OWNER, NAME):
            return self.refused(404)
        if operation.name == "repoGetCombinedStatusByRef":
            ref = operation.parts["ref"]
            state = STATUSES[self.requests[-1].checks] if ref == self.commit_of(self.requests[-1]) else ""
            return Answer(document={"sha": ref, "state": state, "total_count": int(bool(state))})
        if operation.name == "issueListLabels":
            return Answer(document=[{"id": number, "name": name} for name, number in LABELS.items()])
        if operation.name == "repoListPullRequests":
            return Answer(document=self._listed(dict(query)))
        if operation.name == "repoGetPullRequestByBaseHead":
            wanted = (operation.parts["base"], operation.parts["head"])
            ours = [one for one in self.requests if not one.is_of_fork]
            found = next((one for one in ours if (one.base, one.head) == wanted), None)
            return Answer(document=self._shown(found)) if found else self.refused(404)
        if operation.name == "repoCreatePullRequest":
            return self._created(document)
        hosted = self.numbered(operation.parts["index"])
        if hosted is None:
            return self.refused(404)
        return self._carry_out_on(hosted, operation.name, document)

    def _carry_out_on(self, hosted: Hosted, name: str, document: Any) -> Answer:
        if name == "issueCreateComment":
            hosted.comments.append(document["body"])
            return Answer(status=201, document={"id": 1, "body": document["body"]})
        if name == "issueAddLabel":
            if self.version.startswith(("1.21", "1.20")):
                names = {7: "of-the-organization"} | {number: name for name, number in LABELS.items()}
                if not all(isinstance(one, int) for one in document["labels"]):
                    said = "json: cannot unmarshal string into Go struct field IssueLabelsOption.labels of type int64"
                    return Answer(status=422, document={"message": said})
                document = {"labels": [names[one] for one in document["labels"]]}
            known = [one for one in document["labels"] if one not in self.unknown_labels]
            hosted.labels += [one for one in known if one not in hosted.labels]
            return Answer(document=[{"id": 1, "name": one} for one in hosted.labels])
        if name == "repoCreatePullReviewRequests":
            return self._reviews_requested(hosted, document)
        if name == "repoListPullReviews":
            asked = [{"id": 1, "state": "REQUEST_REVIEW", "user": {"login": one}} for one in hosted.reviewers]
            done = [{"id": 2, "state": "APPROVED", "user": {"login": one}} for one in hosted.reviews]
            return Answer(document=[*asked, *done])
        if name == "repoMergePullRequest":
            return self._merged(hosted, document)
        if name == "repoEditPullRequest":
            hosted.draft = document.get("title", DRAFT if hosted.draft else "").startswith(DRAFT)
            hosted.title = document.get("title", hosted.title).removeprefix(DRAFT)
            hosted.body = document.get("body", hosted.body)
            if document.get("state") == "closed" and hosted.state == "open":
                hosted.state = "closed"
            return Answer(status=201, document=self._shown(hosted))
        return Answer(document=self._shown(hosted))

    def _reviews_requested(self, hosted: Hosted, document: Any) -> Answer:
        """Nobody is asked if one of them does not exist; who has reviewed is asked anew."""
        wanted = document["reviewers"]
        unknown = [one for one in wanted if one in self.strangers]
        if unknown:
            errors = [f"User '{unknown[0]}' not exist"]
            return Answer(status=404, document={"message": "The target couldn't be found.", "errors": errors})
        hosted.reviewers += [one for one in wanted if one not in hosted.reviewers]
        hosted.reviews = [one for one in hosted.reviews if one not in wanted]
        return Answer(status=201, document=[])

    def _merged(self, hosted: Hosted, document: Any) -> Answer:
        """Merge at once, or when the checks have passed; conflicts are a 409 as what is asked for already is."""
        if self.has_conflicts:
            return Answer(status=409, document={"message": "merge conflict"})
        if self.version.startswith(("1.16", "1.15")) or not document.get("merge_when_checks_succeed"):
            self.merge(hosted)
            return Answer(status=200)
        if hosted.auto_merge:
            said = f"pull request is already scheduled to auto merge when checks succeed [pull_id: {hosted.number}]"
            return Answer(status=409, document={"message": said, "url": "https://gitea.example/api"})
        assert document["head_commit_id"] == self.commit_of(hosted)
        hosted.auto_merge = document["Do"]
        return Answer(status=201)

    def _listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found = [one for one in reversed(self.requests) if query["state"] == "all" or one.state == query["state"]]
        start = (int(query["page"]) - 1) * int(query["limit"])
        return [self._shown(one) for one in found[start : start + int(query["limit"])]]

    def _created(self, document: Any) -> Answer:
        head, base = document["head"], document["base"]
        if self.open_request(head, base) is not None:
            said = (
                "pull request already exists for these targets [id: 5, issue_id: 9, head_repo_id: 1, base_repo_id: 1]"
            )
            return Answer(status=409, document={"message": said})
        title = document["title"]
        is_draft = title.startswith(DRAFT)
        hosted = self.made(head, base, title.removeprefix(DRAFT), body=document["body"], draft=is_draft)
        return Answer(status=201, document=self._shown(hosted))

    def _shown(self, hosted: Hosted) -> dict[str, Any]:
        return {
            "number": hosted.number,
            "html_url": f"https://gitea.example/pulls/{hosted.number}",
            "state": "open" if hosted.state == "open" else "closed",
            "merged": hosted.state == "merged",
            "title": DRAFT + hosted.title if hosted.draft else hosted.title,
            "body": hosted.body,
            "labels": [{"id": 1, "name": one} for one in hosted.labels],
            "head": {"ref": hosted.head, "sha": self.commit_of(hosted), "repo_id": 2 if hosted.is_of_fork else 1},
            "base": {"ref": hosted.base, "sha": BASE_COMMIT, "repo_id": 1},
        }
