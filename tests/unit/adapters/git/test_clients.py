"""What dulwich's client lacks and ours has; each test shows what the stock class does with the same answers."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from dulwich.client import AbstractHttpGitClient, ReportStatusParser
from dulwich.protocol import pkt_line

from tagstream.adapters.git.clients import Abilities, CompleteReport, KnownServers, RepositoryClient, Response
from tagstream.adapters.git.http_client import USER_AGENT, HttpClient
from tagstream.adapters.git.replies import BrokenReply, ServerRefused
from tagstream.adapters.git.server import Server
from tagstream.ports.git import GitAccess

URL = "https://git.example.com/app.git"
ONE, TWO = b"1" * 40, b"2" * 40
MAIN = b"refs/heads/main"
FLUSH = b"0000"


def packets(*lines: bytes) -> bytes:
    return b"".join(bytes(pkt_line(line)) for line in lines) + FLUSH


VERSION_2 = packets(b"version 2\n", b"ls-refs=unborn\n", b"fetch=shallow filter\n")
REFS = packets(ONE + b" HEAD symref-target:refs/heads/main\n", ONE + b" refs/heads/main\n")
PACK = packets(b"packfile\n")[:-4] + packets(b"\x01PACK")
VERSION_0 = packets(b"# service=git-upload-pack\n") + packets(
    ONE + b" refs/heads/main\0filter allow-reachable-sha1-in-want side-band-64k shallow multi_ack\n"
)
PUSH_GREETING = packets(b"# service=git-receive-pack\n") + packets(
    ONE + b" refs/heads/main\0report-status side-band-64k\n"
)


class Recorded(AbstractHttpGitClient):
    """A client that is answered from a list; ``sent`` are its requests: address and body."""

    sent: list[tuple[str, bytes]]
    answers: list[bytes]

    def _http_request(
        self, url: str, headers: dict[str, str] | None = None, data: Any = None, raise_for_status: bool = True
    ) -> Any:
        self.sent.append((url, data if isinstance(data, bytes) else b"".join(data or ())))
        kind = "advertisement" if data is None else "result"
        service = "git-receive-pack" if "receive" in url else "git-upload-pack"
        return Response(f"application/x-{service}-{kind}", lambda: None), BytesIO(self.answers.pop(0)).read


class Stock(Recorded):
    """dulwich's client as it is."""


class Ours(RepositoryClient, Recorded):
    """The client of tagstream on the same answers."""

    def renew(self) -> None:
        """Nothing to renew."""


def stock(*answers: bytes) -> Stock:
    client = Stock(URL, thin_packs=False)
    client.sent, client.answers = [], list(answers)
    return client


def ours(*answers: bytes, known: Abilities | None = None) -> Ours:
    client = Ours(URL, KnownServers())
    client.sent, client.answers = [], list(answers)
    if known is not None:
        client.known.fetching[URL] = known
    return client


class Nothing:
    """No commit is here."""

    shallow = ()

    def __next__(self) -> None:
        return None

    def ack(self, sha: bytes) -> None:
        """Nothing to learn."""

    def nak(self) -> None:
        """The same."""


def fetch(client: AbstractHttpGitClient) -> bytes:
    """The body that asks for one commit without its blobs."""
    wants: Callable[..., Any] = lambda refs, depth=None: [ONE]  # noqa: E731
    client.fetch_pack(b"", wants, Nothing(), lambda data: len(data), depth=1, filter_spec=b"blob:none")  # type: ignore[arg-type]
    assert isinstance(client, Recorded)
    return client.sent[-1][1]


KNOWN = Abilities(names=frozenset({b"fetch=shallow filter"}))


def test_a_fetch_from_a_known_server_is_one_request_where_dulwich_sends_three() -> None:
    theirs, mine = stock(VERSION_2, REFS, PACK), ours(PACK, known=KNOWN)
    fetch(theirs)
    fetch(mine)
    assert [url.rpartition("/")[2] for url, _ in theirs.sent] == [
        "refs?service=git-upload-pack",
        "git-upload-pack",
        "git-upload-pack",
    ]
    assert len(mine.sent) == 1


