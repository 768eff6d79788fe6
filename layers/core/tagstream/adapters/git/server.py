"""One repository's server: its abilities are assumed until it refuses something, then asked for and remembered.

Over HTTP every request stands for itself, so the greeting that clients usually begin with can be left out.

Source: gitprotocol-v2(5), gitprotocol-http(5).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from dulwich.errors import FileFormatException, GitProtocolError, HangupException, SendPackError
from dulwich.object_store import ObjectStoreGraphWalker
from dulwich.objects import ZERO_SHA, ObjectID, valid_hexsha
from dulwich.pack import UnpackedObject

from tagstream.adapters.git.clients import BLOBLESS, TODAYS, RepositoryClient
from tagstream.adapters.git.objects import LIMIT
from tagstream.adapters.git.replies import (
    BrokenReply,
    RefRefused,
    ServerRefused,
    UnexpectedStatus,
    UnpackRefused,
    words,
)
from tagstream.ports.git import PushConflict, RefUpdate

HEAD = b"HEAD"
KEPT_PROGRESS = 8192
TODAYS_REPORTS = frozenset({b"report-status", b"side-band-64k"})
_NOT_UNDERSTOOD = (BrokenReply, ServerRefused, UnexpectedStatus)
# What git, JGit, GitHub and GitLab say when a ref is no longer where the push expected it. "non-fast-forward" is not
# among them: that is a server that lets no branch be rebuilt.
_CONFLICTS = (
    "fetch first",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "incorrect old value",
    "reference already exists",
    "is at ",
    "invalid old id sent",
    "failed to lock",
)
_LOCKED = ("cannot lock ref",)
# Refs that were refused only because another one was.
_TOGETHER = ("atomic push failure", "atomic transaction failed", "transaction aborted")


class Server:
    """Lists, fetches and pushes in as few requests as the server allows.

    Args:
        client: to the repository; its ``known`` is filled here.
    """

    def __init__(self, client: RepositoryClient) -> None:
        self._client, self._known, self._url = client, client.known, client.url
        self._progress = b""

    def forget(self) -> None:
        """After a failure: it may be another server by now, with other abilities."""
        for known in (self._known.fetching, self._known.pushing, self._known.addresses):
            known.pop(self._url, None)

    def refs(self, prefixes: Collection[bytes]) -> tuple[dict[bytes, bytes], bytes]:
        """The refs whose names begin with a prefix, perhaps more, and the ref that HEAD stands for (empty if unknown).

        Without prefixes these are all refs.

        Raises:
            BrokenReply, ServerRefused, UnexpectedStatus: also to a greeting.
        """
        if self._client.assumes and self._url not in self._known.fetching:
            self._known.fetching[self._url] = TODAYS
            with suppress(*_NOT_UNDERSTOOD):
                return self._listed(prefixes)
            del self._known.fetching[self._url]
        return self._listed(prefixes)

    def _listed(self, prefixes: Collection[bytes]) -> tuple[dict[bytes, bytes], bytes]:
        with self._translated():
            found = self._client.get_refs(b"", ref_prefix=(HEAD, *prefixes) if prefixes else (b"",))
        # A server of version 0 whose history is cut off lists its shallow commits too.
        refs: dict[bytes, bytes] = {name: one for name, one in found.refs.items() if one not in (None, b"shallow")}
        if not all(map(valid_hexsha, refs.values())):
            raise BrokenReply("the server lists a ref without an object id")
        if any(len(one) != 40 for one in refs.values()):
            raise ServerRefused("the repository has SHA-256 objects, which Flux's automation cannot write either")
        return refs, next((target for name, target in found.symrefs.items() if name == HEAD), b"")

    def fetch(self, wants: Collection[bytes], spec: bytes, depth: int = 1, have: bytes = b"") -> bytes:
        """A pack; one request when the server can filter as assumed.

        Args:
            wants: ids of commits, trees or blobs.
            spec: the filter that would be best; empty for none.
            depth: commits of history, 0 for all.
            have: a commit that is known with its history.
        """
        while True:
            if self._url not in self._known.fetching:
                self._greet()
            used = self._known.fetching[self._url].usable(spec)
            try:
                return self._fetched(wants, used, depth, have)
            except _NOT_UNDERSTOOD as refusal:
                if not used or not self._learn(used, str(refusal)):
                    raise

    def _fetched(self, wants: Collection[bytes], spec: bytes, depth: int, have: bytes) -> bytes:
        data = bytearray()

        def keep(piece: bytes) -> int:
            data.extend(piece)
            # Refused as soon as it is larger than may be kept, not when it is in memory.
            if len(data) > LIMIT:
                raise BrokenReply(f"the repository's objects are larger than {LIMIT} bytes")
            return len(piece)

        depth = depth if self._known.fetching[self._url].shallow else 0
        with self._translated():
            self._client.fetch_pack(
                b"",
                lambda refs, depth=None: list(dict.fromkeys(wants)),
                ObjectStoreGraphWalker([ObjectID(have)] if have else [], lambda commit: []),
                keep,
                progress=self._hear,
                depth=depth or None,
                filter_spec=spec or None,
            )
        return bytes(data)

    def _greet(self) -> None:
        with self._translated():
            self._client.greet()

    def _learn(self, used: bytes, refusal: str) -> bool:
        """Whether a refused filter is worth another try; each refusal teaches one thing, so that there is an end."""
        known = self._known.fetching[self._url]
        if used != BLOBLESS and ("filter" in refusal or not known.is_assumed):
            # Some admit only those filters that cost them little.
            self._known.fetching[self._url] = replace(known, bounds=False)
        elif known.is_assumed:
            self._greet()
        else:
            return False
        return True

    def push(
        self, updates: Sequence[RefUpdate], objects: Callable[[bool], list[UnpackedObject]], options: Mapping[str, str]
    ) -> None:
        """Move refs; one request unless something special is wanted from a server that is not known.

        Args:
            updates: with the old values, so that nothing is overwritten unseen.
            objects: what to send; called with whether it may be deltas against what the server has.
            options: push options.

        Raises:
            PushConflict: a ref moved meanwhile.
            ServerRefused: in the server's words.
        """
        given = [(f"{name}={value}" if value else name).encode() for name, value in options.items()]
        known = self._known.pushing.get(self._url) if self._client.assumes else None
        if known is None and self._client.assumes and len(updates) == 1 and not given:
            with suppress(BrokenReply, UnexpectedStatus, UnpackRefused):
                self._send(updates, objects, given, TODAYS_REPORTS)
                return
        if known is None:
            with self._translated():
                known, refs = self._client.greet_for_push()
            self._known.pushing[self._url] = known
            if all(refs.get(one.ref) == (one.new.encode() if one.new else None) for one in updates):
                # An earlier push arrived, but its answer got lost.
                return
            for one in updates:
                if refs.get(one.ref, b"") != (one.old or "").encode():
                    raise PushConflict(f"non-fast-forward update: {one.ref.decode(errors='replace')}")
        self._send(updates, objects, given, known)

    def _send(
        self,
        updates: Sequence[RefUpdate],
        objects: Callable[[bool], list[UnpackedObject]],
        options: Sequence[bytes],
        abilities: frozenset[bytes],
    ) -> None:
        new = {one.ref: one.new.encode() if one.new else bytes(ZERO_SHA) for one in updates}
        self._client.push_from = abilities, {one.ref: one.old.encode() for one in updates if one.old}
        found = objects(b"no-thin" not in abilities)
        is_atomic = len(updates) > 1 and b"atomic" in abilities
        with self._translated():
            done = self._client.send_pack(
                b"",
                lambda refs: new,
                lambda have, want, **asked: (len(found), iter(found)),
                self._hear,
                push_options=options,
                atomic=is_atomic,
            )
        if b"report-status" in abilities and any(one.old != one.new for one in updates):
            self._check(done.ref_status or {}, new)

    def _check(self, report: Mapping[bytes, str | None], wanted: Collection[bytes]) -> None:
        refused = [(ref, reason) for ref, reason in report.items() if reason is not None]
        if refused:
            self._refuse(*min(refused, key=lambda one: any(together in one[1] for together in _TOGETHER)))
        for ref in wanted:
            if ref not in report:
                raise BrokenReply(f"the server does not say what became of {words(ref)}")

    def _refuse(self, ref: bytes, reason: str) -> None:
        """``ref`` is the one that the others were refused for."""
        # For an atomic push, git names the ref that moved only in its progress output, not in its report.
        is_together = any(together in reason for together in _TOGETHER)
        said, signs = (self._progress.decode(errors="replace"), _LOCKED) if is_together else (reason, _CONFLICTS)
        text = words(self._progress + b"\n" + ref + b": " + reason.encode())
        raise PushConflict(text) if any(one in said for one in signs) else RefRefused(text)

    def _hear(self, piece: bytes) -> None:
        """Keep the end of what the server says meanwhile."""
        self._progress = (self._progress + piece)[-KEPT_PROGRESS:]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of dulwich as a broken reply, or as the server's words."""
        self._progress = b""
        try:
            yield
        except HangupException:
            raise BrokenReply("the server's answer ended early: unexpected EOF") from None
        except SendPackError as error:
            raise UnpackRefused(words(self._progress + b"\n" + error.args[0])) from None
        except GitProtocolError as error:
            raise ServerRefused(words(self._progress + b"\n" + str(error).encode())) from None
        except (FileFormatException, ValueError, AssertionError, KeyError, IndexError) as error:
            raise BrokenReply(f"the server's answer is damaged: {words(str(error).encode()[:200])}") from None
