"""One repository's server: what it can do is assumed until it says otherwise, then asked for and remembered.

In: a transport. Out: refs, packs and pushes, over HTTP in one request each with servers as they are today.

Source: gitprotocol-v2(5), gitprotocol-http(5): over HTTP each request stands for itself, so that the greeting which
clients usually begin with can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tagstream.adapters.git import protocol
from tagstream.adapters.git.protocol import BLOBLESS, ONE_COMMIT, Capabilities, Depth, Listed, Transport
from tagstream.adapters.git.replies import BrokenReply, ServerRefused, UnexpectedStatus, UnpackRefused
from tagstream.adapters.git.warm_objects import WarmObjects
from tagstream.ports.git import PushConflict, RefUpdate

# What the servers of the last years can do: version 2 is git's default since 2020.
TODAYS = Capabilities(filters=True, is_assumed=True)
TODAYS_REPORTS = frozenset({b"report-status", b"side-band-64k"})
HEAD = b"HEAD"
_NOT_UNDERSTOOD = (BrokenReply, ServerRefused, UnexpectedStatus)


@dataclass(frozen=True, slots=True)
class KnownServers:
    """What a warm container knows of repositories, by URL.

    ``capabilities`` when fetched from, ``abilities`` when pushed to and ``addresses`` that they redirect to are
    forgotten after a failure; ``large`` are those whose manifests were so many that only changed folders are fetched
    next time.
    """

    capabilities: dict[str, Capabilities] = field(default_factory=dict)
    abilities: dict[str, frozenset[bytes]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    objects: WarmObjects = field(default_factory=WarmObjects)


class Server:
    """Asks for what it has to know, and for nothing else.

    Args:
        transport: to the repository.
        known: of this and other repositories; filled here.
    """

    def __init__(self, transport: Transport, known: KnownServers) -> None:
        self._transport, self._known, self._url = transport, known, transport.url

    def forget(self) -> None:
        """It may be another one by now, with other abilities."""
        self._known.capabilities.pop(self._url, None)
        self._known.abilities.pop(self._url, None)
        self._known.addresses.pop(self._url, None)

    def refs(self, prefixes: Collection[bytes]) -> Listed:
        """Refs whose names begin so, perhaps more, with HEAD; none stands for all.

        Raises:
            BrokenReply, ServerRefused, UnexpectedStatus: also to a greeting.
        """
        known = self._known.capabilities.get(self._url)
        prefixes = {HEAD, *prefixes} if prefixes else ()
        if known is None and self._transport.is_stateless:
            with suppress(*_NOT_UNDERSTOOD):
                found = protocol.list_refs(self._transport, prefixes)
                self._known.capabilities[self._url] = TODAYS
                return found
        # Servers of version 0 tell their refs with the greeting, and only there.
        told = self._greet() if known is None or known.version == 0 else None
        return told if told is not None else protocol.list_refs(self._transport, prefixes)

    def fetch(self, wants: Collection[bytes], spec: str, depth: Depth = ONE_COMMIT) -> bytearray:
        """A pack; one request when the server can filter as assumed.

        Args:
            wants: ids of commits, trees or blobs.
            spec: the filter that would be best; "" for none.
            depth: of the commits' history.
        """
        while True:
            server = self._capabilities()
            used = server.usable(spec)
            try:
                bounded = depth if server.shallow else replace(depth, commits=0)
                return protocol.fetch(self._transport, wants, server.version, used, bounded)
            except _NOT_UNDERSTOOD as refusal:
                if not used or not self._learn(server, used, str(refusal)):
                    raise

    def push(self, updates: Sequence[RefUpdate], pack: Callable[[bool], bytes], options: Mapping[str, str]) -> None:
        """Move refs; one request unless something special is wanted from a server that is not known.

        Args:
            updates: with the old values, so that nothing is overwritten unseen.
            pack: makes the pack; called with whether it may be thin.
            options: push options.

        Raises:
            PushConflict: a ref moved meanwhile.
            ServerRefused: in the server's words.
        """
        given = [f"{name}={value}" if value else name for name, value in options.items()]
        known = self._known.abilities.get(self._url)
        if known is None and self._transport.is_stateless and len(updates) == 1 and not given:
            with suppress(BrokenReply, UnexpectedStatus, UnpackRefused):
                protocol.push(self._transport, updates, pack(True), given, TODAYS_REPORTS)
                return
        if known is None:
            known = self._push_abilities(updates)
        if known is not None:
            protocol.push(self._transport, updates, pack(b"no-thin" not in known), given, known)

    def _push_abilities(self, updates: Sequence[RefUpdate]) -> frozenset[bytes] | None:
        """What the server can do when it is pushed to; None when the refs are there already.

        They are after a push whose answer got lost.
        """
        found = protocol.advertised_for_push(self._transport)
        self._known.abilities[self._url] = found.abilities
        now = {update.ref: (found.refs.get(update.ref) or b"").decode() or None for update in updates}
        if all(now[update.ref] == update.new for update in updates):
            return None
        for update in updates:
            if now[update.ref] != update.old:
                raise PushConflict(f"non-fast-forward update: {update.ref.decode(errors='replace')}")
        return found.abilities

    def _capabilities(self) -> Capabilities:
        if self._url not in self._known.capabilities:
            self._greet()
        return self._known.capabilities[self._url]

    def _greet(self) -> Listed | None:
        greeting = protocol.greeting(self._transport)
        self._known.capabilities[self._url] = greeting.capabilities
        return greeting.listed

    def _learn(self, server: Capabilities, used: str, refusal: str) -> bool:
        """Whether a refused filter is worth another try; each refusal teaches one thing, so that there is an end."""
        if used != BLOBLESS and ("filter" in refusal or not server.is_assumed):
            # Some admit only those filters that cost them little.
            self._known.capabilities[self._url] = replace(server, bounds=False)
            return True
        if server.is_assumed:
            self._greet()
            return True
        return False
