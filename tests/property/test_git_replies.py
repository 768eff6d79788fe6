"""Whatever a Git server answers, the client ends with an error of its own, within its limits, or with the truth."""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.pack import PackChunkGenerator, UnpackedObject, obj_sha
from dulwich.protocol import pkt_line
from hypothesis import given, settings
from hypothesis import strategies as st

from tagstream.adapters.git.bounded_answer import BoundedAnswer
from tagstream.adapters.git.clients import BLOBLESS, Abilities, KnownServers, RepositoryClient, Response
from tagstream.adapters.git.objects import ObjectStore
from tagstream.adapters.git.remote import GitRepositorySession
from tagstream.adapters.git.replies import BrokenReply, MissingObjects, ServerRefused
from tagstream.adapters.git.server import Server
from tagstream.domain.objects.model import CommitId, GitRef
from tagstream.errors import RetryableError
from tagstream.ports.git import CommitText, GitAccess, PushConflict, RefUpdate

LIMIT = 100_000
URL = "http://127.0.0.1/r.git"
COMMIT, TREE, BLOB = Commit.type_num, Tree.type_num, Blob.type_num
FLUSH = b"0000"


def packet(payload: bytes) -> bytes:
    return bytes(pkt_line(payload))


def object_id(kind: int, content: bytes) -> bytes:
    return obj_sha(kind, content).hex().encode()


def pack_of(*objects: tuple[int, bytes]) -> bytes:
    """A pack with these objects, as they are."""
    records = [UnpackedObject(kind, decomp_chunks=[content], sha=obj_sha(kind, content)) for kind, content in objects]
    return b"".join(PackChunkGenerator(DEFAULT_OBJECT_FORMAT, len(records), iter(records)))


FILE = object_id(BLOB, b"image: a:1\n")
TREE_OF_IT = b"100644 a.yaml\0" + bytes.fromhex(FILE.decode())
ROOT = object_id(TREE, TREE_OF_IT)
WHO = b"a <a@b> 1 +0000"
HEAD_OBJECT = b"tree %s\nauthor %s\ncommitter %s\n\nm\n" % (ROOT, WHO, WHO)
HEAD = object_id(COMMIT, HEAD_OBJECT)
PACK = pack_of((COMMIT, HEAD_OBJECT), (TREE, TREE_OF_IT), (BLOB, b"image: a:1\n"))
GREETING = packet(b"version 2\n") + packet(b"fetch=shallow filter\n") + FLUSH
REFS = packet(HEAD + b" HEAD symref-target:refs/heads/main\n") + packet(HEAD + b" refs/heads/main\n") + FLUSH
FETCHED = packet(b"packfile\n") + packet(b"\x01" + PACK) + FLUSH
REPORT = packet(b"\x01" + packet(b"unpack ok\n") + packet(b"ok refs/heads/main\n") + FLUSH) + FLUSH
ADVERTISED = packet(HEAD + b" refs/heads/main\0report-status side-band-64k\n") + FLUSH


class Answers(RepositoryClient):
    """A client that is answered from a list, whatever it asks."""

    assumes = False

    def __init__(self, *answers: bytes | Iterator[bytes], limit: int = LIMIT) -> None:
        super().__init__(URL, KnownServers())
        self.answers = list(answers)
        self.limit = limit
        self.asked: list[bytes] = []

    def _http_request(
        self, url: str, headers: dict[str, str] | None = None, data: Any = None, raise_for_status: bool = True
    ) -> Any:
        given = self.answers.pop(0) if self.answers else b""
        chunks = iter([given]) if isinstance(given, bytes) else given
        name, kind = url.rpartition("=")[2], "advertisement"
        if data is None:
            chunks = itertools.chain([packet(b"# service=" + name.encode()) + FLUSH], chunks)
        else:
            name, kind = url.rpartition("/")[2], "result"
            self.asked.append(data if isinstance(data, bytes) else b"".join(data))
        answer = BoundedAnswer(chunks, self.limit)
        answer.begin(lists_refs=data is None or b"ls-refs" in self.asked[-1])
        return Response(f"application/x-{name}-{kind}", lambda: None), answer.read

    def renew(self) -> None:
        """Nothing to renew."""


def known(client: Answers, version: int = 2, names: bytes = b"fetch=shallow filter") -> Server:
    """The server of a client that need not ask what it can do."""
    client.assumes = True
    client.known.fetching[URL] = Abilities(names=frozenset(names.split(b",")), version=version)
    return Server(client)


