"""Git's protocol version 2 for fetching and version 0 for pushing, driven directly: no request more than needed.

In: a transport. Out: refs, packs, and what became of a push.

Source: gitprotocol-v2(5), gitprotocol-pack(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tagstream.adapters.git.pktline import ByteReader, Mark, SideBand, packet, read_lines, read_packet
from tagstream.adapters.git.replies import BrokenReply, ServerRefused, words
from tagstream.adapters.git.transport import HttpTransport
from tagstream.ports import PushConflict, RefUpdate

AGENT = b"agent=tagstream"
ZERO = b"0" * 40
UPLOAD, RECEIVE = "git-upload-pack", "git-receive-pack"
# What servers say when a ref is no longer where the push expected it.
_CONFLICTS = (
    b"non-fast-forward",
    b"fetch first",
    b"stale info",
    b"cannot lock ref",
    b"failed to update ref",
    b"incorrect old value",
    b"reference already exists",
    b"is at ",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a server can do when fetching."""

    filters: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertised:
    """What a server says before a push: its refs and its abilities."""

    refs: Mapping[bytes, bytes]
    abilities: frozenset[bytes]


def capabilities(transport: HttpTransport) -> Capabilities:
    """One request; a server without version 2, or with SHA-256 objects, is refused.

    Raises:
        ServerRefused: in words an operator can act on.
    """
    with transport.advertisement(UPLOAD) as reader:
        _skip_service(reader, UPLOAD)
        first = read_packet(reader)
        if first != b"version 2\n":
            raise ServerRefused("the server does not speak version 2 of Git's protocol")
        lines = dict(line.partition(b"=")[::2] for line in read_lines(reader))
    if lines.get(b"object-format", b"sha1") != b"sha1":
        raise ServerRefused("the repository has SHA-256 objects, which Flux's automation cannot write either")
    return Capabilities(filters=b"filter" in lines.get(b"fetch", b"").split())


def list_refs(transport: HttpTransport) -> dict[bytes, bytes]:
    """Every ref with its object; an annotated tag's commit stands at ``refs/tags/x^{}``, the default branch at HEAD."""
    body = b"".join(
        [packet(b"command=ls-refs\n"), packet(AGENT), Mark.DELIMITER.value, packet(b"peel\n"), packet(b"symrefs\n")]
    )
    with transport.call(UPLOAD, body + Mark.FLUSH.value) as reader:
        found = [_ref_line(line) for line in read_lines(reader)]
    return {name: one for refs in found for name, one in refs.items()}


def _ref_line(line: bytes) -> dict[bytes, bytes]:
    """``<id> <name> [peeled:<id>] [symref-target:<name>]``; a branch without commits has no id."""
    one, name, *attributes = line.split(b" ")
    refs = {} if one == b"unborn" else {name: one}
    for attribute in attributes:
        if attribute.startswith(b"peeled:"):
            refs[name + b"^{}"] = attribute.removeprefix(b"peeled:")
    return refs


def fetch(transport: HttpTransport, wants: Iterable[bytes], *, without_blobs: bool) -> bytes:
    """A pack with these objects, commits without their history; one request.

    Args:
        transport: to the repository.
        wants: 40 hex bytes each; commits, trees or blobs.
        without_blobs: leave blobs out (``filter blob:none``); only where the server can.
    """
    arguments = [packet(b"no-progress\n"), packet(b"ofs-delta\n"), packet(b"deepen 1\n")]
    arguments += [packet(b"filter blob:none\n")] if without_blobs else []
    arguments += [packet(b"want " + one + b"\n") for one in dict.fromkeys(wants)]
    body = packet(b"command=fetch\n") + packet(AGENT) + Mark.DELIMITER.value + b"".join(arguments)
    with transport.call(UPLOAD, body + packet(b"done\n") + Mark.FLUSH.value) as reader:
        while True:
            section = read_packet(reader)
            if section == b"packfile\n":
                return b"".join(SideBand(reader).data())
            if not isinstance(section, bytes):
                raise BrokenReply("the server's answer has no pack")
            for _ in read_lines(reader):
                # shallow-info and acknowledgments say nothing new: the fetch was one commit deep and done.
                pass


def advertised_for_push(transport: HttpTransport) -> Advertised:
    """One request."""
    refs: dict[bytes, bytes] = {}
    abilities: frozenset[bytes] = frozenset()
    with transport.advertisement(RECEIVE) as reader:
        _skip_service(reader, RECEIVE)
        for number, line in enumerate(read_lines(reader)):
            head, _, tail = line.partition(b"\0")
            abilities = frozenset(tail.split()) if number == 0 else abilities
            one, _, name = head.partition(b" ")
            if name != b"capabilities^{}":
                refs[name] = one
    return Advertised(refs=refs, abilities=abilities)


def push(
    transport: HttpTransport,
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
    wanted = [b"report-status", b"side-band-64k", AGENT]
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
        _read_report(reader)


def _read_report(reader: ByteReader) -> None:
    band = SideBand(reader)
    report = ByteReader(iter([b"".join(band.data())]), 2**20)
    for line in read_lines(report):
        if line.startswith(b"unpack ") and line != b"unpack ok":
            raise ServerRefused(words(band.progress + b"\n" + line))
        if line.startswith(b"ng "):
            _, _, rest = line.partition(b" ")
            ref, _, reason = rest.partition(b" ")
            if any(one in reason for one in _CONFLICTS):
                raise PushConflict(f"{ref.decode(errors='replace')}: {words(reason)}")
            raise ServerRefused(words(band.progress + b"\n" + ref + b": " + reason))


def _skip_service(reader: ByteReader, service: str) -> None:
    """Smart HTTP answers begin with the service's name; version 2 servers may leave it out."""
    if service == RECEIVE or _has_service(reader):
        while isinstance(read_packet(reader), bytes):
            pass


def _has_service(reader: ByteReader) -> bool:
    return reader.peek(14) == b"001e# service="
