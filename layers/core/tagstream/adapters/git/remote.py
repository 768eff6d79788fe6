"""A Git repository during one update: refs, objects on demand, one push; no work tree and no git binary.

In: GitAccess. Out: the GitSession of ``ports``.

Source: image-automation-controller internal/source (what is fetched and pushed); fluxcd/pkg git (reference precedence).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from gocompat.semver.range import InvalidRange, parse_range
from tagstream.adapters.git.commit import parse_commit, write_commit
from tagstream.adapters.git.logins import GitCredentials
from tagstream.adapters.git.objects import ObjectStore
from tagstream.adapters.git.pack import BLOB, COMMIT, write_pack
from tagstream.adapters.git.protocol import BLOBLESS, Depth, Listed, Transport
from tagstream.adapters.git.replies import MissingObjects, failed, told
from tagstream.adapters.git.server import KnownServers, Server
from tagstream.adapters.git.transport import HttpTransport, secrets_of
from tagstream.adapters.git.tree import TREE_MODE, files_below, find, split, unknown_below, write_files
from tagstream.domain.objects.model import CommitId, GitRef, Revision
from tagstream.domain.select.ordering import InvalidValue, SemverOrdering
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.git import Checkout, CommitText, GitAccess, RefUpdate, SigningMaterial, TreeFile

DEFAULT_BRANCH = "master"
COMMIT_ID = re.compile("[0-9a-f]{40}")
HEADS, TAGS = b"refs/heads/", b"refs/tags/"


# Below update.path nearly all blobs are manifests: they come with the trees, but for what is no manifest by its size.
MANIFESTS = "blob:limit=65536"
# Where that was more than this last time, only folders that have changed are asked for.
LARGE = 2**18


class GitClient:
    """Opens repositories; remembers in a warm container what each server can do.

    Args:
        credentials: logs in to providers other than generic.
    """

    def __init__(self, credentials: GitCredentials | None = None) -> None:
        self._servers = KnownServers()
        self._credentials = credentials

    def open(self, access: GitAccess, refs: Collection[bytes] = ()) -> GitRepositorySession:
        """No request yet, but for a provider's login; what SSH needs is imported for SSH only.

        Args:
            access: where and with what credentials.
            refs: beginnings of the names of the refs that are looked at; none for all.

        Raises:
            ImageAutomationError: the provider's login is misconfigured or refused.
        """
        if self._credentials is not None:
            access = self._credentials.applied(access)
        if access.url.startswith("ssh://"):
            from tagstream.adapters.git.ssh import SshTransport

            return GitRepositorySession(SshTransport(access), access, self._servers, refs)
        try:
            transport = HttpTransport(access, self._servers.addresses)
        except AuthenticationError as error:
            raise RetryableError(
                f"failed configuring source manager: {error.message}", reason="SourceManagerFailed"
            ) from None
        return GitRepositorySession(transport, access, self._servers, refs)

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
        known: what is known of servers; filled here.
        interest: beginnings of the names of the refs that are looked at; none for all.
    """

    def __init__(
        self, transport: Transport, access: GitAccess, known: KnownServers, interest: Collection[bytes] = ()
    ) -> None:
        self._transport, self._known, self._interest = transport, known, interest
        self._server = Server(transport, known)
        self._secrets = secrets_of(access)
        self._store = ObjectStore(warm=known.objects, url=transport.url)
        self._refs: dict[bytes, CommitId] | None = None
        self._listed: Listed | None = None

    @property
    def requests(self) -> int:
        """HTTP requests so far; over SSH, services started and requests sent."""
        return self._transport.requests

    def refs(self) -> Mapping[bytes, CommitId]:
        """One request: those of interest, perhaps more."""
        if self._refs is None:
            with self._told("list remote"):
                self._listed = self._server.refs(self._interest)
                self._refs = _decoded(self._listed.refs)
        return self._refs

    def default_branch(self) -> str:
        """What HEAD stands for; no request beyond that of ``refs``."""
        self.refs()
        return self._listed.head.removeprefix(HEADS).decode(errors="replace") if self._listed else ""

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
        if ref.commit:
            commit = CommitId(ref.commit.lower())
            if not COMMIT_ID.fullmatch(commit):
                raise failed(f"unable to clone '{self._transport.url}'", f"'{ref.commit}' is no commit's whole id")
            shown = f"{ref.branch}@sha1:{commit}" if ref.branch else f"sha1:{commit}"
            return Checkout(commit=commit, branch=ref.branch, revision=Revision(shown))
        name, shown = self._named(ref, refs)
        found = refs.get(name + b"^{}") or refs.get(name)
        if found is None:
            raise self._not_found(f'couldn\'t find remote ref "{name.decode(errors="replace")}"')
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
            raise self._not_found(f"no match found for semver: {text}")
        return found

    def _not_found(self, cause: str) -> RetryableError:
        """Perhaps there is nothing at all: only the refs of interest are known."""
        with self._told("list remote"):
            is_empty = not self._refs and not self._server.refs(()).refs
        return failed(f"unable to clone '{self._transport.url}'", "remote repository is empty" if is_empty else cause)

    def fetch(self, commit: CommitId, paths: Collection[str]) -> None:
        """The trees at and below these paths, in two requests at most; what a container has seen is not asked for."""
        with self._told("clone"):
            self._fetch(commit, [split(path.encode()) for path in paths])

    def files(self, commit: CommitId, path: str) -> tuple[TreeFile, ...]:
        """Fetches what ``fetch`` has not."""
        with self._told("clone"):
            self._fetch(commit, [split(path.encode())])
            root, _ = self._commit(commit, BLOBLESS)
            return tuple(files_below(self._store, root, path.encode()))

    def _fetch(self, commit: CommitId, paths: Sequence[tuple[bytes, ...]]) -> None:
        """First the commit with the trees on the way to the paths, then what is below them.

        Where manifests are many the paths' own trees come with the commit: they show which folders have changed.
        """
        is_whole, is_large = () in paths, self._transport.url in self._known.large
        depth = max((len(parts) for parts in paths), default=0) + is_large
        root, _ = self._commit(commit, BLOBLESS if is_whole else f"tree:{depth}")
        missing = set[bytes]()
        for parts in paths:
            try:
                here = find(self._store, root, parts)
            except MissingObjects as error:
                # Another path's fetch left this one out: what is beside it is of no use.
                missing, is_whole = missing | set(error.ids), True
                continue
            if here is not None and here.mode == TREE_MODE:
                missing |= unknown_below(self._store, here.id)
        if not missing:
            return
        pack = self._server.fetch(sorted(missing), BLOBLESS if is_whole else MANIFESTS)
        if len(pack) > LARGE:
            self._known.large.add(self._transport.url)
        self._store.add_pack(pack)

    def tree(self, commit: CommitId) -> tuple[bytes, tuple[CommitId, ...]]:
        """The tree's id and the parents."""
        with self._told("clone"):
            return self._commit(commit, "tree:0")

    def descends(self, commit: CommitId, ancestor: CommitId, within: int = 0) -> bool:
        """One request, unless the two are one; what comes is not kept."""
        if commit == ancestor:
            return True
        depth = Depth(commits=within, have=b"" if within else ancestor.encode())
        history = ObjectStore()
        with self._told("fetch"):
            history.add_pack(self._server.fetch([commit.encode()], "tree:0", depth))
            seen, waiting = {commit}, [commit]
            while waiting:
                one = waiting.pop()
                _, parents = parse_commit(history.read(one.encode(), COMMIT))
                if ancestor in parents:
                    return True
                new = [parent for parent in parents if parent not in seen and parent.encode() in history]
                seen.update(new)
                waiting += new
        return False

    def read(self, blobs: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Those that are not known come in one request."""
        with self._told("clone"):
            missing = [one for one in blobs if one not in self._store]
            if missing:
                self._store.add_pack(self._server.fetch(missing, ""))
            return {one: self._store.read(one, BLOB) for one in blobs}

    def commit(self, parent: CommitId, edits: Mapping[bytes, bytes], text: CommitText) -> CommitId:
        """Only changed blobs and the trees above them are written."""
        with self._told("commit"):
            self._fetch(parent, [split(path) for path in edits])
            root, _ = self._commit(parent, BLOBLESS)
            made = self._store.add(COMMIT, write_commit(write_files(self._store, root, edits), parent, text))
        return CommitId(made.decode())

    def push(self, updates: Sequence[RefUpdate], options: Mapping[str, str]) -> None:
        """The commands with all new objects, mostly in one request.

        Every command carries the old value, so that the server refuses what has moved meanwhile.

        Raises:
            PushConflict: a ref is not at ``old`` any more.
            RetryableError: GitOperationFailed, with the server's words.
        """
        with self._told("push to remote"):
            self._server.push(updates, lambda thin: write_pack(self._store.made(thin=thin)), options)
            self._store.pushed()
        if self._refs is not None:
            self._refs |= {update.ref: update.new for update in updates}

    def _commit(self, commit: CommitId, spec: str) -> tuple[bytes, tuple[CommitId, ...]]:
        one = commit.encode()
        if one not in self._store:
            self._store.add_pack(self._server.fetch([one], spec))
        return parse_commit(self._store.read(one, COMMIT))

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            with told(f"unable to {doing} '{self._transport.url}'", self._secrets):
                yield
        except RetryableError:
            self._server.forget()
            raise


def _decoded(refs: Mapping[bytes, bytes]) -> dict[bytes, CommitId]:
    return {name: CommitId(one.decode()) for name, one in refs.items()}