def push(client: Answers, abilities: frozenset[bytes]) -> None:
    """A push to a server whose abilities are known."""
    client.assumes = True
    client.known.pushing[URL] = abilities
    Server(client).push(PUSHED, lambda thin: [], {})


def damaged(whole: bytes, at: int, junk: bytes, cut: int) -> bytes:
    """A few bytes replaced, the end cut off."""
    at %= len(whole) + 1
    mended = whole[:at] + junk + whole[at + len(junk) :]
    return mended[: len(mended) - cut % (len(mended) + 1)] if cut % 3 == 0 else mended


DAMAGE = st.tuples(st.integers(0, 10_000), st.binary(max_size=6), st.integers(0, 10_000))


def session(*answers: bytes) -> GitRepositorySession:
    return GitRepositorySession(Answers(*answers), GitAccess(url=URL))


@pytest.mark.parametrize(
    ("greeting", "fetched"),
    [
        ([packet(b"version 2\n") + packet(b"fetch\n") + FLUSH, REFS], FETCHED),
        (
            [packet(HEAD + b" refs/heads/main\0side-band-64k\n") + FLUSH],
            packet(b"NAK\n") + packet(b"\x01" + PACK) + FLUSH,
        ),
    ],
    ids=["version-2", "version-0"],
)
def test_a_server_that_cannot_leave_out_history_is_not_asked_to(greeting: list[bytes], fetched: bytes) -> None:
    answers = Answers(*greeting, fetched)
    one = GitRepositorySession(answers, GitAccess(url=URL))
    assert [file.path for file in one.files(one.resolve(GitRef(branch="main")).commit, "")] == [b"a.yaml"]
    assert not any(b"deepen" in body or b"shallow" in body for body in answers.asked)


def test_answers_as_they_should_be_are_understood() -> None:
    one = session(GREETING, REFS, FETCHED, ADVERTISED, REPORT)
    head = one.resolve(GitRef(branch="main")).commit
    (file,) = one.files(head, "")
    assert one.read([file.blob]) == {FILE: b"image: a:1\n"}
    one.push([RefUpdate(ref=b"refs/heads/main", old=head, new=head)], {})


PUSHED = (RefUpdate(ref=b"refs/heads/main", old=CommitId(HEAD.decode()), new=CommitId("ab" * 20)),)
BOTH = frozenset({b"report-status", b"side-band-64k"})


def _report(*lines: bytes) -> bytes:
    return b"".join(packet(line + b"\n") for line in lines) + FLUSH


@pytest.mark.parametrize(
    "line",
    [
        b"ng refs/heads/main failed to update ref",
        b"ng refs/heads/main invalid old id sent",
        b"ng refs/heads/main failed to lock",
        b"ng refs/heads/main cannot lock ref 'refs/heads/main': is at aa but expected bb",
    ],
)
def test_every_servers_words_for_a_branch_that_moved_are_a_conflict(line: bytes) -> None:
    answer = Answers(packet(b"\x01" + _report(b"unpack ok", line)) + FLUSH)
    with pytest.raises(PushConflict):
        push(answer, BOTH)


def test_a_push_of_which_nothing_is_said_did_not_succeed() -> None:
    for lines in ([b"unpack ok"], [b"unpack ok", b"ok refs/heads/other"]):
        answer = Answers(packet(b"\x01" + _report(*lines)) + FLUSH)
        with pytest.raises(BrokenReply, match="the server does not say what became of refs/heads/main"):
            push(answer, BOTH)


def test_a_server_without_side_bands_reports_in_the_open() -> None:
    abilities = frozenset({b"report-status"})
    push(Answers(_report(b"unpack ok", b"ok refs/heads/main")), abilities)
    with pytest.raises(ServerRefused, match="refs/heads/main: no"):
        push(Answers(_report(b"unpack ok", b"ng refs/heads/main no")), abilities)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 4), DAMAGE)
def test_a_damaged_answer_is_an_error_or_makes_no_difference(which: int, damage: tuple[int, bytes, int]) -> None:
    answers = [GREETING, REFS, FETCHED, ADVERTISED, REPORT]
    answers[which] = damaged(answers[which], *damage)
    one = session(*answers)
    try:
        head = one.resolve(GitRef(branch="main")).commit
        for file in one.files(head, ""):
            # What is believed has been hashed: no damage changes a content unseen.
            assert object_id(BLOB, one.read([file.blob])[file.blob]) == file.blob
        one.push([RefUpdate(ref=b"refs/heads/main", old=CommitId(HEAD.decode()), new=head)], {})
    except (RetryableError, PushConflict):
        return


