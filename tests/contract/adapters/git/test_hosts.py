"""What Git hosts in the field insist on or answer, each as it was reported of one."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from dulwich.client import Urllib3HttpGitClient

from tagstream.adapters.git.remote import GitClient, GitRepositorySession
from tagstream.domain.objects.model import CommitId, GitRef
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.git import CommitText, GitAccess, PastCommit, RefUpdate
from tests.embedded.git_server import GitServer, _Handler, bare_repository, commit_files, git, git_server
from tests.embedded.need import need
from tests.embedded.ssh_server import SSHD, SshServer, make_key, ssh_server

FILES = {"apps/a.yaml": b"image: a:1\n", "other/c.yaml": b"c\n"}
MAIN = b"refs/heads/main"
REFUSAL = b"TF401041: The Git protocol sent is not as expected (Clients must support multi-ack.)."


def text(name: str = "bot", mail: str = "bot@example.com", message: bytes = b"Update\n") -> CommitText:
    return CommitText(author_name=name, author_email=mail, message=message, time=datetime(2026, 1, 1, tzinfo=UTC))


def updated(session: GitRepositorySession, said: CommitText | None = None, branch: str = "main") -> CommitId:
    """Read, commit and push once; the new commit."""
    head = session.resolve(GitRef(branch="main")).commit
    session.read([one.blob for one in session.files(head, "apps")])
    made = session.commit(head, {b"apps/a.yaml": b"image: a:2\n"}, said or text())
    ref = f"refs/heads/{branch}".encode()
    session.push([RefUpdate(ref=ref, old=session.refs().get(ref), new=made)], {})
    return made


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A repository that takes pushes of sound objects only."""
    made = bare_repository(tmp_path, "app.git", FILES)
    git("config", "receive.fsckObjects", "true", folder=made)
    return made


@pytest.fixture
def server(bare: Path) -> Iterator[GitServer]:
    with git_server(bare.parent) as running:
        yield running


def opened(server: GitServer, **given: str) -> GitRepositorySession:
    return GitClient().open(GitAccess(url=server.url("app.git"), **given))  # type: ignore[arg-type]


class AzureRepos(_Handler):
    """Speaks version 0, to clients that name multi_ack."""

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        first = plain[4 : int(plain[:4], 16)] if plain else b""
        if self.path.endswith("/git-upload-pack") and b"multi_ack" not in first:
            self._answer(400, {"Content-Type": "text/plain"}, REFUSAL)
            return
        connection, self.rfile = self.rfile, io.BytesIO(body)
        try:
            super()._any()
        finally:
            # The next request comes on the same connection.
            self.rfile = connection

    do_GET = do_POST = _any  # noqa: N815


@pytest.mark.parametrize("wants_blobs", ["true", "false"], ids=["filters", "no-filters"])
def test_azure_repos_is_served_by_a_client_that_names_multi_ack(
    server: GitServer, bare: Path, wants_blobs: str
) -> None:
    git("config", "uploadpack.allowReachableSHA1InWant", wants_blobs, folder=bare)
    server.RequestHandlerClass, server.speaks_version_2 = AzureRepos, False
    made = updated(opened(server))
    git("fsck", "--strict", "--full", folder=bare)
    assert git("rev-parse", "main", folder=bare).strip() == made
    assert git("show", "main:apps/a.yaml", folder=bare) == "image: a:2\n"


def test_azure_repos_is_asked_for_history_with_what_is_had(server: GitServer, bare: Path) -> None:
    first = CommitId(git("rev-parse", "main", folder=bare).strip())
    for number in range(3):
        last = CommitId(commit_files(bare, {"x": b"%d" % number}, "more"))
    server.RequestHandlerClass, server.speaks_version_2 = AzureRepos, False
    assert opened(server).descends(last, first)
    assert opened(server).descends(last, first, within=10)
    assert not opened(server).descends(last, first, within=2)


@pytest.mark.parametrize("is_azure", [False, True], ids=["version-2", "azure-repos"])
def test_history_names_authors_and_parents_as_far_back_as_asked(server: GitServer, bare: Path, is_azure: bool) -> None:
    commits = [CommitId(commit_files(bare, {"x": b"%d" % number}, "more")) for number in range(3)]
    if is_azure:
        server.RequestHandlerClass, server.speaks_version_2 = AzureRepos, False
    session = opened(server)
    history = session.history(commits[-1], within=2)
    assert list(history) == [commits[2], commits[1]]
    author = git("show", "-s", "--format=%an <%ae>", commits[2], folder=bare).strip()
    assert history[commits[2]] == PastCommit(commit=commits[2], parents=(commits[1],), author=author)
    assert session.history(commits[-1], within=100)[commits[0]].parents[0] in session.history(commits[-1], within=100)


