"""Packs are looked through before they are believed; each test shows what dulwich's own classes do with the same."""

from __future__ import annotations

from io import BytesIO

import pytest
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.pack import PackData, PackIndexer

from tagstream.adapters.git import bounded_pack
from tagstream.adapters.git.bounded_pack import BoundedIndexer, BoundedPack
from tagstream.adapters.git.replies import BrokenReply
from tests.unit.adapters.git.hostile_packs import branching_chain, header, long_chain, sealed, whole


def stock(data: bytes) -> PackData:
    """dulwich's own."""
    return PackData("", DEFAULT_OBJECT_FORMAT, BytesIO(data))


def test_the_sum_of_all_contents_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_pack, "FREE_INFLATED", 2500)
    data = sealed(*[whole(bytes(1000))] * 5)
    with stock(data) as pack:
        assert len(list(pack.iter_unpacked())) == 5
    with BoundedPack(data) as pack, pytest.raises(BrokenReply, match="the pack inflates to more than"):
        list(pack.iter_unpacked())


def test_a_size_is_refused_before_anything_is_inflated() -> None:
    # There is nothing to inflate behind the header: reading on would end otherwise.
    data = sealed(header(3, bounded_pack.MAX_OBJECT + 1) + b"nothing that inflates")
    with stock(data) as pack, pytest.raises(Exception, match="incorrect header check"):
        list(pack.iter_unpacked())
    with BoundedPack(data) as pack, pytest.raises(BrokenReply, match="is larger than allowed"):
        list(pack.iter_unpacked())


def test_entries_beyond_those_announced_are_refused() -> None:
    data = sealed(whole(b"a"), whole(b"b"), count=1)
    with stock(data) as pack:
        assert len(list(pack.iter_unpacked())) == 1
    with BoundedPack(data) as pack, pytest.raises(BrokenReply, match="holds more than it announces"):
        list(pack.iter_unpacked())


def test_contents_that_wait_for_deltas_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_pack, "MAX_HELD", 20_000)
    data = branching_chain(1000, 30)
    with stock(data) as pack:
        assert len(list(PackIndexer.for_pack_data(pack))) == 61
    with BoundedPack(data) as pack, pytest.raises(BrokenReply, match="a chain of deltas in the pack is too long"):
        list(BoundedIndexer.for_pack_data(pack))


def test_a_chain_without_branches_holds_one_content_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_pack, "MAX_HELD", 20)
    with BoundedPack(long_chain(500)) as pack:
        assert len(list(BoundedIndexer.for_pack_data(pack))) == 500
