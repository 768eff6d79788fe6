"""Objects in memory: packs as they came plus what was made here, up to a size.

In: packs and new objects. Out: contents by id; ids are 40 hex bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from tagstream.adapters.git.delta import make_delta
from tagstream.adapters.git.pack import Found, Pack, Packed, object_id
from tagstream.adapters.git.replies import BrokenReply, MissingObjects
from tagstream.adapters.git.warm_objects import WarmObjects

LIMIT = 256 * 2**20


class ObjectStore:
    """What is known of one repository.

    Args:
        limit: bytes of packs and new objects that may be kept.
        warm: what this container has seen before.
        url: of the repository.
    """

    def __init__(self, limit: int = LIMIT, warm: WarmObjects | None = None, url: str = "") -> None:
        self._limit, self._warm, self._url = limit, warm or WarmObjects(0), url
        self._packs: list[Pack] = []
        self._where: dict[bytes, tuple[Pack, int]] = {}
        self._made: dict[bytes, Found] = {}
        self._bases: dict[bytes, bytes] = {}
        self.size = 0

    def __contains__(self, one: bytes) -> bool:
        return one in self._made or one in self._where or self._warm.get(self._url, one) is not None

    def get(self, one: bytes) -> Found | None:
        """Kind and content, None when it is not known."""
        if one in self._made:
            return self._made[one]
        if one not in self._where:
            return self._warm.get(self._url, one)
        pack, offset = self._where[one]
        found = pack.read(offset)
        self._warm.put(self._url, one, found)
        return found

    def read(self, one: bytes, kind: int) -> bytes:
        """The content of an object that must be of this kind.

        Raises:
            MissingObjects: it is not known.
            BrokenReply: it is something else.
        """
        found = self.get(one)
        if found is None:
            raise MissingObjects([one])
        if found[0] != kind:
            raise BrokenReply(f"object {one.decode()} is not of the expected kind")
        return found[1]

    def add_pack(self, data: bytes | bytearray) -> None:
        """Index a pack that was received.

        Raises:
            BrokenReply: it is damaged or too large.
        """
        self._grow(len(data))
        pack = Pack(data, self.get)
        self._packs.append(pack)
        for one, offset in pack.offsets.items():
            self._where.setdefault(one, (pack, offset))

    def add(self, kind: int, content: bytes, base: bytes | None = None) -> bytes:
        """Keep a new object; its id. ``base`` is a known one of the same kind that it resembles."""
        one = object_id(kind, content)
        # What was seen by an earlier session the server may have dropped by now: it is sent again.
        if one not in self._made and one not in self._where:
            self._grow(len(content))
            self._made[one] = (kind, content)
            if base is not None:
                self._bases[one] = base
        return one

    def made(self, *, thin: bool) -> Iterator[Packed]:
        """The objects made here, in the order they were made; as deltas where that is shorter and ``thin`` allows."""
        for one, (kind, content) in self._made.items():
            base = self._bases.get(one) if thin else None
            delta = make_delta(self.read(base, kind), content) if base is not None else content
            if base is not None and len(delta) < len(content) // 2:
                yield Packed(kind=kind, content=delta, base=base)
            else:
                yield Packed(kind=kind, content=content)

    def pushed(self) -> None:
        """The server has what was made here: the next session finds it known."""
        for one, found in self._made.items():
            self._warm.put(self._url, one, found)

    def _grow(self, size: int) -> None:
        self.size += size
        if self.size > self._limit:
            raise BrokenReply(f"the repository's objects are larger than {self._limit} bytes")
