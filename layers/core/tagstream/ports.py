"""What the shell asks of the outside world, as protocols; ``wiring.py`` chooses who answers.

In: values of ``domain`` and ``events``. Out: values again, or the errors of ``errors.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from tagstream.access import (  # isort: skip
    Checkout as Checkout,
    CommitText as CommitText,
    GitAccess as GitAccess,
    Proxy as Proxy,
    PullSecret as PullSecret,
    PushConflict as PushConflict,
    RefUpdate as RefUpdate,
    RegistryAccess as RegistryAccess,
    SigningMaterial as SigningMaterial,
    TagListing as TagListing,
    TlsMaterial as TlsMaterial,
    TreeFile as TreeFile,
)
from tagstream.domain.model import CommitId, Digest, GitRef, NamespacedName
from tagstream.records import (
    CommitIntent,
    HookTarget,
    LastDelivery,
    Lease,
    LedgerEntry,
    QueuedRun,
    QueuedScan,
    ScanWindow,
    Selection,
    StoredObject,
    TagRecord,
    TagState,
    Waiting,
)

if TYPE_CHECKING:
    from tagstream.domain.image import ImageName

Document = Mapping[str, object]
"""A JSON object: an object's document, a status."""


# --- registries ------------------------------------------------------------------------------------------------


class Registry(Protocol):
    """Reads tags and digests; ``deadline_s`` is on the monotonic clock."""

    def list_tags(self, image: ImageName, access: RegistryAccess, deadline_s: float) -> TagListing:
        """All tags, or an error: never a partial list."""

    def digest(self, image: ImageName, tag: str, access: RegistryAccess, deadline_s: float) -> Digest:
        """The digest a tag points to (for a multi-arch image, of its index)."""


# --- Git -------------------------------------------------------------------------------------------------------


