"""Subclasses of dulwich's client, one for each thing that dulwich 1.2.21 lacks; both transports are made of them.

Protocol version 2 answers request by request, over HTTP and over SSH alike. Both transports therefore extend
``AbstractHttpGitClient`` and define only how one request is sent.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dulwich.client import (
    AbstractHttpGitClient,
    FetchPackResult,
    ReportStatusParser,
    build_ls_refs_request_v2,
    extract_object_format_from_capabilities,
    read_pkt_refs_v2,
)
from dulwich.errors import SendPackError
from dulwich.protocol import (
    CAPABILITY_ALLOW_REACHABLE_SHA1_IN_WANT,
    CAPABILITY_FILTER,
    CAPABILITY_NO_PROGRESS,
    CAPABILITY_PUSH_OPTIONS,
    CAPABILITY_SHALLOW,
    Protocol,
    pkt_line,
    pkt_seq,
)

from tagstream.adapters.git.objects import WarmObjects
from tagstream.adapters.git.replies import BrokenReply, ServerRefused
from tagstream.ports.git import GitAccess

UPLOAD, RECEIVE = b"git-upload-pack", b"git-receive-pack"
BLOBLESS = b"blob:none"
DELIMITER = b"0001"
LIST_REFS = b"command=ls-refs"
LISTED_WITHIN_S = 15.0
"""How long the first byte of a list of refs may take, in seconds.

Nothing has to be computed for it, so a server that takes longer hangs. It must not have its whole time-out, which is
meant for packs.
"""
Refs = Mapping[bytes, bytes]


class TimeLeft:
    """How long the next request of a session may take; the session begins now.

    Args:
        access: bounds each request, and all of them together.
    """

    def __init__(self, access: GitAccess) -> None:
        self._request_s, self._ends_s = access.timeout_s, time.monotonic() + access.session_s

    def seconds(self) -> float:
        """Never 0, which some libraries take for no bound."""
        return max(0.1, min(self._request_s, self._ends_s - time.monotonic()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a server can do when it is fetched from.

    ``names`` are its capabilities as it sent them. ``bounds``: it filters trees by depth and blobs by size too.
    ``is_assumed`` until the server was asked.
    """

    names: frozenset[bytes]
    version: int = 2
    bounds: bool = True
    is_assumed: bool = False

    @property
    def shallow(self) -> bool:
        """Whether history can be left out."""
        return CAPABILITY_SHALLOW in self._features

    def usable(self, spec: bytes) -> bytes:
        """The filter to ask for in place of the wanted one; it may let more objects through, which does no harm."""
        if not spec or CAPABILITY_FILTER not in self._features:
            return b""
        # Blobs that were left out are asked for by id later, which a server that serves only refs would refuse.
        if self.version == 0 and CAPABILITY_ALLOW_REACHABLE_SHA1_IN_WANT not in self.names:
            return b""
        return spec if self.bounds and self.version == 2 else BLOBLESS

    @property
    def _features(self) -> set[bytes]:
        if self.version == 0:
            return set(self.names)
        return {word for name in self.names if name.startswith(b"fetch=") for word in name[6:].split()}


# What the servers of the last years can do: version 2 is git's default since 2020.
TODAYS = Abilities(names=frozenset({b"fetch=shallow filter"}), is_assumed=True)