@settings(max_examples=300, deadline=None)
@given(DAMAGE, st.booleans())
def test_a_damaged_pack_is_refused_even_when_its_checksum_fits(damage: tuple[int, bytes, int], sealed: bool) -> None:
    body = damaged(PACK[:-20], *damage)
    data = body + (hashlib.sha1(body).digest() if sealed else PACK[-20:])
    store = ObjectStore(limit=LIMIT)
    try:
        store.add_pack(data)
    except BrokenReply:
        return
    for one in (FILE, ROOT, HEAD):
        assert one not in store or object_id(*store.get_raw(ObjectID(one))) == one


def test_a_pack_that_unpacks_to_more_than_its_size_says_is_refused() -> None:
    bomb = b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + b"\x35" + zlib.compress(b"\0" * 50_000_000)
    with pytest.raises(BrokenReply):
        ObjectStore(limit=LIMIT).add_pack(bomb + hashlib.sha1(bomb).digest())


IDS = st.sampled_from([FILE, ROOT, HEAD, b"ab" * 20, b"x"])
LINES = st.one_of(
    st.builds(lambda word, one: word + one, st.sampled_from([b"tree ", b"parent ", b""]), IDS | st.binary(max_size=8)),
    st.binary(max_size=20),
)
MODES = st.sampled_from([b"100644", b"40000", b"120000", b"160000", b"9", b"-1", b"0x8", b"", b"1" * 30])
NAMES = st.sampled_from([b"a.yaml", b"x/y.yaml", b"..", b"", b"\xff"])
ENTRIES = st.builds(
    lambda mode, name, one: mode + b" " + name + b"\0" + one,
    MODES,
    NAMES,
    st.sampled_from([bytes.fromhex(FILE.decode()), bytes.fromhex(ROOT.decode()), b"short"]),
)


@given(st.lists(LINES, max_size=4).map(b"\n".join) | st.just(HEAD_OBJECT), st.lists(ENTRIES, max_size=3).map(b"".join))
def test_objects_that_are_made_up_are_read_or_refused(commit: bytes, tree: bytes) -> None:
    root = object_id(TREE, tree)
    commit = commit.replace(ROOT, root)
    head = object_id(COMMIT, commit)
    made_up = [(COMMIT, commit), (TREE, tree), *REST]
    refs = packet(head + b" refs/heads/main\n") + FLUSH
    one = session(GREETING, refs, packet(b"packfile\n") + packet(b"\x01" + pack_of(*made_up)) + FLUSH)
    try:
        files = one.files(one.resolve(GitRef(branch="main")).commit, "")
        made = one.commit(CommitId(head.decode()), {file.path: b"new" for file in files}, TEXT)
    except RetryableError:
        return
    assert (one.tree(made)[0] != root) is bool(files)


def test_trees_that_hold_each_other_many_times_are_refused() -> None:
    store = ObjectStore()
    tree = kept(store, TREE_OF_IT)
    for _ in range(20):
        tree = kept(store, b"".join(b"40000 %d\0" % one + bytes.fromhex(tree.decode()) for one in range(10)))
    assert store.unknown_below(tree) == set()
    with pytest.raises(BrokenReply, match="there are more than 1000000 files and folders"):
        store.files_below(tree, b"")
    assert len(store.files_below(tree, b"/".join([b"1"] * 18))) == 100


def test_wide_trees_that_hold_each_other_are_refused_before_they_fill_the_memory() -> None:
    store = ObjectStore()
    tree = kept(store, TREE_OF_IT)
    for _ in range(20):
        tree = kept(store, b"".join(b"40000 %d\0" % one + bytes.fromhex(tree.decode()) for one in range(60_000)))
    with pytest.raises(BrokenReply, match="there are more than 1000000 files and folders"):
        store.files_below(tree, b"")


def kept(store: ObjectStore, tree: bytes) -> bytes:
    """A tree in the store; its id."""
    made = ShaFile.from_raw_string(TREE, tree)
    store.add_object(made)
    return bytes(made.id)


REST = ((TREE, TREE_OF_IT), (BLOB, b"image: a:1\n"))
TEXT = CommitText(author_name="bot", author_email="b@c", message=b"m", time=datetime(2026, 11, 24, tzinfo=UTC))


def _sealed(*entries: bytes) -> bytes:
    """A pack of entries as they are on the wire."""
    data = b"PACK" + (2).to_bytes(4, "big") + len(entries).to_bytes(4, "big") + b"".join(entries)
    return data + hashlib.sha1(data).digest()


