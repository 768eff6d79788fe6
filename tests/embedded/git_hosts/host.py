"""What all fake Git hosts share: pull requests in memory behind an HTTP server that checks what it is sent.

A host's own module answers as its published description says. Whatever a request has that the description does not
know is kept in ``problems``, which must be empty at the end of a test.
"""

from __future__ import annotations

import json
import threading
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.embedded.git_hosts.described import Description, Operation
from tests.embedded.git_server import git, head_of

OWNER, NAME = "acme", "fleet"
HEAD_COMMIT = "1" * 40
BASE_COMMIT = "2" * 40

Query = Sequence[tuple[str, str]]


@dataclass(kw_only=True)
class Hosted:
    """A pull request as the host keeps it."""

    number: int
    head: str
    base: str
    title: str
    body: str = ""
    state: str = "open"
    draft: bool = False
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    reviews: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    auto_merge: str = ""
    auto_merge_commit: str = ""
    checks: str = "none"
    is_of_fork: bool = False
    version: int = 0
    commit: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer; ``document`` is sent as JSON, None as an empty body."""

    status: int = 200
    document: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeHost(ThreadingHTTPServer):
    """One repository of a host.

    Attributes:
        requests: its pull requests, in the order in which they were made.
        calls: the operations that were asked for.
        problems: what the description does not know.
        authorizations: the values of the header that are let in.
        refusals: the answers to the next requests, whatever they ask for.
        refusals_of: the answer to the next request for an operation.
        bare: a real repository whose branches the requests are of; None for one with a commit that never changes.
        ahead: how many commits a commit has that another one has not, as far as it was asked.
        lost: operations that are carried out and never answered.
        strangers: names of whom the host takes none for a reviewer.
        loses: the number of the one call that is carried out and never answered, as the length of ``calls`` with it.
        delay_s: how long each answer takes.
    """

    daemon_threads = True
    description: Description | None = None
    bare: Path | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.ahead: dict[tuple[str, str], str] = {}
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget everything, as a new fake would."""
        self.requests: list[Hosted] = []
        self.calls: list[str] = []
        self.problems: list[str] = []
        self.authorizations: set[str] = set()
        self.refusals: list[Answer] = []
        self.refusals_of: dict[str, Answer] = {}
        self.lost: set[str] = set()
        self.strangers: set[str] = set()
        self.loses = 0
        self.delay_s = 0.0

    @property
    def origin(self) -> str:
        """Return the scheme, the host and the port."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @abstractmethod
    def carry_out(self, operation: Operation, query: Query, document: Any) -> Answer:
        """Answer a request that is as the description says."""

    @abstractmethod
    def refused(self, status: int) -> Answer:
        """Return the host's answer for a token that is refused (401), a right that is missing (403), or 404, 500."""

    def made(self, head: str, base: str, title: str, **values: Any) -> Hosted:
        """Make a pull request, as a person would."""
        found = Hosted(number=len(self.requests) + 1, head=head, base=base, title=title, **values)
        self.requests.append(found)
        return found

    def open_request(self, head: str, base: str) -> Hosted | None:
        """Return the open one from this repository's head."""
        return next(
            (
                one
                for one in self.requests
                if (one.head, one.base, one.state, one.is_of_fork) == (head, base, "open", False)
            ),
            None,
        )

    def numbered(self, number: str) -> Hosted | None:
        """Return the pull request of a number."""
        return next((one for one in self.requests if str(one.number) == number), None)

    def branch(self, name: str) -> str:
        """Return the commit of a branch; empty if there is none."""
        return HEAD_COMMIT if self.bare is None else head_of(self.bare, name)

    def commit_of(self, hosted: Hosted) -> str:
        """Return the head commit of a pull request, which stays when the request is not open any more."""
        if hosted.state == "open" or not hosted.commit:
            hosted.commit = self.branch(hosted.head) or hosted.commit
        return hosted.commit

    def cancel_stale_auto_merge(self) -> None:
        """Forget auto-merge that was asked for another head commit than that of now."""
        for one in self.requests:
            if one.auto_merge and one.auto_merge_commit != self.commit_of(one):
                one.auto_merge = ""

    def offers(self, head: str, base: str) -> bool:
        """Tell whether a branch has commits that another one has not."""
        if self.bare is None:
            return True
        commits = self.branch(head), self.branch(base)
        if not all(commits):
            return False
        if commits not in self.ahead:
            # Commits do not change, so the answer for two of them stays.
            self.ahead[commits] = git("rev-list", "--count", commits[0], f"^{commits[1]}", folder=self.bare).strip()
        return self.ahead[commits] != "0"

    def _close_what_offers_nothing(self) -> None:
        """Close requests whose branch is gone, or is its base by now, as hosts do by themselves."""
        for one in self.requests if self.bare is not None else ():
            if one.state == "open" and not self.offers(one.head, one.base):
                one.state = "closed"

    def merge(self, hosted: Hosted) -> None:
        """Merge as a person does: the base branch gets a merge commit, and the push branch is gone."""
        commit = self.commit_of(hosted)
        if self.bare is not None:
            parents = ("-p", self.branch(hosted.base), "-p", commit)
            message = f"Merge #{hosted.number}"
            made = git("commit-tree", f"{commit}^{{tree}}", *parents, "-m", message, folder=self.bare)
            git("update-ref", f"refs/heads/{hosted.base}", made.strip(), folder=self.bare)
            git("update-ref", "-d", f"refs/heads/{hosted.head}", folder=self.bare)
        hosted.state = "merged"

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Check a request and carry it out."""
        url = urlsplit(target)
        query = parse_qsl(url.query, keep_blank_values=True)
        assert self.description is not None
        operation = self.description.operation(method, url.path)
        if operation is None:
            self.problems.append(f"no operation {method} {url.path}")
            return self.refused(404)
        self.calls.append(operation.name)
        if self.refusals:
            return self.refusals.pop(0)
        if operation.name in self.refusals_of:
            return self.refusals_of.pop(operation.name)
        if headers.get("Authorization", "") not in self.authorizations:
            return self.refused(401)
        document = json.loads(body) if body else None
        if body and headers.get("Content-Type") != "application/json":
            self.problems.append(f"{operation.name}: the body is {headers.get('Content-Type')}")
        found = list(self.description.problems_of_request(operation, query, document))
        if found:
            self.problems += found
            return self.refused(400)
        self._close_what_offers_nothing()
        answer = self.carry_out(operation, query, document)
        self.problems += self.description.problems_of_answer(operation, answer.status, answer.document)
        return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FakeHost

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(self.server.delay_s)
        with self.server.lock:
            answer = self.server.answer(self.command, self.path, dict(self.headers), body)
            calls = self.server.calls
            if calls and (calls[-1] in self.server.lost or len(calls) == self.server.loses):
                self.close_connection = True
                return
        sent = b"" if answer.document is None else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", **answer.headers, "Content-Length": str(len(sent))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815


@contextmanager
def running(host: FakeHost) -> Iterator[None]:
    """Serve until the end of the with block."""
    thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        host.shutdown()
        host.server_close()
        thread.join()
