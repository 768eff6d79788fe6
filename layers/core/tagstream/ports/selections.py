"""Selections: the tag that each policy selected last."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tagstream.domain.objects.model import ImageRef, NamespacedName, Revision
from tagstream.errors import ImageAutomationError
from tagstream.ports.tags import TagState

INTERVAL = "interval"
"""The reason of a run that the schedule asks for."""


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
class Waiting:
    """An automation's wait for the end of a burst.

    Attributes:
        since: when the first selection of the burst was seen (aware UTC).
        until: when the automation is woken.
        reason: why it waits, for people.
    """

    since: datetime
    until: datetime
    reason: str = ""


class SelectionStore(Protocol):
    """What policies chose, and requests to run automations: the items the stream filter matches."""

    def get(self, key: NamespacedName) -> Selection | None:
        """A policy's current selection."""

    def get_many(
        self, policies: Collection[NamespacedName], *, may_lag: bool = False
    ) -> Mapping[NamespacedName, Selection]:
        """The current selections of policies, without those that have none; ``may_lag`` is that of ``list``."""

    def get_with_lists(
        self, policies: Collection[NamespacedName], repositories: Collection[NamespacedName]
    ) -> tuple[Mapping[NamespacedName, Selection], Mapping[NamespacedName, TagState]]:
        """The current selections of policies and the summaries of the stored tag lists of repositories, in one read.

        What there is none of is left out.
        """

    def list(self, namespace: str, *, may_lag: bool = False) -> Mapping[NamespacedName, Selection]:
        """All selections of a namespace.

        ``may_lag`` allows writes of the last moments to be missing from the answer, which costs half.
        """

    def put_each(self, changes: Sequence[tuple[Selection, Selection | None]]) -> Sequence[bool | ImageAutomationError]:
        """Store the selections of different policies, in as few calls as the table allows.

        Args:
            changes: each selection, and the one that it is stored in the place of (None: there is none).

        Returns:
            For each whether it is stored, False when somebody was faster; or why it could not be stored.
        """

    def request_run(self, automation: NamespacedName, reason: str, now: datetime) -> None:
        """Ask for a run of an automation through the stream."""

    def waiting(self, automation: NamespacedName) -> Waiting | None:
        """The automation's last wait for more selections, which may be over."""

    def put_waiting(self, automation: NamespacedName, waiting: Waiting) -> None:
        """Remember a wait."""