MULTI_ACK_ONLY = f"""#!{sys.executable}
import os, subprocess, sys
command = os.environ["SSH_ORIGINAL_COMMAND"]
if "upload-pack" not in command:
    os.execvp("sh", ["sh", "-c", command])
with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE) as service:
    size = sys.stdin.buffer.read(4)
    line = sys.stdin.buffer.read(max(0, int(size or b"0000", 16) - 4))
    if line and b"multi_ack" not in line:
        sys.stdout.buffer.write(b"%04xERR " % ({len(REFUSAL)} + 8) + {REFUSAL!r})
        sys.stdout.flush()
        service.kill()
    else:
        service.stdin.write(size + line)
        service.stdin.flush()
        while chunk := sys.stdin.buffer.read1(65536):
            service.stdin.write(chunk)
            service.stdin.flush()
"""


def allow(server: SshServer, command: Path | None = None) -> bytes:
    """The key of a client, which may be made to run one command."""
    key = make_key(server.folder / "client")
    public = key.with_suffix(".pub").read_text()
    (server.folder / "authorized").write_text(f'command="{command}" {public}' if command else public)
    return key.read_bytes()


def test_azure_repos_is_served_over_ssh_too(tmp_path: Path, bare: Path) -> None:
    need(SSHD)
    first = CommitId(git("rev-parse", "main", folder=bare).strip())
    script = tmp_path / "azure"
    script.write_text(MULTI_ACK_ONLY)
    script.chmod(0o755)
    with ssh_server(tmp_path / "ssh", "AcceptEnv LANG") as server:
        identity = allow(server, script)
        access = GitAccess(url=server.url(bare), identity=identity, known_hosts=server.known())
        session = GitClient().open(access)
        made = updated(session)
        session.refresh()
        assert session.descends(session.resolve(GitRef(branch="main")).commit, first)
        session.close()
    assert git("rev-parse", "main", folder=bare).strip() == made


class GitAgentsOnly(_Handler):
    """Knows nobody whose name does not begin with ``git/``."""

    def _any(self) -> None:
        if not self.headers.get("User-Agent", "").startswith("git/"):
            self._answer(404, {"Content-Type": "text/html"}, b"Not Found")
            return
        super()._any()

    do_GET = do_POST = _any  # noqa: N815


def test_a_host_that_serves_git_agents_only_serves_this_one(server: GitServer, bare: Path) -> None:
    server.RequestHandlerClass = GitAgentsOnly
    updated(opened(server))
    assert git("show", "main:apps/a.yaml", folder=bare) == "image: a:2\n"


class EncodedPaths(_Handler):
    """Serves repositories whose path has blanks, as Azure Repos does."""

    def _any(self) -> None:
        self.path = unquote(self.path)
        super()._any()

    do_GET = do_POST = _any  # noqa: N815


@pytest.mark.parametrize("path", ["My%20Project/_git/My%20Repo", "My Project/_git/My Repo"])
def test_a_blank_in_the_path_may_be_encoded_or_not(server: GitServer, path: str) -> None:
    bare = bare_repository(server.root, "My Project/_git/My Repo", FILES)
    server.RequestHandlerClass = EncodedPaths
    made = updated(GitClient().open(GitAccess(url=server.url(path))))
    assert git("rev-parse", "main", folder=bare).strip() == made


def test_a_blank_in_the_path_reaches_the_service_over_ssh(tmp_path: Path) -> None:
    need(SSHD)
    bare = bare_repository(tmp_path, "My Project/it's/My Repo", FILES)
    with ssh_server(tmp_path / "ssh") as server:
        url, identity = server.url(bare).replace(" ", "%20"), allow(server)
        session = GitClient().open(GitAccess(url=url, identity=identity, known_hosts=server.known()))
        made = updated(session)
        session.close()
    assert git("rev-parse", "main", folder=bare).strip() == made


def test_a_deploy_key_that_may_only_read_is_refused_in_the_hosts_words(tmp_path: Path, bare: Path) -> None:
    need(SSHD)
    script = tmp_path / "read-only"
    script.write_text(
        "#!/bin/sh\n"
        'case "$SSH_ORIGINAL_COMMAND" in\n'
        'git-receive-pack*) echo "ERROR: The key you are authenticating with has been marked as read only." >&2;'
        " exit 1;;\n"
        '*) exec sh -c "$SSH_ORIGINAL_COMMAND";;\n'
        "esac\n"
    )
    script.chmod(0o755)
    with ssh_server(tmp_path / "ssh") as server:
        access = GitAccess(url=server.url(bare), identity=allow(server, script), known_hosts=server.known())
        session = GitClient().open(access)
        with pytest.raises(RetryableError, match="has been marked as read only"):
            updated(session)
        session.close()


class ReadOnly(_Handler):
    """Takes no pushes."""

    def _any(self) -> None:
        if self.path.endswith("/git-receive-pack"):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(403, {"Content-Type": "text/plain; charset=utf-8"}, b"You are not allowed to push code.\n")
            return
        super()._any()

    do_GET = do_POST = _any  # noqa: N815


def test_a_user_who_may_only_read_is_refused_in_the_hosts_words(server: GitServer) -> None:
    server.RequestHandlerClass = ReadOnly
    with pytest.raises(AuthenticationError, match="HTTP status 403: You are not allowed to push code"):
        updated(opened(server))


