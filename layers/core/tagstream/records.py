"""Values that are stored between events: what the table remembers.

In: results of scans, selections and commits. Out: the same, read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tagstream.domain.model import CommitId, ImageRef, NamespacedName, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's document as applied (with ``metadata.generation``) and its status (empty before the first)."""

    kind: str
    key: NamespacedName
    document: Mapping[str, object]
    status: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRecord:
    """A tag and when a scan first listed it (aware UTC, whole seconds)."""

    tag: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TagState:
    """The summary of a stored tag list; ``canonical_image`` and ``exclusion_list`` are what it was scanned with."""

    revision: Revision
    tag_count: int
    latest_tags: tuple[str, ...]
    scanned_at: datetime
    canonical_image: str
    exclusion_list: tuple[str, ...]
    snapshot: str = ""
    chunk_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A policy's latestRef. ``cause`` follows it to the commit: a delivery id, ``schedule``, ``reconcile`` …

    ``tags_revision`` is the tag list it was made from; ``pushed_at`` is when the delivery that led here was received.
    """

    policy: NamespacedName
    ref: ImageRef
    previous: ImageRef | None
    tags_revision: Revision
    policy_generation: int
    selected_at: datetime
    cause: str
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write to one Git URL and push branch until ``expires_at``; ``fence`` grows with every holder."""

    target: str
    owner: str
    fence: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One line of the audit trail; ``severity`` is ``info`` or ``error``; ``facts`` are plain JSON values.

    Entries of the same ``at`` and ``identity`` are one entry; without an identity each is its own.
    """

    at: datetime
    kind: str
    key: NamespacedName
    severity: str
    reason: str
    message: str
    cause: str = ""
    facts: Mapping[str, object] | None = None
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitIntent:
    """A commit made for an automation and about to be pushed to ``branch``; ``event`` is due once it is there."""

    automation: NamespacedName
    commit: CommitId
    branch: str
    made_at: datetime
    event: LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDelivery:
    """The newest delivery of a Receiver, or that reached an ImageRepository; ``result`` is a short sentence."""

    at: datetime
    sender: str
    delivery_id: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTarget:
    """What is behind a hook path: the Receiver and its document, as stored."""

    receiver: NamespacedName
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanWindow:
    """What a push of a burst leads to: a scan ``now``, one ``later`` at the window's end, or one ``pending`` already.

    ``planned_for`` is the delivery that this scan is or was asked for; ``others`` are all other deliveries of the
    window that are scanned for: their scans may find this push.
    """

    when: Literal["now", "later", "pending"]
    planned_for: str
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedScan:
    """A request to scan repositories after a delay of at most 900 seconds.

    ``cause`` is followed to the commit; ``expected_tags`` are tags a delivery named: while a scan does not list them
    the scan is repeated, ``attempt`` counting up.
    """

    repositories: tuple[NamespacedName, ...]
    reason: str
    cause: str = ""
    delay_s: float = 0.0
    received_at: datetime | None = None
    expected_tags: tuple[str, ...] = ()
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRun:
    """A request to run automations after a delay of at most 900 seconds."""

    automations: tuple[NamespacedName, ...]
    reason: str
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An automation's wait for the end of a burst: ``since`` its first selection was seen, ``until`` it is woken."""

    since: datetime
    until: datetime
