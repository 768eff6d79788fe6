"""Git's protocol, version 2 or 0 for fetching and 0 for pushing, driven directly: no request more than needed.

In: a transport. Out: refs, packs, and what became of a push.

Source: gitprotocol-v2(5), gitprotocol-pack(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tagstream.adapters.git.objects import LIMIT
from tagstream.adapters.git.pktline import ByteReader, Mark, SideBand, packet, read_lines, read_packet
from tagstream.adapters.git.replies import BrokenReply, ServerRefused, UnpackRefused, words
from tagstream.ports.git import PushConflict, RefUpdate

AGENT = b"agent=tagstream"
ZERO = b"0" * 40
MAX_REFS = 500_000
_ID = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
BLOBLESS = "blob:none"
SERVICE_LINE = b"# service="
UPLOAD, RECEIVE = "git-upload-pack", "git-receive-pack"
# What servers say when a ref is no longer where the push expected it: git, JGit, GitHub, GitLab. "non-fast-forward" is
# none of it: that is a server that lets no branch be rebuilt.
_CONFLICTS = (
    b"fetch first",
    b"stale info",
    b"cannot lock ref",
    b"failed to update ref",
    b"incorrect old value",
    b"reference already exists",
    b"is at ",
    b"invalid old id sent",
    b"failed to lock",
)
_LOCKED = (b"cannot lock ref",)
# Refs that were refused only because another one was.
_TOGETHER = (b"atomic push failure", b"atomic transaction failed", b"transaction aborted")


class Transport(Protocol):
    """One repository's services; ``url`` is without credentials."""

    url: str
    requests: int
    is_stateless: bool
    """As HTTP: nothing has to be asked before a call, and a greeting begins with the service's name."""

    def advertisement(self, service: str) -> AbstractContextManager[ByteReader]:
        """The service's greeting."""

    def call(self, service: str, body: bytes) -> AbstractContextManager[ByteReader]:
        """A request and its answer."""

    def renew(self) -> None:
        """The next answer must not be older than this call."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a server can do when fetching.

    ``version`` is 0 or 2 (1 is 0 with a headline). ``filters`` blobs; ``bounds`` trees by depth and blobs by size too;
    leaves out history (``shallow``). ``is_assumed`` until the server was asked.
    """

    filters: bool
    shallow: bool = True
    version: int = 2
    bounds: bool = True
    is_assumed: bool = False

    def usable(self, spec: str) -> str:
        """The filter to ask for in place of the wanted one; whatever is sent too much does no harm."""
        if not spec or not self.filters:
            return ""
        return spec if self.bounds and self.version == 2 else BLOBLESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertised:
    """What a server says before a push: its refs and its abilities."""

    refs: Mapping[bytes, bytes]
    abilities: frozenset[bytes]

    @property
    def head(self) -> bytes:
        """The ref that HEAD stands for; empty when the server does not say."""
        return next((one[12:] for one in self.abilities if one.startswith(b"symref=HEAD:")), b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a server says before a fetch; servers of version 0 name their refs at once."""

    capabilities: Capabilities
    listed: Listed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A server's refs, and the one that HEAD stands for (empty when the server does not say)."""

    refs: Mapping[bytes, bytes]
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much history is fetched with a commit: ``commits`` of it, or, with 0, all that ``have`` is without."""

    commits: int = 1
    have: bytes = b""


ONE_COMMIT = Depth()


def greeting(transport: Transport) -> Greeting:
    """One request; a server with SHA-256 objects is refused.

    Raises:
        ServerRefused: in words an operator can act on.
    """
    with transport.advertisement(UPLOAD) as reader:
        _skip_service(transport, reader)
        lines = list(_ref_lines(reader))
    if lines[:1] == [b"version 2"]:
        said = dict(line.partition(b"=")[::2] for line in lines[1:])
        _check_format(said.get(b"object-format", b"sha1"))
        features = said.get(b"fetch", b"").split()
        return Greeting(capabilities=Capabilities(filters=b"filter" in features, shallow=b"shallow" in features))
    advertised = _advertised(lines)
    _check_format(next((one[14:] for one in advertised.abilities if one.startswith(b"object-format=")), b"sha1"))
    # Blobs that were left out are wanted by their ids later: of no use where only refs may be asked for.
    filters = {b"filter", b"allow-reachable-sha1-in-want"} <= advertised.abilities
    shallow = b"shallow" in advertised.abilities
    listed = Listed(refs=advertised.refs, head=advertised.head)
    return Greeting(capabilities=Capabilities(filters=filters, shallow=shallow, version=0), listed=listed)


def _check_format(name: bytes) -> None:
    if name != b"sha1":
        raise ServerRefused("the repository has SHA-256 objects, which Flux's automation cannot write either")


def _advertised(lines: Sequence[bytes]) -> Advertised:
    """Version 0: ``<id> <name>``, the abilities behind a zero byte of the first line."""
    refs: dict[bytes, bytes] = {}
    abilities: frozenset[bytes] = frozenset()
    for number, line in enumerate(line for line in lines if line != b"version 1"):
        head, _, tail = line.partition(b"\0")
        abilities = frozenset(tail.split()) if number == 0 else abilities
        one, _, name = head.partition(b" ")
        if name != b"capabilities^{}" and one != b"shallow":
            refs[name] = _id(one)
    return Advertised(refs=refs, abilities=abilities)


def list_refs(transport: Transport, prefixes: Iterable[bytes] = ()) -> Listed:
    """Refs with their objects, in version 2; an annotated tag's commit stands at ``refs/tags/x^{}``.

    Args:
        transport: to the repository.
        prefixes: beginnings of names to list, none for all; a server may list more.
    """
    wanted = [b"peel", b"symrefs", *(b"ref-prefix " + one for one in dict.fromkeys(prefixes))]
    body = packet(b"command=ls-refs\n") + packet(AGENT) + Mark.DELIMITER.value
    body += b"".join(packet(one + b"\n") for one in wanted)
    with transport.call(UPLOAD, body + Mark.FLUSH.value) as reader:
        lines = list(_ref_lines(reader))
    refs = {name: one for line in lines for name, one in _ref_line(line).items()}
    if any(len(one) != len(ZERO) for one in refs.values()):
        _check_format(b"sha256")
    target = next((line for line in lines if line.split(b" ")[1:2] == [b"HEAD"]), b"").partition(b" symref-target:")[2]
    return Listed(refs=refs, head=target.partition(b" ")[0])


def _ref_lines(reader: ByteReader) -> Iterator[bytes]:
    for number, line in enumerate(read_lines(reader)):
        if number == MAX_REFS:
            raise BrokenReply(f"the server lists more than {MAX_REFS} refs")
        yield line


def _ref_line(line: bytes) -> dict[bytes, bytes]:
    """``<id> <name> [peeled:<id>] [symref-target:<name>]``; a branch without commits has no id."""
    one, _, rest = line.partition(b" ")
    name, *attributes = rest.split(b" ")
    refs = {} if one == b"unborn" else {name: _id(one)}
    for attribute in attributes:
        if attribute.startswith(b"peeled:"):
            refs[name + b"^{}"] = _id(attribute.removeprefix(b"peeled:"))
    return refs


def _id(text: bytes) -> bytes:
    if not _ID.fullmatch(text):
        raise BrokenReply("the server lists a ref without an object id")
    return text


def fetch(
    transport: Transport, wants: Iterable[bytes], version: int, spec: str, depth: Depth = ONE_COMMIT
) -> bytearray:
    """A pack with these objects and what they lead to; one request.

    Args:
        transport: to the repository.
        wants: 40 hex bytes each; commits, trees or blobs.
        version: 0 or 2.
        spec: a filter that the server knows, or none (git-rev-list(1) ``--filter``).
        depth: of the commits' history.
    """
    if version == 0:
        return _fetch_0(transport, tuple(dict.fromkeys(wants)), spec, depth)
    arguments = [packet(b"no-progress\n"), packet(b"ofs-delta\n"), *map(packet, _deepen(depth))]
    arguments += [packet(b"have " + depth.have + b"\n")] if depth.have else []
    arguments += [packet(b"filter %s\n" % spec.encode())] if spec else []
    arguments += [packet(b"want " + one + b"\n") for one in dict.fromkeys(wants)]
    body = packet(b"command=fetch\n") + packet(AGENT) + Mark.DELIMITER.value + b"".join(arguments)
    with transport.call(UPLOAD, body + packet(b"done\n") + Mark.FLUSH.value) as reader:
        while True:
            section = read_packet(reader)
            if section == b"packfile\n":
                return _pack(reader)
            if not isinstance(section, bytes):
                raise BrokenReply("the server's answer has no pack")
            for _ in read_lines(reader):
                # shallow-info and acknowledgments say nothing new: the fetch was one commit deep and done.
                pass


def _deepen(depth: Depth) -> list[bytes]:
    return [b"deepen %d\n" % depth.commits] if depth.commits else []


def _fetch_0(transport: Transport, wants: Sequence[bytes], spec: str, depth: Depth) -> bytearray:
    abilities = b"side-band-64k ofs-delta no-progress " + AGENT
    abilities += (b" shallow" if depth.commits else b"") + (b" filter" if spec else b"")
    lines = [b"want " + one + (b" " + abilities if number == 0 else b"") for number, one in enumerate(wants)]
    lines += [b"filter " + spec.encode()] if spec else []
    have = packet(b"have " + depth.have + b"\n") if depth.have else b""
    asked = b"".join(packet(line + b"\n") for line in lines) + b"".join(map(packet, _deepen(depth)))
    body = asked + Mark.FLUSH.value + have + packet(b"done\n")
    with transport.call(UPLOAD, body) as reader:
        for _ in read_lines(reader) if depth.commits else ():
            # "shallow <id>", up to a flush: as above.
            pass
        answer = read_packet(reader)
        if answer not in (b"NAK\n", b"ACK " + depth.have + b"\n"):
            raise BrokenReply("the server's answer has no pack")
        return _pack(reader)


def _pack(reader: ByteReader) -> bytearray:
    """Refused as soon as it is larger than may be kept, not when it is in memory."""
    data = bytearray()
    for piece in SideBand(reader).data():
        data += piece
        if len(data) > LIMIT:
            raise BrokenReply(f"the repository's objects are larger than {LIMIT} bytes")
    return data


def advertised_for_push(transport: Transport) -> Advertised:
    """One request."""
    with transport.advertisement(RECEIVE) as reader:
        _skip_service(transport, reader)
        return _advertised(list(_ref_lines(reader)))


def push(
    transport: Transport,
    updates: Sequence[RefUpdate],
    pack: bytes,
    options: Sequence[str],
    abilities: frozenset[bytes],
) -> None:
    """Move refs to objects in the pack; all commands carry the old value, so nothing is overwritten unseen.

    Raises:
        PushConflict: a ref moved meanwhile.
        ServerRefused: a hook or a rule said no, in its words.
    """
    wanted = [one for one in (b"report-status", b"side-band-64k") if one in abilities] + [AGENT]
    wanted += [b"atomic"] if b"atomic" in abilities and len(updates) > 1 else []
    if options:
        if b"push-options" not in abilities:
            raise ServerRefused("spec.git.push.options: the server does not take push options")
        wanted.append(b"push-options")
    commands = [b"%s %s %s" % ((one.old or "").encode() or ZERO, one.new.encode(), one.ref) for one in updates]
    commands[0] += b"\0 " + b" ".join(wanted)
    body = b"".join(packet(one + b"\n") for one in commands) + Mark.FLUSH.value
    if options:
        body += b"".join(packet(one.encode() + b"\n") for one in options) + Mark.FLUSH.value
    with transport.call(RECEIVE, body + pack) as reader:
        if b"report-status" in abilities:
            _read_report(reader, updates, has_bands=b"side-band-64k" in abilities)


def _read_report(reader: ByteReader, updates: Sequence[RefUpdate], *, has_bands: bool) -> None:
    progress, report = b"", reader
    if has_bands:
        band = SideBand(reader)
        report = ByteReader(iter([b"".join(band.data())]), 2**20)
        progress = band.progress + b"\n"
    done, refused = set[bytes](), list[tuple[bytes, bytes]]()
    for line in read_lines(report):
        verb, _, rest = line.partition(b" ")
        ref, _, reason = rest.partition(b" ")
        if verb == b"unpack" and rest != b"ok":
            raise UnpackRefused(words(progress + line))
        if verb == b"ok":
            done.add(ref)
        elif verb == b"ng":
            refused.append((ref, reason))
    if refused:
        _refuse(refused, progress)
    missing = [one.ref for one in updates if one.ref not in done]
    if missing:
        raise BrokenReply(f"the server does not say what became of {words(missing[0])}")


def _refuse(refused: Sequence[tuple[bytes, bytes]], progress: bytes) -> None:
    """Told is the ref that the others were refused for."""
    ref, reason = min(refused, key=lambda one: any(together in one[1] for together in _TOGETHER))
    # Of refs that moved git tells only beside its report when they were to move together.
    is_together = any(together in reason for together in _TOGETHER)
    told, signs = (progress, _LOCKED) if is_together else (reason, _CONFLICTS)
    if any(one in told for one in signs):
        raise PushConflict(words(progress + ref + b": " + reason))
    raise ServerRefused(words(progress + ref + b": " + reason))


def _skip_service(transport: Transport, reader: ByteReader) -> None:
    """Smart HTTP answers begin with the service's name; version 2 servers may leave it out."""
    if transport.is_stateless and reader.peek(4 + len(SERVICE_LINE))[4:] == SERVICE_LINE:
        while isinstance(read_packet(reader), bytes):
            pass
