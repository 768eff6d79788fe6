"""Fetch and push over HTTPS as `GitRepository` secrets say: authorities, certificates, tokens, proxies, moves."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tagstream.adapters.git.remote import GitClient, GitRepositorySession
from tagstream.domain.objects.model import GitRef
from tagstream.errors import AuthenticationError, ImageAutomationError, RetryableError
from tagstream.ports.connection import Proxy, TlsMaterial
from tagstream.ports.git import CommitText, GitAccess, RefUpdate
from tests.embedded.certificates import Authority, authority
from tests.embedded.forward_proxy import PASSWORD, USER, HttpProxy, SocksProxy, running_proxy
from tests.embedded.git_server import GitServer, bare_repository, git, git_server

MAIN = b"refs/heads/main"
USERS = {"bot": "hunter2"}
LOGIN = {"username": "bot", "password": "hunter2"}
TEXT = CommitText(author_name="bot", author_email="b@c", message=b"Update", time=datetime(2026, 11, 24, tzinfo=UTC))


def trusted() -> TlsMaterial:
    return TlsMaterial(ca_crt=authority().ca)


@contextmanager
def serving(root: Path, *, wants_client: bool = False, users: dict[str, str] | None = None) -> Iterator[GitServer]:
    bare_repository(root, "app.git", {"a.yaml": b"a: 1\n"})
    with git_server(root, users, tls=server_context(root, authority(), wants_client)) as server:
        yield server


def server_context(folder: Path, ca: Authority, wants_client: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name, data in (("pair", ca.server.certificate + ca.server.key), ("ca", ca.ca)):
        (folder / name).write_bytes(data)
    context.load_cert_chain(folder / "pair")
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "ca")
    return context


def opened(url: str, client: GitClient | None = None, **given: object) -> GitRepositorySession:
    access = GitAccess(**{"url": url, "timeout_s": 20.0, **given})  # type: ignore[arg-type]
    return (client or GitClient()).open(access)


def updated(session: GitRepositorySession) -> str:
    head = session.resolve(GitRef(branch="main")).commit
    (file,) = session.files(head, "")
    value = session.read([file.blob])[file.blob]
    made = session.commit(head, {b"a.yaml": value + b"#\n"}, TEXT)
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    return made


def pushed(server: GitServer) -> str:
    git("fsck", "--strict", "--full", folder=server.root / "app.git")
    return git("rev-parse", "main", folder=server.root / "app.git").strip()


def refusal(session: GitRepositorySession) -> str:
    with pytest.raises(ImageAutomationError) as raised:
        session.resolve(GitRef(branch="main"))
    return raised.value.message


def test_an_authority_of_its_own_is_trusted_when_the_secret_has_it(tmp_path: Path) -> None:
    with serving(tmp_path, users=USERS) as server:
        url = server.url("app.git")
        assert updated(opened(url, tls=trusted(), **LOGIN)) == pushed(server)
        other = TlsMaterial(ca_crt=authority("another").ca)
        found = [refusal(opened(url, **LOGIN)), refusal(opened(url, tls=other, **LOGIN))]
    assert [one.startswith(f"unable to reach '{url}': tls: ") for one in found] == [True, True]
    assert not any("hunter2" in one for one in found)


def test_a_client_is_known_by_its_certificate(tmp_path: Path) -> None:
    pair = authority().client
    tls = TlsMaterial(ca_crt=authority().ca, tls_crt=pair.certificate, tls_key=pair.key)
    with serving(tmp_path, wants_client=True) as server:
        assert updated(opened(server.url("app.git"), tls=tls)) == pushed(server)
        assert "unable to reach" in refusal(opened(server.url("app.git"), tls=trusted()))


def test_a_bearer_token_goes_before_a_password(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.tokens.add("s3cret-token")
        given = {"bearer_token": "s3cret-token", "username": "x", "password": "y"}
        assert updated(opened(server.url("app.git"), tls=trusted(), **given)) == pushed(server)
        said = refusal(opened(server.url("app.git"), tls=trusted(), bearer_token="wr0ng-token"))
    assert said == f"authentication required by '{server.url('app.git')}': HTTP status 401"


def test_a_login_in_the_url_counts_when_the_secret_has_none(tmp_path: Path) -> None:
    with serving(tmp_path, users={"b@t": "p:w/d"}) as server:
        url = server.url("app.git").replace("//", "//b%40t:p%3Aw%2Fd@")
        assert updated(opened(url, tls=trusted())) == pushed(server)
        said = refusal(opened(url, tls=trusted(), username="bot", password="hunter2"))
    assert said == f"authentication required by '{server.url('app.git')}': HTTP status 401"


@pytest.mark.parametrize(("kind", "scheme"), [(HttpProxy, "http"), (SocksProxy, "socks5")])
def test_everything_goes_through_the_proxy(
    tmp_path: Path, kind: type[HttpProxy] | type[SocksProxy], scheme: str
) -> None:
    with serving(tmp_path, users=USERS) as server, running_proxy(kind) as proxy:
        address = f"{scheme}://127.0.0.1:{proxy.server_address[1]}"
        through = Proxy(address=address, username=USER, password=PASSWORD)
        url = server.url("app.git")
        assert updated(opened(url, tls=trusted(), proxy=through, **LOGIN)) == pushed(server)
        assert set(proxy.targets) == {urlsplit(url).netloc}
        wrong = Proxy(address=address, username=USER, password="wr0ng-word")
        said = refusal(opened(url, tls=trusted(), proxy=wrong, **LOGIN))
    assert said.startswith(f"unable to reach '{url}': ") and "wr0ng-word" not in said


def test_a_greeting_that_moved_is_followed_and_remembered(tmp_path: Path) -> None:
    with serving(tmp_path, users=USERS) as server:
        server.moved["/app"] = server.url("app.git")
        client = GitClient()
        assert updated(opened(server.url("app"), client, tls=trusted(), **LOGIN)) == pushed(server)
        again = opened(server.url("app"), client, tls=trusted(), **LOGIN)
        assert again.resolve(GitRef(branch="main")).commit == pushed(server)
        assert again.requests == 1
        server.moved = {"/app.git": server.url("new.git"), "/app": server.url("new.git")}
        (server.root / "app.git").rename(server.root / "new.git")
        with pytest.raises(RetryableError):
            opened(server.url("app"), client, tls=trusted(), **LOGIN).resolve(GitRef(branch="main"))
        assert opened(server.url("app"), client, tls=trusted(), **LOGIN).resolve(GitRef(branch="main")).branch == "main"


def test_plain_http_is_left_for_tls_and_never_the_other_way(tmp_path: Path) -> None:
    with serving(tmp_path, users=USERS) as secure, git_server(tmp_path, USERS) as plain:
        plain.moved["/app.git"] = secure.url("app.git")
        assert updated(opened(plain.url("app.git"), tls=trusted(), **LOGIN)) == pushed(secure)
        secure.moved["/app.git"] = plain.url("other.git")
        said = refusal(opened(secure.url("app.git"), tls=trusted(), **LOGIN))
    cause = "the server redirects elsewhere: name the final address in spec.url"
    assert said == f"unable to reach '{secure.url('app.git')}': {cause}"
    assert not [one for one in plain.requests if "other.git" in one]


@pytest.mark.parametrize(
    "location", ["https://elsewhere.example.com/app.git", "http://127.0.0.1:9/app.git", "https://[bad/app.git", "/a b"]
)
def test_credentials_do_not_follow_a_move_to_another_host(tmp_path: Path, location: str) -> None:
    bare_repository(tmp_path, "app.git", {})
    with git_server(tmp_path, USERS) as server:
        server.moved["/app.git"] = location
        said = refusal(opened(server.url("app.git"), **LOGIN))
    assert said.startswith(f"unable to reach '{server.url('app.git')}': ")


def test_moves_in_a_circle_end(tmp_path: Path) -> None:
    bare_repository(tmp_path, "app.git", {})
    with git_server(tmp_path, USERS) as server:
        server.moved = {"/a": server.url("b"), "/b": server.url("a")}
        assert refusal(opened(server.url("a"), **LOGIN)).endswith("the server redirects in a circle")
        assert len([one for one in server.requests if one.startswith("GET ")]) == 4


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (
            (403, "text/plain; charset=utf-8", b"Write access to repository not granted for hunter2.\n"),
            "authentication required by '{url}': HTTP status 403: Write access to repository not granted for ***.",
        ),
        ((403, "text/html", b"<html>no</html>"), "authentication required by '{url}': HTTP status 403"),
        ((404, "text/plain", b""), "unable to reach '{url}': repository not found"),
        ((503, "text/plain", b"maintenance\n" * 500), "unable to reach '{url}': HTTP status 503: maintenance; maint"),
    ],
)
def test_what_a_server_says_beside_its_status_is_told(
    tmp_path: Path, refused: tuple[int, str, bytes], told: str
) -> None:
    bare_repository(tmp_path, "app.git", {})
    with git_server(tmp_path) as server:
        server.refusal = refused
        said = refusal(opened(server.url("app.git"), **LOGIN))
    expected = told.replace("{url}", server.url("app.git"))
    assert said == expected or (said.startswith(expected) and 1000 < len(said) < 1400)


def test_an_identity_that_is_refused_is_an_error_of_authentication(tmp_path: Path) -> None:
    bare_repository(tmp_path, "app.git", {})
    with git_server(tmp_path, USERS) as server, pytest.raises(AuthenticationError):
        opened(server.url("app.git")).resolve(GitRef(branch="main"))
