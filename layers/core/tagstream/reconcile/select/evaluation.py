"""What an evaluation of an ImagePolicy is made with, and what led to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tagstream.domain.objects.model import ImagePolicy, ImageRepository, PolicyControl
from tagstream.domain.select.choice import Gate
from tagstream.domain.select.gates import GATES
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Selection
from tagstream.reconcile.registry_health import RegistryHealth
from tagstream.reconcile.scan.tag_list import ScannedTags
from tagstream.reconcile.select.read_ahead import Inputs

NO_CONTROL = PolicyControl()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What led to an evaluation. It is kept with the selection, so that a commit can be traced back to it.

    ``dropped_from`` is how many tags there were before the scan, or when the repository last reported a scan if those
    were more; 0 while that is not known.
    """

    text: str
    received_at: datetime | None = None
    dropped_from: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRun:
    """What the evaluations of one invocation share.

    ``deadline_s`` is on the monotonic clock, for digests; ``health`` says which registries are left alone.
    """

    deadline_s: float
    health: RegistryHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRepository:
    """A repository whose tags changed.

    Attributes:
        repository: as it was when its tags were listed: another image has other tags.
        scanned: its tags as they are stored now; None to read them.
        cause: kept with the selections.
    """

    repository: ImageRepository
    scanned: ScannedTags | None
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One policy, what is selected now, and what it is evaluated with.

    ``repository`` and ``scanned`` come from a scan; ``inputs`` are what was read ahead. What none of them has is read.
    """

    stored: StoredObject
    policy: ImagePolicy
    current: Selection | None
    repository: ImageRepository | None
    scanned: ScannedTags | None
    cause: Cause
    now: datetime
    run: PolicyRun
    gates: tuple[Gate, ...] = GATES
    inputs: Inputs | None = None

    @property
    def may_wait(self) -> bool:
        """Whether the evaluation may wait for a registry, for AWS or for a Secret."""
        return self.policy.digest_reflection != "Never" or self.policy.control != NO_CONTROL
