"""The commits in doubt of a lease as one compressed list, to which more are added without writing it anew.

The list is JSON in one zlib stream: a value while it is short, parts when it is long. Of a stream in parts only the
end is written over when commits are added, because it is flushed after those of each push. Readers need not know
that, so a version that writes the whole list for each push can read it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from tagstream.adapters.store import keys
from tagstream.adapters.store.ledger import entry_document, entry_of
from tagstream.adapters.store.parts import NO_PARTS, PART_BYTES, Reference, cut
from tagstream.domain.objects.model import CommitId
from tagstream.ports.leases import CommitIntent, Recorded

if TYPE_CHECKING:
    from zlib import _Compress

# From this length on a part is left as it is, and what follows begins another one: it costs one write unit (1 KB) then,
# with its keys and the commit that exceeds this length.
FULL_PART_BYTES = 700
UNREADABLE = (KeyError, TypeError, ValueError, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitList(Recorded):
    """The commits that were recorded under one lease; their JSON if they are short, a stream once they are in parts.

    Attributes:
        text: the JSON without its end, empty for a stream.
        packer: has taken all that is in ``body``.
        body: the stream without its end.
        last: where the last part of ``body`` begins.
        named: the parts that hold the stream.
    """

    text: str = ""
    packer: _Compress = field(default_factory=zlib.compressobj)
    body: bytes = b""
    last: int = 0
    named: Reference = NO_PARTS

    def lengthened(self, intents: Sequence[CommitIntent]) -> CommitList:
        """The list with more commits; this one is left as it is."""
        listed = ",".join(json.dumps(_stored(one), separators=(",", ":")) for one in intents)
        if not self.body:
            return replace(self, text=f"{self.text},{listed}" if self.text else f"[{listed}")
        is_full = len(self.body) - self.last >= FULL_PART_BYTES
        return self._streamed(f",{listed}", len(self.body) if is_full else self.last)

    def short(self) -> bytes:
        """All of it as one value; empty for a stream."""
        return b"" if self.body else zlib.compress(f"{self.text}]".encode())

    def parts(self, snapshot: str) -> tuple[CommitList, tuple[bytes, ...]]:
        """All of it as a stream in parts with this name, and their bodies."""
        stream = self if self.body else self._streamed(self.text, 0)
        *others, last = (*cut(stream.body[: stream.last]), *cut(stream.body[stream.last :]))
        named = Reference(snapshot, len(others) + 1)
        return replace(stream, last=len(stream.body) - len(last), named=named), (*others, last + stream._end)

    def changed_parts(self, former: CommitList) -> tuple[bytes, ...]:
        """What the last part of a former state becomes, and the part behind it if there is another one now.

        Empty if the former state has no parts, or the new commits are too long for a part.
        """
        last = self.body[self.last :] + self._end
        if not former.named.count or len(last) > PART_BYTES:
            return ()
        return (last,) if self.last == former.last else (self.body[former.last : self.last], last)

    def _streamed(self, text: str, last: int) -> CommitList:
        packer = self.packer.copy()
        body = self.body + packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
        return replace(self, text="", packer=packer, body=body, last=last)

    @property
    def _end(self) -> bytes:
        packer = self.packer.copy()
        return packer.compress(b"]") + packer.flush()


def read_intents(packed: bytes) -> tuple[CommitIntent, ...]:
    """The commits of a stream, up to its end. Bytes behind the end are of a longer stream that is not complete yet.

    Raises:
        KeyError, TypeError, ValueError, zlib.error: these are no commits, or their stream has no end.
    """
    listed = cast("list[dict[str, object]]", json.loads(zlib.decompressobj().decompress(packed)))
    return tuple(_intent(one) for one in listed)


def _stored(intent: CommitIntent) -> dict[str, object]:
    return {
        "automation": str(intent.automation),
        "commit": intent.commit,
        "branch": intent.branch,
        "at": keys.iso(intent.made_at),
        "event": entry_document(intent.event),
        **({"replaces": intent.replaces} if intent.replaces else {}),
    }


def _intent(stored: Mapping[str, object]) -> CommitIntent:
    commit, at = CommitId(str(stored["commit"])), keys.from_iso(str(stored["at"]))
    replaces = CommitId(str(stored["replaces"])) if "replaces" in stored else None
    return CommitIntent(
        automation=keys.named(str(stored["automation"])),
        commit=commit,
        branch=str(stored["branch"]),
        made_at=at,
        event=entry_of(cast("Mapping[str, object]", stored["event"]), at, replaces or commit),
        replaces=replaces,
    )
