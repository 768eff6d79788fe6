"""A Git repository during one update: refs, objects on demand, one push; no work tree and no git binary.

In: GitAccess. Out: the GitSession of ``ports``.

Source: image-automation-controller internal/source (what is fetched and pushed); fluxcd/pkg git (reference precedence).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tagstream.adapters.git import protocol
from tagstream.adapters.git.commit import parse_commit, write_commit
from tagstream.adapters.git.credentials import GitCredentials
from tagstream.adapters.git.objects import ObjectStore
from tagstream.adapters.git.pack import BLOB, COMMIT, write_pack
from tagstream.adapters.git.protocol import Capabilities, Transport
from tagstream.adapters.git.replies import failed, told
from tagstream.adapters.git.transport import HttpTransport, secrets_of
from tagstream.adapters.git.tree import files_below, write_files
from tagstream.domain.constraint import InvalidRange, parse_range
from tagstream.domain.model import CommitId, GitRef, Revision
from tagstream.domain.ordering import InvalidValue, SemverOrdering
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports import Checkout, CommitText, GitAccess, PushConflict, RefUpdate, SigningMaterial, TreeFile

DEFAULT_BRANCH = "master"
COMMIT_ID = re.compile("[0-9a-f]{40}")
HEADS, TAGS = b"refs/heads/", b"refs/tags/"


@dataclass(frozen=True, slots=True)
class KnownServers:
    """What servers can do when fetched from and when pushed to, and where they redirect to, by URL.

    Forgotten after a failure.
    """

    capabilities: dict[str, Capabilities] = field(default_factory=dict)
    abilities: dict[str, frozenset[bytes]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)


class GitClient:
    """Opens repositories; remembers in a warm container what each server can do.

    Args:
        credentials: logs in to providers other than generic.
    """

    def __init__(self, credentials: GitCredentials | None = None) -> None:
        self._servers = KnownServers()
        self._credentials = credentials

    def open(self, access: GitAccess) -> GitRepositorySession:
        """No request yet, but for a provider's login; what SSH needs is imported for SSH only.

        Raises:
            ImageAutomationError: the provider's login is misconfigured or refused.
        """
        if self._credentials is not None:
            access = self._credentials.applied(access)
        if access.url.startswith("ssh://"):
            from tagstream.adapters.git.ssh import SshTransport

            return GitRepositorySession(SshTransport(access), access, self._servers)
        try:
            transport = HttpTransport(access, self._servers.addresses)
        except AuthenticationError as error:
            raise RetryableError(
                f"failed configuring source manager: {error.message}", reason="SourceManagerFailed"
            ) from None
        return GitRepositorySession(transport, access, self._servers)

    def signer(self, material: SigningMaterial) -> Callable[[bytes], bytes]:
        """Imports the library that signs only when a signature is asked for.

        Raises:
            RetryableError: SourceManagerFailed, the key cannot be used.
        """
        from tagstream.adapters.git.signing import signer

        return signer(material)


class GitRepositorySession:
    """GitSession over smart HTTP or SSH.

    Args:
        transport: to the repository.
        access: where and with what credentials.
        servers: what they can do; filled here.
    """

    def __init__(self, transport: Transport, access: GitAccess, servers: KnownServers) -> None:
        self._transport = transport
        self._servers = servers
        self._capabilities, self._abilities = servers.capabilities, servers.abilities
        self._secrets = secrets_of(access)
        self._store = ObjectStore()
        self._refs: dict[bytes, CommitId] | None = None

    @property
    def requests(self) -> int:
        """HTTP requests so far; over SSH, services started and requests sent."""
        return self._transport.requests

    def refs(self) -> Mapping[bytes, CommitId]:
        """One request, two on the first contact with a server."""
        if self._refs is None:
            with self._told("list remote"):
                if self._server().version == 0 and self._refs is None:
                    self._greet()
                if self._refs is None:
                    self._refs = _decoded(protocol.list_refs(self._transport))
        return self._refs

    def close(self) -> None:
        """Let go of connections."""
        self._transport.close()

    def refresh(self) -> None:
        """The next ``refs`` asks again."""
        self._transport.renew()
        self._refs = None

    def resolve(self, ref: GitRef) -> Checkout:
        """Precedence commit > name > tag > semver > branch.

        Raises:
            RetryableError: GitOperationFailed, no such reference.
        """
        refs = self.refs()
        if not refs:
            raise failed(f"unable to clone '{self._transport.url}'", "remote repository is empty")
        if ref.commit:
            commit = CommitId(ref.commit.lower())
            if not COMMIT_ID.fullmatch(commit):
                raise failed(f"unable to clone '{self._transport.url}'", f"'{ref.commit}' is no commit's whole id")
            shown = f"{ref.branch}@sha1:{commit}" if ref.branch else f"sha1:{commit}"
            return Checkout(commit=commit, branch=ref.branch, revision=Revision(shown))
        name, shown = self._named(ref, refs)
        found = refs.get(name + b"^{}") or refs.get(name)
        if found is None:
            raise failed(
                f"unable to clone '{self._transport.url}'",
                f'couldn\'t find remote ref "{name.decode(errors="replace")}"',
            )
        return Checkout(commit=found, branch=ref.branch, revision=Revision(f"{shown}@sha1:{found}"))

    def _named(self, ref: GitRef, refs: Mapping[bytes, CommitId]) -> tuple[bytes, str]:
        if ref.name:
            return ref.name.encode(), ref.name
        if ref.tag:
            return TAGS + ref.tag.encode(), ref.tag
        if ref.semver:
            tag = self._newest(ref.semver, refs)
            return TAGS + tag.encode(), tag
        branch = ref.branch or DEFAULT_BRANCH
        return HEADS + branch.encode(), branch

    def _newest(self, text: str, refs: Mapping[bytes, CommitId]) -> str:
        names = (name.removeprefix(TAGS).decode(errors="replace") for name in refs if name.startswith(TAGS))
        try:
            found = SemverOrdering(parse_range(text)).best(name for name in names if not name.endswith("^{}"))
        except (InvalidRange, InvalidValue) as error:
            raise failed(f"unable to clone '{self._transport.url}'", f"semver parse error: {error}") from error
        if found is None:
            raise failed(f"unable to clone '{self._transport.url}'", f"no match found for semver: {text}")
        return found

    def files(self, commit: CommitId, path: str) -> tuple[TreeFile, ...]:
        """The commit with all its trees is fetched once; blobs are not."""
        with self._told("clone"):
            root, _ = self._commit(commit)
            return tuple(files_below(self._store, root, path.encode()))

    def tree(self, commit: CommitId) -> tuple[bytes, tuple[CommitId, ...]]:
        """The tree's id and the parents."""
        with self._told("clone"):
            return self._commit(commit)

    def read(self, blobs: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Those that are not known come in one request."""
        with self._told("clone"):
            missing = [one for one in blobs if one not in self._store]
            if missing:
                pack = protocol.fetch(self._transport, missing, self._server(), without_blobs=False)
                self._store.add_pack(pack)
            return {one: self._store.read(one, BLOB) for one in blobs}

    def commit(self, parent: CommitId, edits: Mapping[bytes, bytes], text: CommitText) -> CommitId:
        """Only changed blobs and the trees above them are written."""
        with self._told("commit"):
            root, _ = self._commit(parent)
            made = self._store.add(COMMIT, write_commit(write_files(self._store, root, edits), parent, text))
        return CommitId(made.decode())

    def push(self, updates: Sequence[RefUpdate], options: Mapping[str, str]) -> None:
        """One request, two on the first push to a server: the commands with all new objects.

        Every command carries the old value, so that the server refuses what has moved meanwhile.

        Raises:
            PushConflict: a ref is not at ``old`` any more.
            RetryableError: GitOperationFailed, with the server's words.
        """
        with self._told("push to remote"):
            abilities = self._push_abilities(updates)
            pack = write_pack(self._store.made(thin=b"no-thin" not in abilities))
            given = [f"{name}={value}" if value else name for name, value in options.items()]
            protocol.push(self._transport, updates, pack, given, abilities)
        if self._refs is not None:
            self._refs |= {update.ref: update.new for update in updates}

    def _push_abilities(self, updates: Sequence[RefUpdate]) -> frozenset[bytes]:
        """What the server can do when it is pushed to, asked once; the answer shows at once what has moved."""
        known = self._abilities.get(self._transport.url)
        if known is not None:
            return known
        found = protocol.advertised_for_push(self._transport)
        self._abilities[self._transport.url] = found.abilities
        for update in updates:
            now = found.refs.get(update.ref)
            if (now.decode() if now else None) != update.old:
                raise PushConflict(f"non-fast-forward update: {update.ref.decode(errors='replace')}")
        return found.abilities

    def _commit(self, commit: CommitId) -> tuple[bytes, tuple[CommitId, ...]]:
        one = commit.encode()
        if one not in self._store:
            pack = protocol.fetch(self._transport, [one], self._server(), without_blobs=True)
            self._store.add_pack(pack)
        return parse_commit(self._store.read(one, COMMIT))

    def _server(self) -> Capabilities:
        url = self._transport.url
        if url not in self._capabilities:
            self._greet()
        return self._capabilities[url]

    def _greet(self) -> None:
        """Servers of version 0 tell their refs with what they can do."""
        greeting = protocol.greeting(self._transport)
        self._capabilities[self._transport.url] = greeting.capabilities
        self._refs = None if greeting.refs is None else _decoded(greeting.refs)

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            with told(f"unable to {doing} '{self._transport.url}'", self._secrets):
                yield
        except RetryableError:
            # The server may be another one by now, with other abilities: ask before the next try.
            for known in (self._capabilities, self._abilities, self._servers.addresses):
                known.pop(self._transport.url, None)
            raise


def _decoded(refs: Mapping[bytes, bytes]) -> dict[bytes, CommitId]:
    return {name: CommitId(one.decode()) for name, one in refs.items()}
