"""A Git repository during one update: refs, objects on demand, one push; no work tree and no git binary.

Source: image-automation-controller internal/source (what is fetched and pushed).
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from dulwich.objects import Commit, ObjectID

from tagstream.adapters.git.clients import BLOBLESS, KnownServers, RepositoryClient
from tagstream.adapters.git.http_client import HttpClient, secrets_of
from tagstream.adapters.git.logins import GitCredentials
from tagstream.adapters.git.objects import ObjectStore, split
from tagstream.adapters.git.replies import MissingObjects, failed, reported
from tagstream.adapters.git.server import Server
from tagstream.domain.objects.model import CommitId, GitRef
from tagstream.domain.update.reference import InvalidReference, ReferenceNotFound, resolve_reference
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.git import Checkout, CommitText, GitAccess, PastCommit, RefUpdate, SigningMaterial, TreeFile

HEADS = b"refs/heads/"
# Nearly all blobs below update.path are manifests, so they come with the trees, except those too large for a manifest.
MANIFESTS = b"blob:limit=65536"
ONLY_COMMITS = b"tree:0"
# Where manifests were more bytes than this last time, only folders that have changed are asked for.
LARGE = 2**18
# Git drops the characters that would end a header early.
_NO_CRUD = str.maketrans("", "", "<>\n\r\0")


class GitClient:
    """Opens repositories; remembers in a warm container what each server can do.

    Args:
        credentials: logs in to providers other than generic.
    """

    def __init__(self, credentials: GitCredentials | None = None) -> None:
        self._servers = KnownServers()
        self._credentials = credentials

    def open(self, access: GitAccess, refs: Collection[bytes] = ()) -> GitRepositorySession:
        """Sends no request yet, except a provider's login; imports what SSH needs only for SSH.

        Args:
            access: where and with what credentials.
            refs: beginnings of the names of the refs that are looked at; none for all.

        Raises:
            ImageAutomationError: the provider's login is misconfigured or refused.
        """
        if self._credentials is not None:
            access = self._credentials.applied(access)
        return GitRepositorySession(self._client(access), access, refs)

    def _client(self, access: GitAccess) -> RepositoryClient:
        if access.url.startswith("ssh://"):
            from tagstream.adapters.git.ssh import SshClient

            return SshClient(access, self._servers)
        try:
            return HttpClient(access, self._servers)
        except AuthenticationError as error:
            raise RetryableError(
                f"failed configuring source manager: {error.message}", reason="SourceManagerFailed"
            ) from None

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
        client: to the repository.
        access: where and with what credentials.
        interest: beginnings of the names of the refs that are looked at; none for all.
    """

    def __init__(self, client: RepositoryClient, access: GitAccess, interest: Collection[bytes] = ()) -> None:
        self._client, self._large, self._interest = client, client.known.large, interest
        self._server = Server(client)
        self._secrets = secrets_of(access)
        self._store = ObjectStore(client.known.objects, client.url)
        self._refs: dict[bytes, CommitId] | None = None
        self._head = b""

    @property
    def requests(self) -> int:
        """HTTP requests so far; over SSH, services started and requests sent."""
        return self._client.requests

    def refs(self) -> Mapping[bytes, CommitId]:
        """One request: those of interest, perhaps more."""
        if self._refs is None:
            with self._reported("list remote"):
                found, self._head = self._server.refs(self._interest)
            self._refs = {name: CommitId(one.decode()) for name, one in found.items()}
        return self._refs

    def default_branch(self) -> str:
        """What HEAD stands for; no request beyond that of ``refs``."""
        self.refs()
        return self._head.removeprefix(HEADS).decode(errors="replace")

    def close(self) -> None:
        """Let go of connections and packs."""
        self._client.close()
        self._store.close()

    def refresh(self) -> None:
        """The next ``refs`` asks again."""
        self._client.renew()
        self._refs = None

    def resolve(self, ref: GitRef) -> Checkout:
        """Precedence commit > name > tag > semver > branch.

        Raises:
            RetryableError: GitOperationFailed, no such reference.
        """
        refs = self.refs()
        try:
            commit, revision = resolve_reference(ref, refs)
        except InvalidReference as error:
            raise failed(f"unable to clone '{self._client.url}'", str(error)) from error
        except ReferenceNotFound as error:
            # Perhaps there is nothing at all: only the refs of interest are known.
            with self._reported("list remote"):
                is_empty = not refs and not self._server.refs(())[0]
            cause = "remote repository is empty" if is_empty else str(error)
            raise failed(f"unable to clone '{self._client.url}'", cause) from None
        return Checkout(commit=commit, branch=ref.branch, revision=revision)

    def fetch(self, commit: CommitId, paths: Collection[str]) -> None:
        """The trees at and below these paths, in two requests at most; what a container has seen is not asked for."""
        with self._reported("clone"):
            self._fetch(commit, [split(path.encode()) for path in paths])

    def files(self, commit: CommitId, path: str) -> tuple[TreeFile, ...]:
        """Fetches what ``fetch`` has not."""
        with self._reported("clone"):
            self._fetch(commit, [split(path.encode())])
            root, _ = self._commit(commit, BLOBLESS)
            return tuple(self._store.files_below(root, path.encode()))

    def _fetch(self, commit: CommitId, paths: Sequence[tuple[bytes, ...]]) -> None:
        """First the commit with the trees on the way to the paths, then what is below them.

        Where manifests are many the paths' own trees come with the commit: they show which folders have changed.
        """
        is_whole, is_large = () in paths, self._client.url in self._large
        depth = max((len(parts) for parts in paths), default=0) + is_large
        root, _ = self._commit(commit, BLOBLESS if is_whole else b"tree:%d" % depth)
        missing = set[bytes]()
        for parts in paths:
            try:
                here = self._store.find(root, parts)
            except MissingObjects as error:
                # Another path's fetch left this one out: what is beside it is of no use.
                missing, is_whole = missing | set(error.ids), True
                continue
            if here is not None and stat.S_ISDIR(here[0]):
                missing |= self._store.unknown_below(here[1])
        if not missing:
            return
        pack = self._server.fetch(sorted(missing), BLOBLESS if is_whole else MANIFESTS)
        if len(pack) > LARGE:
            self._large.add(self._client.url)
        self._store.add_pack(pack)

    def tree(self, commit: CommitId) -> tuple[bytes, tuple[CommitId, ...]]:
        """The tree's id and the parents."""
        with self._reported("clone"):
            return self._commit(commit, ONLY_COMMITS)

    def descends(self, commit: CommitId, ancestor: CommitId, within: int = 0) -> bool:
        """One request, unless the two are one; what comes is not kept."""
        if commit == ancestor:
            return True
        have = b"" if within else ancestor.encode()
        with self._reported("fetch"), closing(ObjectStore()) as history:
            history.add_pack(self._server.fetch([commit.encode()], ONLY_COMMITS, within, have))
            seen, waiting = {commit}, [commit]
            while waiting:
                one = waiting.pop()
                parents = [CommitId(parent.decode()) for parent in history.commit(one.encode()).parents]
                if ancestor in parents:
                    return True
                new = [parent for parent in parents if parent not in seen and parent.encode() in history]
                seen.update(new)
                waiting += new
        return False

    def history(self, commit: CommitId, within: int) -> Mapping[CommitId, PastCommit]:
        """One request; what comes is not kept."""
        found: dict[CommitId, PastCommit] = {}
        with self._reported("fetch"), closing(ObjectStore()) as history:
            history.add_pack(self._server.fetch([commit.encode()], ONLY_COMMITS, within))
            waiting = [commit]
            for one in waiting:
                stored = history.commit(one.encode())
                parents = tuple(CommitId(parent.decode()) for parent in stored.parents)
                author = _printable(stored.author or b"")
                found[one] = PastCommit(commit=one, parents=parents, author=author, tree=bytes(stored.tree))
                known = {*found, *waiting}
                waiting += [parent for parent in parents if parent not in known and parent.encode() in history]
        return found

    def read(self, blobs: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Those that are not known come in one request."""
        with self._reported("clone"):
            missing = [one for one in blobs if one not in self._store]
            if missing:
                self._store.add_pack(self._server.fetch(missing, b""))
            return {one: self._store.blob(one) for one in blobs}

    def commit(self, parent: CommitId, edits: Mapping[bytes, bytes], text: CommitText) -> CommitId:
        """Only changed blobs and the trees above them are written."""
        with self._reported("commit"):
            self._fetch(parent, [split(path) for path in edits])
            root, _ = self._commit(parent, BLOBLESS)
            made = _written(self._store.edited(root, edits), parent, text)
            self._store.add_object(made)
        return CommitId(made.id.decode())

    def push(self, updates: Sequence[RefUpdate], options: Mapping[str, str]) -> None:
        """The commands with all new objects, mostly in one request.

        Every command carries the old value, so that the server refuses what has moved meanwhile. Objects are sent only
        if a ref is to name a commit that was made here.

        Raises:
            PushConflict: a ref is not at ``old`` any more.
            RetryableError: GitOperationFailed, with the server's words.
        """
        with self._reported("push to remote"):
            if any(one.new is not None and self._store.is_made(one.new.encode()) for one in updates):
                self._server.push(updates, lambda thin: self._store.to_send(thin=thin), options)
                self._store.pushed(removes=any(one.new is None for one in updates))
            else:
                self._server.push(updates, lambda thin: [], options)
        if self._refs is not None:
            kept = {ref: one for ref, one in self._refs.items() if ref not in {update.ref for update in updates}}
            self._refs = kept | {update.ref: update.new for update in updates if update.new is not None}

    def _commit(self, commit: CommitId, spec: bytes) -> tuple[bytes, tuple[CommitId, ...]]:
        one = commit.encode()
        if one not in self._store:
            self._store.add_pack(self._server.fetch([one], spec))
        found = self._store.commit(one)
        return found.tree, tuple(CommitId(parent.decode()) for parent in found.parents)

    @contextmanager
    def _reported(self, doing: str) -> Iterator[None]:
        try:
            with reported(f"unable to {doing} '{self._client.url}'", self._secrets):
                yield
        except RetryableError:
            self._server.forget()
            raise


def _printable(name: bytes) -> str:
    return "".join(one for one in name.decode(errors="replace") if one.isprintable())


def _written(tree: bytes, parent: CommitId, text: CommitText) -> Commit:
    """A commit; its author is the committer, the time is UTC, the message is taken as it is.

    Source: go-git's object.Commit.Encode, which Flux writes commits with.
    """
    names = (name.translate(_NO_CRUD).strip() for name in (text.author_name, text.author_email))
    made = Commit()
    made.tree, made.parents, made.message = ObjectID(tree), [ObjectID(parent.encode())], text.message
    made.author = made.committer = "{} <{}>".format(*names).encode()
    made.author_time = made.commit_time = int(text.time.timestamp())
    made.author_timezone = made.commit_timezone = 0
    if text.sign is not None:
        made.gpgsig = text.sign(made.as_raw_string()).rstrip(b"\n")
    return made
