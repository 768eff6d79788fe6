"""A Git server on loopback: `git http-backend` behind a small HTTP server with threads."""

from __future__ import annotations

import argparse
import base64
import contextlib
import functools
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

SOMEBODY = "somebody <somebody@example.com>"
IDENTITY = {
    "GIT_AUTHOR_NAME": "somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.com",
    "GIT_COMMITTER_NAME": "somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[gc]
\tauto = 0
[http]
\treceivepack = true
[receive]
\tadvertisePushOptions = true
\tautogc = false
[uploadpack]
\tallowFilter = true
"""
"""The configuration of a bare repository. Git collects no garbage: that would cost a process after each push."""


class GitServer(ThreadingHTTPServer):
    """Serves the repositories below ``root``; ``before_push`` is called before a push reaches Git.

    ``tokens`` are accepted as bearer tokens. For the paths in ``moved``, ``info/refs`` is redirected to the given
    address and everything else is refused, as GitLab does. ``refusal`` is the answer to every request; ``failures`` are
    the answers to the requests with these numbers. Requests whose path and body ``hangs`` picks are never answered.
    """

    daemon_threads = True

    def __init__(
        self, root: Path, users: Mapping[str, str] | None = None, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.tokens: set[str] = set()
        self.moved: dict[str, str] = {}
        self.refusal: tuple[int, str, bytes] | None = None
        self.failures: dict[int, tuple[int, str, bytes]] = {}
        self.root = root
        self.users = users or {}
        self.requests: list[str] = []
        self.bytes_in, self.bytes_out = 0, 0
        self.before_push: Callable[[], object] | None = None
        self.speaks_version_2 = True
        self.hangs: Callable[[str, bytes], bool] = lambda path, body: False
        self.ends = threading.Event()

    def url(self, name: str) -> str:
        """Return the URL of the repository ``name``."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/{name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a client that distrusts the certificate closes the connection, which is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: on a kept connection, the second one would wait 40 ms for the client's system.
    disable_nagle_algorithm = True
    server: GitServer

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append(f"{self.command} {self.path}")
        self.server.bytes_in += len(body)
        url = urlsplit(self.path)
        if self.server.hangs(url.path, body):
            self.server.ends.wait()
            return
        user = self._user()
        refusal = self.server.refusal or self.server.failures.get(len(self.server.requests))
        if refusal:
            status, kind, text = refusal
            self._answer(status, {"Content-Type": kind}, text)
            return
        place = self.server.moved.get(url.path.rpartition("/info/refs")[0] or url.path.rpartition("/")[0])
        if place:
            self._answer(301 if self.command == "GET" else 422, {"Location": f"{place}/info/refs?{url.query}"}, b"")
            return
        if (self.server.users or self.server.tokens) and user is None:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
            return
        if url.path.endswith("/git-receive-pack") and self.server.before_push:
            self.server.before_push()
        environ = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", "") if self.server.speaks_version_2 else "",
            "REMOTE_USER": user or "anonymous",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run([_backend()], input=body, capture_output=True, env=environ, check=False)
        self._relay(done.stdout)

    do_GET = do_POST = _any  # noqa: N815

    def _relay(self, output: bytes) -> None:
        head, _, body = output.partition(b"\r\n\r\n")
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n") if b": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self._answer(status, headers, body)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.server.bytes_out += len(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _user(self) -> str | None:
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer" and given in self.server.tokens:
            return "bearer"
        if scheme != "Basic":
            return None
        name, _, password = base64.b64decode(given).decode().partition(":")
        return name if self.server.users.get(name) == password else None


@functools.cache
def _backend() -> str:
    """Return the path of Git's own program for web servers, which starts faster than `git http-backend` does."""
    folder = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{folder}/git-http-backend"


@contextlib.contextmanager
def git_server(
    root: Path, users: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[GitServer]:
    """Run a server on a free port until the end of the with block."""
    with GitServer(root, users, tls=tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.ends.set()
            server.shutdown()
            thread.join()


def git(*arguments: str, folder: Path, stdin: bytes | None = None) -> str:
    """Run Git with a test author and without this machine's configuration; return its output.

    Raises:
        subprocess.CalledProcessError: Git has failed.
    """
    command = ["git", "-c", "init.defaultBranch=main", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=True, env={**os.environ, **IDENTITY})
    return done.stdout.decode(errors="surrogateescape")


def bare_repository(root: Path, name: str, files: Mapping[str, bytes], branch: str = "main") -> Path:
    """Make a bare repository with one commit of these files; it accepts pushes and partial clones.

    The folders are written here, because the tests make thousands of repositories, and Git would need six processes
    for each of them.
    """
    bare = root / name
    for folder in ("branches", "hooks", "info", "objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (bare / folder).mkdir(parents=True)
    (bare / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
    (bare / "config").write_text(CONFIG)
    if files:
        commit_files(bare, files, "begin", branch)
    return bare


def head_of(bare: Path, branch: str) -> str:
    """Return the id of the commit that a branch of a bare repository is at; empty if there is no such branch."""
    # Git puts a new file in the place of the former one, so no file is half written.
    with contextlib.suppress(OSError):
        loose = (bare / "refs/heads" / branch).read_text().strip()
        if not loose.startswith("ref:"):
            return loose
    command = ["git", "-C", str(bare), "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"]
    return subprocess.run(command, capture_output=True, check=False).stdout.decode().strip()


def commit_files(bare: Path, files: Mapping[str, bytes | None], message: str, branch: str = "main") -> str:
    """Commit to a branch of a bare repository as somebody else would; return the commit's id.

    The branch keeps the files that are not among these, and loses those that are None. The commit does not pass the
    hooks of a push.
    """
    changes = [changed(path, content) for path, content in files.items()]
    return append_commit(bare, branch, changes, f"{message}\n", SOMEBODY, SOMEBODY)


def append_commit(bare: Path, branch: str, changes: Sequence[bytes], message: str, author: str, committer: str) -> str:
    """Make a commit on the head of a branch by one process of Git; return the commit's id.

    Args:
        bare: a bare repository.
        branch: is made if there is none.
        changes: what ``changed`` returns.
        message: the whole message.
        author: a name and an address, such as ``somebody <somebody@example.com>``.
        committer: the same.
    """
    people = f"author {author} now\ncommitter {committer} now\n"
    parent = head_of(bare, branch)
    whole = [f"commit refs/heads/{branch}\nmark :1\n{people}".encode(), _data(message.encode())]
    whole += [f"from {parent}\n".encode()] if parent else []
    whole += [*changes, b"get-mark :1\n"]
    return git("fast-import", "--quiet", "--date-format=now", folder=bare, stdin=b"".join(whole)).strip()


def changed(path: str, content: bytes | None, mode: str = "100644") -> bytes:
    """Return a file of a commit in the format of `git fast-import`; content of None deletes it."""
    name = os.fsencode(path)
    return b"D %b\n" % name if content is None else b"M %b inline %b\n%b" % (mode.encode(), name, _data(content))


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def main() -> None:
    """Serve until the process is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", action="append", default=[], help="name:password")
    given = parser.parse_args()
    users = dict(one.split(":", 1) for one in given.user)
    GitServer(given.root, users, given.port).serve_forever()


if __name__ == "__main__":
    main()
