"""Git hosts that cannot be had here: their APIs on loopback, over a real bare repository.

A host answers as its published description says, and refuses every request that the description does not know: another
method or path, a parameter or a member that is not there, a missing or wrong Authorization. ``violations`` names those.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator

from tests.embedded.git_server import git

DESCRIPTIONS = Path(__file__).parents[1] / "data" / "git_hosts"
TOKEN = "token-of-the-bot"


@dataclass
class HostedRequest:
    """A pull request as the host keeps it."""

    number: int
    head: str
    base: str
    title: str
    body: str
    draft: bool = False
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    auto_merge: str = ""
    head_commit: str = ""


@dataclass(frozen=True)
class Call:
    """A request that came in; ``values`` are the parts of the path that the description names."""

    method: str
    path: str
    operation: str
    values: Mapping[str, str]
    query: Mapping[str, str]
    document: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeGitHost(ThreadingHTTPServer):
    """One repository of a host.

    Attributes:
        bare: the repository whose branches the requests are of.
        calls: the operations that were asked for, in order.
        refusals: replies to the next call of an operation instead of the real one, or after it has been carried out
            (``lost``), as when an answer is lost on its way.
        checks: what the host says of every head commit.
    """

    daemon_threads = True
    kind = ""

    def __init__(self, bare: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bare = bare
        self.requests: list[HostedRequest] = []
        self.calls: list[str] = []
        self.violations: list[str] = []
        self.refusals: dict[str, Reply] = {}
        self.lost: dict[str, Reply] = {}
        self.checks = ""
        self.merged: dict[str, str] = {}
        self.lock = threading.Lock()
        description = json.loads((DESCRIPTIONS / f"{self.kind}.json").read_text())
        self.operations: Sequence[Mapping[str, Any]] = description["operations"]

    @property
    def api(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, call: Call) -> Reply:
        """Carry out an operation by its name."""
        found: Reply = getattr(self, "on_" + call.operation.replace("-", "_"))(call)
        return found

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        """Whether the request has the token as this host wants it."""
        return headers.get("Authorization") == f"Bearer {TOKEN}"

    def refuse(self, status: int, message: str, **headers: str) -> Reply:
        """A refusal as this host words it."""
        return Reply(status, {"message": message}, headers)

    def branch(self, name: str) -> str:
        """The commit of a branch; empty if there is none."""
        command = ["git", "-C", str(self.bare), "rev-parse", "--verify", "--quiet", f"refs/heads/{name}"]
        return subprocess.run(command, capture_output=True, check=False).stdout.decode().strip()

    def has_commits(self, head: str, base: str) -> bool:
        """Whether a branch has commits that another one has not."""
        return git("rev-list", "--count", f"refs/heads/{base}..refs/heads/{head}", folder=self.bare).strip() != "0"

    def find(self, number: str) -> HostedRequest | None:
        """A request as it is now: one whose branch is gone or offers nothing is closed, as hosts do it."""
        found = next((one for one in self.requests if str(one.number) == number), None)
        if found is not None and found.state == "open":
            found.head_commit = self.branch(found.head)
            if not found.head_commit or not self.has_commits(found.head, found.base):
                found.state = "closed"
        return found

    def listed(self) -> list[HostedRequest]:
        """All requests as they are now, the newest first."""
        found = [self.find(str(one.number)) for one in self.requests]
        return [one for one in reversed(found) if one is not None]

    def open_between(self, head: str, base: str) -> HostedRequest | None:
        """The open request between two branches."""
        return next((one for one in self.listed() if (one.head, one.base, one.state) == (head, base, "open")), None)

    def begin(self, head: str, base: str, title: str, body: str, *, draft: bool = False) -> HostedRequest:
        """Make a request."""
        new = HostedRequest(number=len(self.requests) + 1, head=head, base=base, title=title, body=body, draft=draft)
        new.head_commit = self.branch(head)
        self.requests.append(new)
        return new

    def merge(self, number: int = 1) -> None:
        """Merge as a person does: a merge commit on the base branch, and the push branch is gone."""
        request = self.find(str(number))
        assert request is not None and request.state == "open", request
        base = self.branch(request.base)
        tree = f"{request.head_commit}^{{tree}}"
        parents = ("-p", base, "-p", request.head_commit)
        commit = git("commit-tree", tree, *parents, "-m", f"Merge #{number}", folder=self.bare).strip()
        git("update-ref", f"refs/heads/{request.base}", commit, folder=self.bare)
        git("update-ref", "-d", f"refs/heads/{request.head}", folder=self.bare)
        request.state = "merged"

    def close_by_hand(self, number: int = 1) -> None:
        """Close as a person does."""
        request = self.find(str(number))
        assert request is not None and request.state == "open", request
        request.state = "closed"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a client may go away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeGitHost

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            reply = self._reply(body)
        text = b"" if reply.document is None else json.dumps(reply.document).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

    def _reply(self, body: bytes) -> Reply:
        server = self.server
        try:
            call = self._call(body)
        except _NotAsDescribed as problem:
            server.violations.append(f"{self.command} {self.path}: {problem}")
            return Reply(400, {"message": str(problem)})
        server.calls.append(call.operation)
        if not server.is_authorized(call.headers):
            return server.refuse(401, "Bad credentials")
        refusal = server.refusals.pop(call.operation, None)
        if refusal is not None:
            return refusal
        reply = server.answer(call)
        return server.lost.pop(call.operation, reply)

    def _call(self, body: bytes) -> Call:
        url = urlsplit(self.path)
        for operation in self.server.operations:
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(operation["path"]))
            found = re.fullmatch(pattern, url.path)
            if found is None or operation["method"] != self.command:
                continue
            query = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)))
            document = _checked(operation, query, body, dict(self.headers))
            values = {name: unquote(value) for name, value in found.groupdict().items()}
            return Call(self.command, url.path, operation["id"], values, query, document, dict(self.headers))
        raise _NotAsDescribed("no such operation")


class _NotAsDescribed(Exception):
    """A request that the host's description does not know."""


def _checked(operation: Mapping[str, Any], query: Mapping[str, str], body: bytes, headers: Mapping[str, str]) -> Any:
    """The body of a request that follows the description."""
    schema = {"type": "object", "additionalProperties": False, "properties": operation.get("query", {})}
    problems = [error.message for error in Draft202012Validator(schema).iter_errors(query)]
    wanted = operation.get("body")
    document = None
    if wanted is None and body:
        problems.append("a body that nobody reads")
    if wanted is not None:
        if not headers.get("Content-Type", "").startswith("application/json"):
            problems.append("no Content-Type application/json")
        document = json.loads(body or b"null")
        problems += [error.message for error in Draft202012Validator(wanted).iter_errors(document)]
    if "User-Agent" not in headers:
        problems.append("no User-Agent")
    if problems:
        raise _NotAsDescribed("; ".join(problems))
    return document


@contextlib.contextmanager
def serving(host: FakeGitHost) -> Iterator[FakeGitHost]:
    """Run a host until the end of the with block; a request that was not as described fails the test."""
    with host:
        thread = threading.Thread(target=host.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield host
        finally:
            host.shutdown()
            thread.join()
    assert host.violations == []
