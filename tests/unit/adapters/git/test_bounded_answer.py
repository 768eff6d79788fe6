"""Answers end at a limit, and a refusal is heard wherever it comes; dulwich's ``Protocol`` alone does neither."""

from __future__ import annotations

import itertools
from io import BytesIO

import pytest
from dulwich.protocol import Protocol, pkt_line

from tagstream.adapters.git import bounded_answer
from tagstream.adapters.git.bounded_answer import BoundedAnswer
from tagstream.adapters.git.replies import BrokenReply, ServerRefused

LINE = bytes(pkt_line(b"a line\n"))
FLUSH = b"0000"


def protocol(*chunks: bytes, limit: int = 1000) -> Protocol:
    """dulwich's reader of packets on a bounded answer."""
    return Protocol(BoundedAnswer(iter(chunks), limit).read, len)


def test_an_answer_without_an_end_ends_at_its_limit() -> None:
    stock = Protocol(BytesIO(LINE * 10_000 + FLUSH).read, len)
    assert len(list(stock.read_pkt_seq())) == 10_000
    with pytest.raises(BrokenReply, match="larger than 1000 bytes"):
        list(protocol(*itertools.repeat(LINE, 10_000)).read_pkt_seq())


def test_a_refusal_in_place_of_data_is_heard() -> None:
    refusal = bytes(pkt_line(b"ERR upload-pack: not our ref\n"))
    stock = Protocol(BytesIO(LINE + refusal + FLUSH).read, len)
    assert list(stock.read_pkt_seq()) == [b"a line\n", b"ERR upload-pack: not our ref\n"]
    with pytest.raises(ServerRefused, match="upload-pack: not our ref"):
        list(protocol(LINE + refusal + FLUSH).read_pkt_seq())


def test_a_line_that_begins_like_a_refusal_further_on_is_none() -> None:
    line = bytes(pkt_line(b"no ERR at all"))
    assert list(protocol(line + FLUSH).read_pkt_seq()) == [b"no ERR at all"]


def test_refs_are_counted_where_refs_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_answer, "MAX_REFS", 3)
    answer = BoundedAnswer(iter([LINE * 5 + FLUSH]))
    answer.begin(lists_refs=True)
    with pytest.raises(BrokenReply, match="the server lists more than 3 refs"):
        list(Protocol(answer.read, len).read_pkt_seq())


@pytest.mark.parametrize("cut", [2, 4, 7])
def test_an_answer_that_is_cut_off_is_no_end(cut: int) -> None:
    with pytest.raises(BrokenReply, match="unexpected EOF"):
        list(protocol(LINE + LINE[:cut]).read_pkt_seq())


@pytest.mark.parametrize("head", [b"<htm", b"0002", b"fff9", b"-001"])
def test_what_is_no_packet_length_is_named(head: bytes) -> None:
    with pytest.raises(BrokenReply, match="packet"):
        list(protocol(head + bytes(100)).read_pkt_seq())


def test_chunks_need_not_end_where_packets_do() -> None:
    whole = LINE * 3 + FLUSH
    answer = BoundedAnswer(whole[at : at + 1] for at in range(len(whole)))
    assert list(Protocol(answer.read, len).read_pkt_seq()) == [b"a line\n"] * 3
    assert answer.is_at_rest


def test_a_pack_without_packets_is_read_to_its_end() -> None:
    answer = BoundedAnswer(iter([bytes(70_000), bytes(70_000)]))
    assert [len(answer.read(65_536)) for _ in range(4)] == [65_536, 65_536, 8_928, 0]
