"""Objects made for a push: whole, or as what changed."""

from __future__ import annotations

from tagstream.adapters.git.objects import ObjectStore
from tagstream.adapters.git.pack import BLOB

BEFORE = b"".join(b"line %d\n" % number for number in range(500))
AFTER = BEFORE.replace(b"line 77\n", b"line 78\n")


def made(*, thin: bool) -> list[tuple[int, bool]]:
    """Size of what is sent, and whether it needs another object, for each object."""
    store = ObjectStore()
    base = store.add(BLOB, BEFORE)
    store.add(BLOB, AFTER, base=base)
    store.add(BLOB, b"short", base=base)
    return [(len(one.content), one.base is not None) for one in store.made(thin=thin)]


def test_an_object_that_resembles_another_is_sent_as_a_delta_where_that_is_shorter() -> None:
    whole, changed, other = made(thin=True)
    assert (whole, changed[1], changed[0] < 100, other) == ((len(BEFORE), False), True, True, (5, False))


def test_a_server_that_takes_no_thin_packs_gets_whole_objects() -> None:
    assert made(thin=False) == [(len(BEFORE), False), (len(AFTER), False), (5, False)]


def test_a_known_object_is_not_made_again() -> None:
    store = ObjectStore()
    assert (store.add(BLOB, b"x"), len(list(store.made(thin=True)))) == (store.add(BLOB, b"x"), 1)