def test_refs_of_a_known_server_are_one_request_where_dulwich_sends_two() -> None:
    theirs, mine = stock(VERSION_2, REFS), ours(REFS, known=KNOWN)
    assert theirs.get_refs(b"").refs == mine.get_refs(b"", ref_prefix=[b"HEAD"]).refs
    assert len(theirs.sent) == 2
    assert len(mine.sent) == 1


def test_progress_is_not_asked_for_in_version_2() -> None:
    theirs, mine = fetch(stock(VERSION_2, REFS, PACK)), fetch(ours(PACK, known=KNOWN))
    for line in (b"no-progress\n", b"ofs-delta\n"):
        assert pkt_line(line) not in theirs
        assert pkt_line(line) in mine


def test_a_filter_reaches_a_server_of_version_0() -> None:
    answer = packets(b"shallow " + ONE + b"\n") + packets(b"NAK\n")[:-4] + packets(b"\x01PACK")
    theirs, mine = fetch(stock(VERSION_0, answer)), fetch(ours(VERSION_0, answer))
    line = bytes(pkt_line(b"filter blob:none\n"))
    assert line not in theirs
    assert line in mine.partition(FLUSH)[0]


def push(client: AbstractHttpGitClient, options: list[bytes]) -> Any:
    new: Callable[..., Any] = lambda refs: {MAIN: TWO}  # noqa: E731
    return client.send_pack(b"", new, lambda have, want, **asked: (0, iter(())), push_options=options)  # type: ignore[arg-type]


def test_push_options_that_a_server_does_not_take_are_an_error_where_dulwich_drops_them() -> None:
    report = packets(b"\x01" + packets(b"unpack ok\n", b"ok refs/heads/main\n"))
    assert push(stock(PUSH_GREETING, report), [b"ci.skip"]).ref_status == {MAIN: None}
    with pytest.raises(ServerRefused, match="the server does not take push options"):
        push(ours(PUSH_GREETING, report), [b"ci.skip"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b"ng refs/heads/main", ""), (b"ng refs/heads/main gesch\xfctzt", "gesch\ufffdtzt")],
    ids=["without-a-reason", "not-utf-8"],
)
def test_a_refusal_is_heard_however_it_is_written(line: bytes, reason: str) -> None:
    report = packets(b"\x01" + packets(b"unpack ok\n", line + b"\n"))
    with pytest.raises(ValueError):
        push(stock(PUSH_GREETING, report), [])
    assert push(ours(PUSH_GREETING, report), []).ref_status == {MAIN: reason}


def test_a_line_of_a_report_that_cannot_be_read_is_not_passed_over() -> None:
    theirs, mine = ReportStatusParser(), CompleteReport()
    for line in (b"unpack ok\n", b"ok\n", b"gibberish\n", None):
        theirs.handle_packet(line)
        mine.handle_packet(line)
    assert dict(theirs.check()) == {}
    with pytest.raises(BrokenReply, match="the server's report of the push is damaged"):
        dict(mine.check())


def test_ref_ids_are_checked_where_dulwich_takes_any_word() -> None:
    refs = packets(b"no-id refs/heads/main\n")
    assert stock(VERSION_2, refs).get_refs(b"").refs == {MAIN: b"no-id"}
    with pytest.raises(BrokenReply, match="the server lists a ref without an object id"):
        Server(ours(refs, refs, known=KNOWN)).refs([MAIN])


def test_a_pack_elsewhere_is_not_fetched_with_the_repositorys_credentials() -> None:
    elsewhere = b"https://elsewhere.example.com/pack"
    answer = packets(b"packfile-uris\n")[:-4] + packets(elsewhere + b" sha1 " + ONE + b"\n")[:-4] + PACK
    theirs = stock(VERSION_2, REFS, answer, b"")
    with pytest.raises(Exception, match="Packfile verification failed"):
        fetch(theirs)
    assert theirs.sent[-1][0] == elsewhere.decode()
    client = HttpClient(GitAccess(url=URL, username="bot", password="hunter2"), KnownServers())
    with pytest.raises(BrokenReply, match="sends to another address for a pack"):
        client._http_request(elsewhere.decode())
    assert client.requests == 0


def test_a_git_host_sees_an_agent_whose_name_begins_with_git() -> None:
    assert USER_AGENT.startswith("git/")