def _delta(base: bytes, delta: bytes) -> bytes:
    """An entry (of less than 2**18 bytes) against an object of the given id."""
    size = len(delta)
    head = bytes([0x70 | size & 15 | 128, size >> 4 & 127 | 128, size >> 11 & 127])
    return head + bytes.fromhex(base.decode()) + zlib.compress(delta)


def test_deltas_in_any_order_are_resolved_in_one_pass() -> None:
    contents = [b"%08d" % number for number in range(20_000)]
    known = b"\x38" + zlib.compress(contents[0])
    deltas = [
        _delta(object_id(BLOB, before), b"\x08\x08\x08" + after) for before, after in itertools.pairwise(contents)
    ]
    store = ObjectStore()
    store.add_pack(_sealed(*reversed(deltas), known))
    assert all(store.blob(object_id(BLOB, one)) == one for one in contents[::999])


def test_a_base_that_nobody_has_is_named() -> None:
    with pytest.raises(MissingObjects, match=f"object not found: {'ab' * 20}"):
        ObjectStore().add_pack(_sealed(_delta(b"ab" * 20, b"\x01\x01\x01a")))


def test_deltas_that_take_more_memory_than_an_object_may_are_refused() -> None:
    body = zlib.compress(bytes(60 * 2**20), 1)
    head = bytes([0x60 | 128, *(60 * 2**20 >> shift & 127 | 128 for shift in (4, 11, 18)), 60 * 2**20 >> 25])
    lost = bytes([0x70 | head[0] & 15 | 128]) + head[1:] + bytes(20) + body
    back = _distance(len(lost))
    after = _distance(len(head) + len(back) + len(body))
    with pytest.raises(BrokenReply, match="a chain of deltas in the pack is too long"):
        ObjectStore().add_pack(_sealed(lost, head + back + body, head + after + body))


def _distance(number: int) -> bytes:
    out = [number & 127]
    while number := number >> 7:
        number -= 1
        out.insert(0, number & 127 | 128)
    return bytes(out)


def test_more_objects_than_may_be_kept_are_refused_before_they_are_read() -> None:
    data = b"PACK" + (2).to_bytes(4, "big") + (2_000_000).to_bytes(4, "big")
    with pytest.raises(BrokenReply, match="announces more than 1000000 objects"):
        ObjectStore().add_pack(data + bytes(100) + hashlib.sha1(data + bytes(100)).digest())


def endless(begin: bytes, piece: bytes) -> Answers:
    """A client whose every answer begins well and does not end."""
    return Answers(itertools.chain([begin], itertools.repeat(piece)), limit=2**40)


def test_a_pack_without_an_end_ends_at_what_may_be_kept() -> None:
    server = known(endless(packet(b"packfile\n"), packet(b"\x01" + bytes(65_000))))
    with pytest.raises(BrokenReply, match="the repository's objects are larger than 268435456 bytes"):
        server.fetch([HEAD], BLOBLESS)


def test_refs_without_an_end_end_at_a_number() -> None:
    with pytest.raises(BrokenReply, match="the server lists more than 500000 refs"):
        known(endless(b"", packet(HEAD + b" refs/heads/a\n") * 100)).refs(())


def test_an_endless_side_band_ends_at_the_limit() -> None:
    progress = itertools.repeat(packet(b"\x02" + b"counting objects\r" * 100))
    server = known(Answers(itertools.chain([packet(b"packfile\n")], progress)))
    with pytest.raises(BrokenReply, match="larger than"):
        server.fetch([HEAD], BLOBLESS)
    assert len(server._progress) < 10_000


def test_endless_refs_end_at_the_limit() -> None:
    refs = (packet(HEAD + b" refs/heads/%d\n" % number) for number in itertools.count(1))
    with pytest.raises(BrokenReply, match="larger than"):
        known(Answers(refs)).refs(())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8), st.booleans())
def test_any_lines_are_refs_or_an_error(lines: list[bytes], version_2: bool) -> None:
    body = b"".join(packet(line) for line in lines) + FLUSH
    try:
        if version_2:
            known(Answers(body)).refs(())
        else:
            Server(Answers(body)).refs(())
    except (BrokenReply, ServerRefused):
        return


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.sampled_from([0, 2]))
def test_any_answer_to_a_fetch_is_a_pack_or_an_error(answer: bytes, filters: bool, version: int) -> None:
    try:
        known(Answers(answer), version, b"fetch=shallow filter,shallow,filter").fetch(
            [HEAD], BLOBLESS if filters else b""
        )
    except (BrokenReply, ServerRefused):
        return