def test_a_rule_for_messages_is_told_with_all_its_lines(server: GitServer, bare: Path) -> None:
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GitLab: the message does not follow' >&2\necho '^(feat|fix): .*' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RetryableError) as raised:
        updated(opened(server))
    refusal = "GitLab: the message does not follow; ^(feat|fix): .*; refs/heads/main: pre-receive hook declined"
    assert raised.value.message.endswith(refusal)


@pytest.mark.parametrize(
    ("name", "mail", "written"),
    [
        ("Flux Bot <flux@example.com>", "flux@example.com", "Flux Bot flux@example.com <flux@example.com>"),
        ("", "flux@example.com", " <flux@example.com>"),
        ("bot", "", "bot <>"),
        ("bot", "<flux@example.com>", "bot <flux@example.com>"),
        ("Bot\nX", "a@b", "BotX <a@b>"),
        ("…", "a@b", "… <a@b>"),
        ("a,b;", "a@b ", "a,b; <a@b>"),
    ],
)
def test_any_author_makes_a_commit_that_git_takes(
    server: GitServer, bare: Path, name: str, mail: str, written: str
) -> None:
    updated(opened(server), text(name, mail))
    assert git("cat-file", "-p", "main", folder=bare).split("\n")[2] == f"author {written} 1767225600 +0000"


@pytest.mark.parametrize(
    "message", [b"", b"\n\n", b"# heading\n", b"no newline", b"a\r\nb\r\n", "\U0001f600 ü\n".encode(), b"x" * 100_000]
)
def test_any_message_is_stored_as_it_is(server: GitServer, bare: Path, message: bytes) -> None:
    updated(opened(server), text(message=message))
    stored = git("cat-file", "commit", "main", folder=bare).encode(errors="surrogateescape")
    assert stored.partition(b"\n\n")[2] == message


@pytest.mark.parametrize(
    "branch", ["feature/x#1", "выпуск", "release@2024", "a&b%20c", "x+y", "ünï/é", "emoji-\U0001f600"]
)
def test_any_branch_that_git_allows_can_be_pushed_to(server: GitServer, bare: Path, branch: str) -> None:
    made = updated(opened(server), branch=branch)
    assert git("rev-parse", f"refs/heads/{branch}", folder=bare).strip() == made


@pytest.mark.parametrize(
    ("status", "kind", "body", "cause", "requests"),
    [
        (200, "text/html", b"<html>Sign in</html>", "not a Git server: it answers with text/html", 2),
        (200, "text/plain", b"", "not a Git server: it answers with text/plain", 2),
        (203, "text/html", b"<html>Sign In</html>", "HTTP status 203", 2),
        (302, "text/html", b"", "the server redirects: name the final address in spec.url", 2),
        (401, "text/html", b"x", "HTTP status 401", 1),
        (404, "text/html", b"x", "repository not found", 2),
        (407, "text/plain", b"proxy", "HTTP status 407: proxy", 2),
        (413, "text/html", b"too large", "HTTP status 413", 2),
        (429, "text/plain", b"slow down", "HTTP status 429: slow down", 2),
        (500, "text/plain", b"VS800075: The project does not exist", "HTTP status 500: VS800075: The project", 2),
        (503, "text/html", b"<html>maintenance</html>", "HTTP status 503", 2),
    ],
)
def test_an_answer_that_is_not_gits_is_named(
    server: GitServer, status: int, kind: str, body: bytes, cause: str, requests: int
) -> None:
    server.refusal = (status, kind, body)
    with pytest.raises((RetryableError, AuthenticationError), match=cause):
        opened(server).resolve(GitRef(branch="main"))
    assert len(server.requests) == requests


def test_a_page_is_not_taken_for_a_server_without_gits_protocol(server: GitServer) -> None:
    server.refusal = (200, "text/html", b"1" * 40 + b"\trefs/heads/main\n")
    stock = Urllib3HttpGitClient(server.url("app.git"))
    assert stock.get_refs(b"").refs == {MAIN: b"1" * 40}
    assert stock.dumb
    with pytest.raises(RetryableError, match="not a Git server"):
        opened(server).refs()


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"bearer_token": "tok\n"}, 'invalid header field value for "Authorization"'),
        ({"bearer_token": "tök"}, 'invalid header field value for "Authorization"'),
        ({"username": "bot", "password": "wrong"}, "HTTP status 401"),
    ],
)
def test_credentials_that_cannot_be_sent_or_are_wrong_are_not_repeated(
    server: GitServer, given: dict[str, str], cause: str
) -> None:
    server.users, server.tokens = {"bot": "pässwörd"}, {"tok"}
    with pytest.raises((RetryableError, AuthenticationError), match=cause) as raised:
        opened(server, **given).refs()
    assert not any(one in raised.value.message for one in given.values())


@pytest.mark.parametrize(
    "given",
    [{"bearer_token": "tok"}, {"username": "bot", "password": "pässwörd"}, {"username": "b", "password": "x:y"}],
)
def test_credentials_reach_the_host_as_they_are(server: GitServer, given: dict[str, str]) -> None:
    server.users, server.tokens = {"bot": "pässwörd", "b": "x:y"}, {"tok"}
    assert MAIN in opened(server, **given).refs()
