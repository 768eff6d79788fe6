"""Git repositories: one session during one update, and the values that it takes and returns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Protocol

from tagstream.domain.objects.model import CommitId, GitRef, Provider, Revision
from tagstream.ports.connection import Proxy, TlsMaterial


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAccess:
    """Where a repository is and how to authenticate.

    Secret members are never printed, nor is ``url``, which may hold some.
    ``timeout_s`` is that of each request, and ``session_s`` that of all of a session's together, from its opening on.
    ``app`` holds the secret of an application: its ``githubApp…`` members, or those of one in Azure.
    """

    url: str = field(repr=False)
    provider: Provider = "generic"
    timeout_s: float = 60.0
    session_s: float = inf
    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    identity: bytes = field(default=b"", repr=False)
    identity_passphrase: str = field(default="", repr=False)
    known_hosts: bytes = field(default=b"", repr=False)
    app: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    tls: TlsMaterial | None = field(default=None, repr=False)
    proxy: Proxy | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningMaterial:
    """A signing key's secret, by ``namespace/name``; type is ``gpg`` or ``ssh``."""

    type: str
    secret: str
    data: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What a reference means now; ``revision`` is ``branch@sha1:<commit>`` (Flux's form for the ref used)."""

    commit: CommitId
    branch: str
    revision: Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFile:
    """A regular file of a commit; ``blob`` is its object id as 40 hex bytes."""

    path: bytes
    blob: bytes
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCommit:
    """A commit of the history; ``author`` is ``Name <email>``, with what cannot be printed left out.

    ``tree`` is the id of its tree as 40 hex bytes.
    """

    commit: CommitId
    parents: tuple[CommitId, ...]
    author: str
    tree: bytes = field(default=b"", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitText:
    """The author is the committer too; the message is stored byte for byte.

    ``sign`` maps the commit object to a signature.
    """

    author_name: str
    author_email: str
    message: bytes
    time: datetime
    sign: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefUpdate:
    """Move ``ref`` from ``old`` (None: it must not exist) to ``new`` (None: delete it).

    The update is refused when the remote is not at ``old``.
    """

    ref: bytes
    old: CommitId | None
    new: CommitId | None


class PushConflict(Exception):
    """The remote ref moved between reading and pushing; fetch again and repeat."""


class GitSession(Protocol):
    """One repository during one update: refs once, objects on demand, one push."""

    def refs(self) -> Mapping[bytes, CommitId]:
        """The remote's refs of interest, perhaps more (one ls-refs, cached in the session)."""

    def refresh(self) -> None:
        """Forget the refs: the next use asks the remote again; objects stay."""

    def default_branch(self) -> str:
        """The remote's default branch; empty when it does not say."""

    def descends(self, commit: CommitId, ancestor: CommitId, within: int = 0) -> bool:
        """Whether ``ancestor`` is ``commit`` itself or in its history.

        Only the last ``within`` commits are searched; with 0 all are, and the remote must know both commits.
        """

    def history(self, commit: CommitId, within: int) -> Mapping[CommitId, PastCommit]:
        """A commit and its ancestors up to ``within`` generations, as far as the remote shows them."""

    def resolve(self, ref: GitRef) -> Checkout:
        """The commit a checkout reference names.

        Raises:
            Unanswered: GitOperationFailed, the remote cannot be reached.
            RetryableError: GitOperationFailed, no such reference, or the remote's answer ended early.
        """

    def fetch(self, commit: CommitId, paths: Collection[str]) -> None:
        """Fetch what it takes to list and read everything at or below these paths; a path need not exist."""

    def files(self, commit: CommitId, path: str) -> tuple[TreeFile, ...]:
        """Regular files at or below ``path`` (a folder or a file), paths from the repository's root, sorted."""

    def read(self, blobs: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Blob contents by id, fetched in one request."""

    def tree(self, commit: CommitId) -> tuple[bytes, tuple[CommitId, ...]]:
        """A commit's tree id (40 hex bytes) and its parents; fetched when it is not known yet."""

    def commit(self, parent: CommitId, edits: Mapping[bytes, bytes], text: CommitText) -> CommitId:
        """A new commit on ``parent`` whose tree has these files' contents replaced; nothing is sent yet."""

    def push(self, updates: Sequence[RefUpdate], options: Mapping[str, str]) -> None:
        """Move the refs, and send the new objects unless the refs name only commits that the remote has.

        Raises:
            PushConflict: a ref is no longer at ``old``.
            RetryableError: GitOperationFailed, with the server's words.
        """

    def close(self) -> None:
        """Let go of connections; the session is not used after it."""


class GitRemote(Protocol):
    """Opens repositories."""

    def open(self, access: GitAccess, refs: Collection[bytes] = ()) -> GitSession:
        """Send no request yet. ``refs`` are prefixes of the names of interest; none stands for all."""

    def signer(self, material: SigningMaterial) -> Callable[[bytes], bytes]:
        """A function from a commit object to its signature; its key was tried already."""


class MarkerCache(Protocol):
    """Which blobs hold a setter marker: blobs never change, so what is known stays true."""

    def is_marked(self, blob: bytes) -> bool | None:
        """Whether a blob holds a marker; None when that is not known yet."""

    def learn(self, blob: bytes, marked: bool) -> None:
        """Remember whether a blob holds a marker."""