@dataclass(frozen=True, slots=True)
class KnownServers:
    """What a warm container knows of repositories, by URL.

    ``fetching`` and ``pushing`` are their abilities and ``addresses`` where they redirect to; all are forgotten after a
    failure. ``large`` are those whose manifests were so many that only changed folders are fetched next time.
    """

    fetching: dict[str, Abilities] = field(default_factory=dict)
    pushing: dict[str, frozenset[bytes]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    objects: WarmObjects = field(default_factory=WarmObjects)


class GreetsOnce(AbstractHttpGitClient):
    """Asks a server for its abilities only when they are unknown, and lists refs only on request.

    dulwich greets a server before every fetch and every push, and lists its refs before every fetch.
    """

    url: str
    known: KnownServers
    assumes = True
    """Whether a request may come before the greeting."""
    push_from: tuple[frozenset[bytes], Refs] | None = None
    """Abilities and refs to push to without a greeting."""

    def _discover_references(
        self,
        service: bytes,
        base_url: str,
        protocol_version: int | None = None,
        ref_prefix: Sequence[bytes] | None = None,
    ) -> Any:
        if service == RECEIVE:
            if self.push_from is None:
                return super()._discover_references(service, base_url)
            self.protocol_version = 0
            abilities, refs = self.push_from
            return dict(refs), set(abilities), base_url, {}, {}
        known = self.known.fetching.get(self.url)
        if known is None or (ref_prefix is not None and (known.version == 0 or not self.assumes)):
            # Servers of version 0 tell their refs with the greeting, and only there.
            return self._greeted(base_url, ref_prefix or (b"HEAD",))
        self.protocol_version = known.version
        if ref_prefix is None:
            return {}, set(known.names), base_url, {}, {}
        commands, arguments = build_ls_refs_request_v2(set(known.names), None, ref_prefix)
        body = b"".join(map(pkt_line, commands)) + DELIMITER + pkt_seq(*arguments)
        response, read = self._smart_request(UPLOAD.decode(), base_url, body)
        try:
            refs_2, symrefs, peeled = read_pkt_refs_v2(Protocol(read, len).read_pkt_seq())
        finally:
            response.close()
        return refs_2, set(known.names), base_url, symrefs, peeled

    def _greeted(self, base_url: str, ref_prefix: Sequence[bytes]) -> Any:
        found = super()._discover_references(UPLOAD, base_url, 2, ref_prefix)
        if (extract_object_format_from_capabilities(found[1]) or "sha1") != "sha1":
            raise ServerRefused("the repository has SHA-256 objects, which Flux's automation cannot write either")
        self.known.fetching[self.url] = Abilities(names=frozenset(found[1]), version=self.protocol_version)
        return found

    def greet(self) -> None:
        """Ask what the server can do when it is fetched from."""
        self._greeted(self._get_url(""), (b"HEAD",))

    def greet_for_push(self) -> tuple[frozenset[bytes], Refs]:
        """What the server can do when it is pushed to, and its refs."""
        refs, abilities, *_ = super()._discover_references(RECEIVE, self._get_url(""))
        return frozenset(abilities), {name: one for name, one in refs.items() if one is not None}


class FiltersAlways(AbstractHttpGitClient):
    """Filters in version 0 too, and asks for no progress and for small deltas in version 2.

    dulwich drops the filter in version 0 and the two capabilities in version 2.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._fetch_capabilities |= {CAPABILITY_NO_PROGRESS, CAPABILITY_FILTER}
        self._filter: bytes | None = None

    def fetch_pack(self, *given: Any, **options: Any) -> FetchPackResult:
        """As dulwich's; the filter is used in either version."""
        self._filter = options.get("filter_spec")
        return super().fetch_pack(*given, **options)

    @staticmethod
    def _warn_filter_objects() -> None:
        """dulwich would warn that version 0 has no filter."""

    def _smart_request(self, service: str, url: str, data: Any) -> Any:
        if service != UPLOAD.decode():
            return super()._smart_request(service, url, data)
        at, extra = _first_mark(data), b""
        if data.startswith(pkt_line(b"command=fetch\n")):
            at, extra = at + len(DELIMITER), pkt_line(b"no-progress\n") + pkt_line(b"ofs-delta\n")
        elif self.protocol_version == 0 and self._filter:
            extra = pkt_line(b"filter " + self._filter + b"\n")
        return super()._smart_request(service, url, data[:at] + extra + data[at:])


def _first_mark(data: bytes) -> int:
    """Where the first packet without content is: a flush or a delimiter."""
    at = 0
    while (size := int(data[at : at + 4], 16)) > 1:
        at += size
    return at


class CompleteReport(ReportStatusParser):
    """A report of a push in which no line is lost.

    dulwich stumbles over a refusal without a reason or in another encoding than UTF-8, and passes over lines that it
    cannot read.
    """

    def check(self) -> Iterator[tuple[bytes, str | None]]:
        """The refs with the reasons for which they were refused.

        Raises:
            SendPackError: the server could not read the pack.
            BrokenReply: a line that is none of a report.
        """
        if self._pack_status not in (b"unpack ok", None):
            raise SendPackError(self._pack_status)
        for line in self._ref_statuses:
            verb, _, rest = line.partition(b" ")
            ref, _, reason = rest.partition(b" ")
            if verb not in (b"ok", b"ng"):
                raise BrokenReply("the server's report of the push is damaged")
            yield ref, None if verb == b"ok" else reason.decode(errors="replace")


class ReportsPushes(AbstractHttpGitClient):
    """Loses neither push options nor lines of the report of a push.

    dulwich silently drops push options that a server does not take.
    """

    wants_options = False

    def send_pack(self, *given: Any, **options: Any) -> Any:
        """As dulwich's.

        Raises:
            ServerRefused: the server does not take push options.
        """
        self.wants_options = bool(options.get("push_options"))
        return super().send_pack(*given, **options)

    def _negotiate_receive_pack_capabilities(self, server_capabilities: set[bytes]) -> Any:
        if self.wants_options and CAPABILITY_PUSH_OPTIONS not in server_capabilities:
            raise ServerRefused("spec.git.push.options: the server does not take push options")
        return super()._negotiate_receive_pack_capabilities(server_capabilities)

    def _handle_receive_pack_tail(self, *given: Any, **options: Any) -> Any:
        if self._report_status_parser is not None:
            self._report_status_parser = CompleteReport()
        return super()._handle_receive_pack_tail(*given, **options)


class RepositoryClient(GreetsOnce, FiltersAlways, ReportsPushes):
    """One repository.

    Args:
        url: without credentials.
        known: what is known of this and other repositories; filled here.
    """

    def __init__(self, url: str, known: KnownServers) -> None:
        super().__init__(url, thin_packs=False)
        self.url, self.known = url, known
        self.requests = 0

    @abstractmethod
    def renew(self) -> None:
        """The next answer must not be older than this call."""


@dataclass(slots=True)
class Response:
    """What dulwich wants to know of a response."""

    content_type: str
    close: Callable[[], None]
    redirect_location: str = ""
