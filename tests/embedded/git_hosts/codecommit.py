"""A fake CodeCommit, whose requests and answers are checked by botocore's own model of the service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel
from botocore.session import get_session
from botocore.validate import ParamValidator

from tests.embedded.git_hosts.described import Operation
from tests.embedded.git_hosts.host import BASE_COMMIT, HEAD_COMMIT, NAME, Answer, FakeHost, Hosted, Query

TARGET = "CodeCommit_20150413."
STATUSES = {401: "UnrecognizedClientException", 403: "AccessDeniedException", 404: "RepositoryDoesNotExistException"}
PAGE = 2


class CodeCommit(FakeHost):
    """Answers for one repository. As the real one, it opens a second request for the same branches."""

    def __init__(self) -> None:
        super().__init__()
        session = get_session()
        self.model = ServiceModel(session.get_component("data_loader").load_service_model("codecommit", "service-2"))

    def begin_anew(self) -> None:
        """Forget the tokens of clients too."""
        super().begin_anew()
        self.tokens: dict[str, Hosted] = {}

    def refused(self, status: int) -> Answer:
        """Return an exception by its type."""
        if status >= 500:
            return Answer(status=500, document={"__type": "InternalFailure", "message": f"refused with {status}"})
        kind = STATUSES.get(status, "ThrottlingException")
        return Answer(status=400, document={"__type": kind, "message": f"refused with {status}"})

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Check a request against the input shape of its operation, and the answer against the output shape."""
        name = headers.get("X-Amz-Target", "").removeprefix(TARGET)
        self.calls.append(name)
        if self.refusals:
            return self.refusals.pop(0)
        if "AWS4-HMAC-SHA256" not in headers.get("Authorization", ""):
            return self.refused(401)
        operation, document = self.model.operation_model(name), json.loads(body)
        self._check(operation.input_shape, document)
        answer = self._answered(operation, document)
        if answer.status == 200:
            self._check(operation.output_shape, answer.document)
        return answer

    def _check(self, shape: Any, document: Any) -> None:
        report = ParamValidator().validate(document, shape)
        unknown = sorted(set(document) - set(shape.members))
        self.problems += [report.generate_report()] if report.has_errors() else []
        self.problems += [f"{shape.name}: unknown member {one}" for one in unknown]

    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Not used: operations are named in a header here."""
        raise NotImplementedError

    def _answered(self, operation: OperationModel, document: Any) -> Answer:
        if document.get("repositoryName", NAME) != NAME:
            return self.refused(404)
        if operation.name == "ListPullRequests":
            return self._listed(document)
        if operation.name == "CreatePullRequest":
            return Answer(document={"pullRequest": self._shown(self._created(document))})
        found = self.numbered(document["pullRequestId"])
        if found is None:
            return _error("PullRequestDoesNotExistException")
        if operation.name == "PostCommentForPullRequest":
            found.comments.append(document["content"])
            return Answer(document={"repositoryName": NAME, "pullRequestId": document["pullRequestId"]})
        if operation.name != "GetPullRequest":
            if found.state != "open":
                is_status = operation.name == "UpdatePullRequestStatus"
                return _error(
                    "InvalidPullRequestStatusUpdateException" if is_status else "PullRequestAlreadyClosedException"
                )
            found.title = document.get("title", found.title)
            found.body = document.get("description", found.body)
            found.state = "closed" if document.get("pullRequestStatus") == "CLOSED" else found.state
        return Answer(document={"pullRequest": self._shown(found)})

    def _created(self, document: Any) -> Hosted:
        """The client's token makes a repeated request the same one."""
        token = document["clientRequestToken"]
        if token not in self.tokens:
            target = document["targets"][0]
            made = self.made(target["sourceReference"], target["destinationReference"], document["title"])
            made.body = document["description"]
            self.tokens[token] = made
        return self.tokens[token]

    def _listed(self, document: Any) -> Answer:
        """A page of numbers, in no order that anybody could rely on."""
        wanted = document["pullRequestStatus"]
        found = [str(one.number) for one in self.requests if (one.state == "open") == (wanted == "OPEN")]
        start = int(document.get("nextToken") or 0)
        page: dict[str, Any] = {"pullRequestIds": found[start : start + PAGE]}
        return Answer(document=page | ({"nextToken": str(start + PAGE)} if len(found) > start + PAGE else {}))

    def _shown(self, hosted: Hosted) -> dict[str, Any]:
        return {
            "pullRequestId": str(hosted.number),
            "title": hosted.title,
            "description": hosted.body,
            "pullRequestStatus": "OPEN" if hosted.state == "open" else "CLOSED",
            "pullRequestTargets": [
                {
                    "repositoryName": NAME,
                    "sourceReference": f"refs/heads/{hosted.head}",
                    "destinationReference": f"refs/heads/{hosted.base}",
                    "sourceCommit": HEAD_COMMIT,
                    "destinationCommit": BASE_COMMIT,
                    "mergeMetadata": {"isMerged": hosted.state == "merged"},
                }
            ],
        }


def _error(kind: str) -> Answer:
    return Answer(status=400, document={"__type": kind, "message": f"it is a {kind}"})
