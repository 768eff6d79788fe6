"""A fake GitLab: merge requests of one project, whose path has a group in a group."""

from __future__ import annotations

from typing import Any

from tests.embedded.git_hosts.described import Operation, described
from tests.embedded.git_hosts.host import NAME, OWNER, Answer, FakeHost, Hosted, Query

GROUP = "platform"
STATES = {"open": "opened", "merged": "merged", "closed": "closed"}
PIPELINES = {"pending": "running", "passed": "success", "failed": "failed"}
DRAFT = "Draft: "
USERS = {"alice": 7, "{a-person}": 8, "mallory": 9}


class GitLab(FakeHost):
    """Answers for one project. A title with GitLab's prefix makes a draft.

    Attributes:
        pipeline_commit: the commit of the head pipelines, if they are not of the head commits.
        merged_results: the parents of the commits that pipelines of merged results are of.
        auto_merge_names: the parameters that ask for auto-merge; a server passes over those that it does not know.
    """

    description = described("gitlab")
    auto_merge_names = ("auto_merge", "merge_when_pipeline_succeeds")

    def begin_anew(self) -> None:
        """Forget everything."""
        super().begin_anew()
        self.pipeline_commit = ""
        self.merged_results: dict[str, list[str]] = {}

    def refused(self, status: int) -> Answer:
        """Return one message."""
        return Answer(status=status, document={"message": f"refused with {status}"})

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Carry out an operation, after auto-merge was cancelled where commits were added."""
        self.cancel_stale_auto_merge()
        if operation.name == "listUsers":
            name = dict(query)["username"]
            return Answer(document=[{"id": USERS[name], "username": name}] if name in USERS else [])
        if operation.parts["id"] != f"{OWNER}/{GROUP}/{NAME}":
            return self.refused(404)
        if operation.name == "getCommit":
            sha = operation.parts["sha"]
            parents = self.merged_results.get(sha)
            return self.refused(404) if parents is None else Answer(document={"id": sha, "parent_ids": parents})
        if operation.name == "listMergeRequests":
            return Answer(document=[self._shown(one) for one in self._listed(dict(query))])
        if operation.name == "createMergeRequest":
            return self._created(document)
        hosted = self.numbered(operation.parts["iid"])
        if hosted is None:
            return self.refused(404)
        if operation.name == "createNote":
            hosted.comments.append(document["body"])
            return Answer(status=201, document={"id": 1, "body": document["body"]})
        if operation.name == "acceptMergeRequest":
            if hosted.auto_merge or hosted.state != "open":
                return self.refused(405)
            if document["sha"] != self.commit_of(hosted):
                said = "SHA does not match HEAD of source branch"
                return Answer(status=409, document={"message": said})
            if not any(document.get(one) for one in self.auto_merge_names):
                self.merge(hosted)
                return Answer(document=self._shown(hosted))
            hosted.auto_merge = "squash" if document["squash"] else "merge"
            hosted.auto_merge_commit = self.commit_of(hosted)
        elif operation.name == "updateMergeRequest":
            self._update(hosted, document)
        return Answer(document=self._shown(hosted))

    def _update(self, hosted: Hosted, document: Any) -> None:
        hosted.draft = document.get("title", DRAFT if hosted.draft else "").startswith(DRAFT)
        hosted.title = document.get("title", hosted.title).removeprefix(DRAFT)
        hosted.body = document.get("description", hosted.body)
        added = [one for one in document.get("add_labels", "").split(",") if one]
        hosted.labels += [one for one in added if one not in hosted.labels]
        if "reviewer_ids" in document:
            names = {number: name for name, number in USERS.items()}
            wanted = [names[one] for one in document["reviewer_ids"]]
            # Who is no member of the project is passed over.
            hosted.reviewers = [one for one in wanted if one not in self.strangers]
        if document.get("state_event") == "close" and hosted.state == "open":
            hosted.state = "closed"

    def _listed(self, query: dict[str, str]) -> list[Hosted]:
        assert (query["order_by"], query["sort"]) == ("created_at", "desc")
        return [
            one
            for one in reversed(self.requests)
            if query["state"] in ("all", STATES[one.state])
            and (one.head, one.base) == (query["source_branch"], query["target_branch"])
        ]

    def _created(self, document: Any) -> Answer:
        head, base = document["source_branch"], document["target_branch"]
        known = self.open_request(head, base)
        if known is not None:
            said = f"Another open merge request already exists for this source branch: !{known.number}"
            return Answer(status=409, document={"message": [said]})
        title = document["title"]
        is_draft = title.startswith(DRAFT)
        hosted = self.made(head, base, title.removeprefix(DRAFT), body=document["description"], draft=is_draft)
        return Answer(status=201, document=self._shown(hosted))

    def _pipeline(self, hosted: Hosted, status: str, commit: str) -> dict[str, Any]:
        sha = self.pipeline_commit or commit
        ref = f"refs/merge-requests/{hosted.number}/merge" if sha in self.merged_results else hosted.head
        return {"id": 1, "status": status, "sha": sha, "ref": ref}

    def _shown(self, hosted: Hosted) -> dict[str, Any]:
        pipeline, commit = PIPELINES.get(hosted.checks), self.commit_of(hosted)
        return {
            "id": 1000 + hosted.number,
            "iid": hosted.number,
            "source_project_id": 2 if hosted.is_of_fork else 1,
            "target_project_id": 1,
            "web_url": f"https://gitlab.example/-/merge_requests/{hosted.number}",
            "state": STATES[hosted.state],
            "title": DRAFT + hosted.title if hosted.draft else hosted.title,
            "description": hosted.body,
            "draft": hosted.draft,
            "source_branch": hosted.head,
            "target_branch": hosted.base,
            "sha": commit,
            "labels": list(hosted.labels),
            "reviewers": [{"id": USERS[one], "username": one} for one in hosted.reviewers],
            "merge_when_pipeline_succeeds": bool(hosted.auto_merge),
            "head_pipeline": self._pipeline(hosted, pipeline, commit) if pipeline else None,
        }