class GitSession(Protocol):
    """One repository during one update: refs once, objects on demand, one push."""

    def refs(self) -> Mapping[bytes, CommitId]:
        """The remote's refs of interest, perhaps more (one ls-refs, cached in the session)."""

    def refresh(self) -> None:
        """Forget the refs: the next use asks the remote again; objects stay."""

    def default_branch(self) -> str:
        """The remote's default branch; empty when it does not say."""

    def descends(self, commit: CommitId, ancestor: CommitId, within: int = 0) -> bool:
        """Whether ``ancestor`` is in ``commit``'s history, or is it; ``within`` so many commits, 0 for all.

        Without a bound the remote must know both.
        """

    def resolve(self, ref: GitRef) -> Checkout:
        """The commit a checkout reference names.

        Raises:
            RetryableError: GitOperationFailed, no such reference or the remote cannot be reached.
        """

    def fetch(self, commit: CommitId, paths: Collection[str]) -> None:
        """Get ready to list and read what is at or below these paths, all at once; paths may lead nowhere."""

    def files(self, commit: CommitId, path: str) -> tuple[TreeFile, ...]:
        """Regular files at or below ``path`` (a folder or a file), paths from the repository's root, sorted."""

    def read(self, blobs: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Blob contents by id, fetched in one request."""

    def tree(self, commit: CommitId) -> tuple[bytes, tuple[CommitId, ...]]:
        """A commit's tree id (40 hex bytes) and its parents; fetched when it is not known yet."""

    def commit(self, parent: CommitId, edits: Mapping[bytes, bytes], text: CommitText) -> CommitId:
        """A new commit on ``parent`` whose tree has these files' contents replaced; nothing is sent yet."""

    def push(self, updates: Sequence[RefUpdate], options: Mapping[str, str]) -> None:
        """Send the new objects and move the refs.

        Raises:
            PushConflict: a ref is no longer at ``old``.
            RetryableError: GitOperationFailed, with the server's words.
        """

    def close(self) -> None:
        """Let go of connections; the session is not used after it."""


class GitRemote(Protocol):
    """Opens repositories."""

    def open(self, access: GitAccess, refs: Collection[bytes] = ()) -> GitSession:
        """No request yet. ``refs`` are beginnings of the names that are looked at; none for all."""

    def signer(self, material: SigningMaterial) -> Callable[[bytes], bytes]:
        """What maps a commit object to its signature, with a key that was tried."""


# --- state -----------------------------------------------------------------------------------------------------


class ObjectStore(Protocol):
    """Objects and their status."""

    def list(self, kind: str, namespace: str | None = None) -> tuple[StoredObject, ...]:
        """Objects of a kind with their status, sorted by namespace and name."""

    def get(self, kind: str, key: NamespacedName) -> StoredObject | None:
        """One object with its status."""

    def put(self, document: Document) -> StoredObject:
        """Create or replace; the generation grows only when the spec changed."""

    def annotate(self, kind: str, key: NamespacedName, annotations: Mapping[str, str]) -> bool:
        """Set annotations; False when there is no such object."""

    def delete(self, kind: str, key: NamespacedName) -> bool:
        """Remove an object and all state derived from it."""

    def put_status(self, kind: str, key: NamespacedName, status: Document) -> None:
        """Replace the status; dropped silently when the object is gone."""


class TagStore(Protocol):
    """What scans found."""

    def state(self, key: NamespacedName) -> TagState | None:
        """The summary of the last stored tag list."""

    def states(self, keys: Collection[NamespacedName]) -> Mapping[NamespacedName, TagState]:
        """Summaries of many repositories in as few reads as the table allows."""

    def tags(self, key: NamespacedName) -> Iterator[TagRecord]:
        """All stored tags, descending bytewise, each with its first sighting; a list as it was at the call."""

    def put(self, key: NamespacedName, state: TagState, tags: Iterable[TagRecord], expected: TagState | None) -> bool:
        """Replace the list whole if the stored one still is ``expected``; readers never see a mixture."""

    def last_scans(self) -> Mapping[NamespacedName, datetime]:
        """When each repository was last scanned successfully or not."""

    def put_last_scans(self, times: Mapping[NamespacedName, datetime]) -> None:
        """Record a batch in one write per shard."""

    def shard(self, key: NamespacedName) -> int:
        """Which shard item holds a repository's last scan time."""

    def first_seen(self, key: NamespacedName, tag: str, digest: Digest, now: datetime) -> datetime:
        """When this tag was first seen with this digest; recorded now when it is new."""

    def cool_down(self, host: str) -> datetime | None:
        """Until when a host must be left alone."""

    def put_cool_down(self, host: str, until: datetime) -> None:
        """Leave a host alone; an earlier end never replaces a later one."""


class SelectionStore(Protocol):
    """What policies chose, and requests to run automations: the items the stream filter matches."""

    def get(self, key: NamespacedName) -> Selection | None:
        """A policy's current selection."""

    def list(self, namespace: str) -> Mapping[NamespacedName, Selection]:
        """All selections of a namespace."""

    def put(self, selection: Selection, expected: Selection | None) -> bool:
        """Store if the stored one still is ``expected``; False when somebody was faster."""

    def request_run(self, automation: NamespacedName, reason: str, now: datetime) -> None:
        """Ask for a run of an automation through the stream."""

    def waiting(self, automation: NamespacedName) -> Waiting | None:
        """The automation's last wait for more selections, which may be over."""

    def put_waiting(self, automation: NamespacedName, waiting: Waiting) -> None:
        """Remember a wait."""


class LeaseStore(Protocol):
    """One writer per Git URL and push branch, and the record of what it was about to push."""

    def acquire(self, target: str, owner: str, ttl_s: float) -> Lease | None:
        """A lease with a fencing number, or None while another holds it."""

    def release(self, lease: Lease) -> None:
        """Give it back; a lease that expired and was taken over stays with its new owner."""

    def put_intent(self, lease: Lease, intents: Sequence[CommitIntent]) -> None:
        """Record the commits about to be pushed; refused when the lease was lost.

        Raises:
            RetryableError: LeaseLost.
        """

    def intents(self, target: str) -> tuple[CommitIntent, ...]:
        """Commits that may or may not have been pushed."""

    def is_held(self, lease: Lease) -> bool:
        """Whether nobody else has taken the lease meanwhile."""

    def clear_intents(self, lease: Lease) -> None:
        """The statuses of all recorded commits are written."""


class Ledger(Protocol):
    """The audit trail: selections, rejections, commits, pushes, errors, each with its cause; entries expire."""

    def record(self, entries: Sequence[LedgerEntry]) -> None:
        """Append."""

    def read(self, since: datetime, until: datetime) -> tuple[LedgerEntry, ...]:
        """Entries of a period, oldest first."""


class HookStore(Protocol):
    """What the webhook function needs to know, by key, in single reads."""

    def target(self, path: str) -> HookTarget | None:
        """The Receiver at ``/hook/<digest>``."""

    def paths(self, receiver: NamespacedName) -> tuple[str, ...]:
        """A Receiver's published paths, newest first."""

    def put_targets(
        self, paths: Sequence[str], receiver: NamespacedName, expected: Sequence[str] | None = None
    ) -> bool:
        """Publish a Receiver's paths, one per token in force, its only ones; False if not ``expected`` are in force."""

    def repositories(self, canonical: str) -> tuple[NamespacedName, ...]:
        """ImageRepositories of a canonical image name."""

    def coalesce(self, repository: NamespacedName, window_s: float, cause: str) -> ScanWindow:
        """Scan at once, at the end of the window, or not: a scan that covers this push is planned already."""

    def put_last_delivery(self, kind: str, names: Sequence[NamespacedName], delivery: LastDelivery) -> None:
        """The newest delivery of these objects."""

    def put_refusal(self, receiver: NamespacedName, delivery: LastDelivery, window_s: float) -> bool:
        """The same for a refused one; at most once in a window, whatever a flood may bring. False: not this time."""

    def last_deliveries(self, kind: str) -> Mapping[NamespacedName, LastDelivery]:
        """Of all objects of a kind that had one."""

    def reopen(self, repositories: Sequence[NamespacedName]) -> None:
        """Forget the windows of repositories whose scan could not be asked for."""

    def confirm(self, repository: NamespacedName, cause: str) -> None:
        """The scan at the end of this window has been asked for; until then no delivery counts on it."""

    def join(self, repository: NamespacedName, cause: str, tags: Collection[str]) -> None:
        """Tags named by a delivery that a scan of this cause covers."""

    def joined_tags(self, repository: NamespacedName, cause: str) -> frozenset[str]:
        """The tags of all deliveries that a scan of this cause covers besides its own."""

    def delivery_settled(self, receiver: NamespacedName, delivery_id: str) -> bool:
        """True when a delivery of this id was acted on lately."""

    def settle_delivery(self, receiver: NamespacedName, delivery_id: str, ttl_s: float) -> None:
        """A delivery was acted on; its repetitions are passed over for ttl_s."""


class Secrets(Protocol):
    """Secrets by namespace and name."""

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The secret's members.

        Raises:
            SecretNotFound: there is none.
        """

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The same, whatever is remembered of it."""

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        """Create or replace."""


class SecretNotFound(Exception):
    """No such secret; the message is ``secrets "name" not found``."""


class ScanQueue(Protocol):
    """Asks the scan function for work, now or later."""

    def send(self, requests: Sequence[QueuedScan | QueuedRun]) -> None:
        """Enqueue, in as few calls as SQS allows."""


class MarkerCache(Protocol):
    """Which blobs hold a setter marker: blobs never change, so what is known stays true."""

    def is_marked(self, blob: bytes) -> bool | None:
        """None: not known yet."""

    def learn(self, blob: bytes, marked: bool) -> None:
        """Remember."""


class Clock(Protocol):
    """Time, as an argument."""

    def now(self) -> datetime:
        """Aware UTC."""

    def monotonic_s(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Metrics(Protocol):
    """Counts and durations by the names in ``metric_names.py``."""

    def add(self, name: str, value: float, controller: str) -> None:
        """One measurement; the unit belongs to the name."""

    def flush(self) -> None:
        """Write what was added since the last flush: once, at the end of an invocation."""


class Log(Protocol):
    """Structured log; messages are constants, facts are keys."""

    def info(self, message: str, **facts: object) -> None:
        """One line per outcome."""

    def debug(self, message: str, **facts: object) -> None:
        """Detail."""

    def error(self, message: str, **facts: object) -> None:
        """Something an operator must see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookPorts:
    """What the webhook function may touch: nothing that is slow to import."""

    hooks: HookStore
    objects: ObjectStore
    secrets: Secrets
    queue: ScanQueue
    ledger: Ledger
    issuer_keys: Callable[[str, bool], Mapping[str, object]]
    clock: Clock
    metrics: Metrics
    log: Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything the shell may touch; always the last argument."""

    objects: ObjectStore
    tags: TagStore
    selections: SelectionStore
    leases: LeaseStore
    ledger: Ledger
    hooks: HookStore
    secrets: Secrets
    queue: ScanQueue
    registry: Registry
    git: GitRemote
    markers: MarkerCache
    clock: Clock
    metrics: Metrics
    log: Log
