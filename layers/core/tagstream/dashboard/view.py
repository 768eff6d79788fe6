"""What the dashboard shows, as plain values: reading the stack makes them, and templates print them.

Times are aware UTC. Texts come from registries, Git servers and people: only the renderer makes them fit for HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tagstream.dashboard.timeline import Timeline
from tagstream.domain.objects.model import NamespacedName

State = Literal["red", "waiting", "new", "suspended", "ready"]
"""``red``: Ready is False. ``waiting``: a gate, a window or a freeze holds something back. ``new``: nothing has looked
at the object yet. The order is the one in which rows are shown."""
STATES: Sequence[State] = ("red", "waiting", "new", "suspended", "ready")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How an object is.

    Attributes:
        state: in one word.
        since: when it got so, where that is known.
        reason: of the Ready condition.
        message: why it is red, what is waited for, or who suspended it; empty for what is ready.
        is_stalled: whether only a change of the object can help.
    """

    state: State
    since: datetime | None = None
    reason: str = ""
    message: str = ""
    is_stalled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RedObject:
    """Something that is red: an object, or an alarm of the stack (``kind`` is ``Alarm`` then, without a namespace).

    ``hints`` are what its failure points to.
    """

    kind: str
    key: NamespacedName
    health: Health
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRow:
    """An ImageRepository.

    Attributes:
        key: its name.
        image: what it scans.
        tag_count: how many tags the last scan found; None before the first.
        scanned_at: when the last scan was.
        next_scan_at: when the next one is due, where that is known.
        delivered_at: when a registry, or a webhook, last told of a push.
        delivery: who told it, and what came of it.
        health: how it is.
    """

    key: NamespacedName
    image: str
    tag_count: int | None
    scanned_at: datetime | None
    next_scan_at: datetime | None
    delivered_at: datetime | None
    delivery: str
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """An ImagePolicy.

    Attributes:
        key: its name.
        repository: what it selects from.
        rule: what it prefers, such as ``semver 1.x``.
        image: of the selected tag; empty before the first selection.
        tag: that is selected.
        digest: of the selected tag, where the policy reflects it.
        selected_at: when.
        previous: the tag before; empty if there was none.
        cause: what led to the selection.
        order: the pin, hold, rollback or revert in force; empty without one.
        health: how it is.
    """

    key: NamespacedName
    repository: str
    rule: str
    image: str
    tag: str
    digest: str
    selected_at: datetime | None
    previous: str
    cause: str
    order: str
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRow:
    """A pushed commit.

    Attributes:
        id: its full id.
        url: of its page on the Git host; empty where that is not known.
        branch: that it was pushed to; empty where that is not known.
        at: when it was pushed, where that is known.
        automation: that pushed it.
        tags: what it set, as ``policy: tag``.
    """

    id: str
    url: str
    branch: str
    at: datetime | None
    automation: NamespacedName
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """An open pull request; ``title`` is ``#12``, ``checks`` is the host's word for its checks, or empty."""

    automation: NamespacedName
    title: str
    url: str
    head: str
    base: str
    checks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationRow:
    """An ImageUpdateAutomation.

    Attributes:
        key: its name.
        source: the GitRepository.
        url: of the repository, without a user or a password.
        branch: that is pushed to, as the automation's spec says; empty for the repository's default.
        commit: the last one; None before the first.
        ran_at: when it last ran.
        policies: how many policies it commits.
        health: how it is.
    """

    key: NamespacedName
    source: str
    url: str
    branch: str
    commit: CommitRow | None
    ran_at: datetime | None
    policies: int
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizationRow:
    """A Kustomization and the revision that it applied last."""

    key: NamespacedName
    path: str
    revision: str
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """A person's order that a policy obeys.

    Attributes:
        policy: its name.
        kind: ``pin``, ``hold``, ``rollback`` or ``revert``.
        tag: that is selected by it, or that it rejects.
        text: by whom, why and until when.
        at: since when, where that is known.
    """

    policy: NamespacedName
    kind: str
    tag: str
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRow:
    """When changes may be pushed.

    Attributes:
        owner: whose calendar it is.
        windows: as they were written; empty without any.
        freezes: as they were written, with those that people made.
        is_open: whether changes may be pushed now, as far as this calendar says.
        opens_at: when they may be the next time; None if nothing says.
        problem: why it cannot be read: nothing is pushed then.
    """

    owner: str
    windows: tuple[str, ...]
    freezes: tuple[str, ...]
    is_open: bool
    opens_at: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How long a commit took: from its oldest tag's delivery, or from its selection where no delivery led to it."""

    at: datetime
    seconds: float
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Push-to-commit latency of a period that ends now; the seconds are None without a commit."""

    hours: float
    lags: tuple[Lag, ...]
    median_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything on the first page.

    Attributes:
        stack: its name.
        namespace: that is shown; None for all.
        namespaces: that there are.
        at: when the stack was read.
        red: what is red: alarms, then what has been red the longest.
        repositories: as all rows, what is wrong first.
        policies: likewise.
        automations: likewise.
        kustomizations: likewise.
        requests: that are open.
        orders: pins, holds, rollbacks and reverts.
        calendars: windows and freezes.
        latency: of the commits.
        notes: what could not be read, for people.
    """

    stack: str
    namespace: str | None
    namespaces: tuple[str, ...]
    at: datetime
    red: tuple[RedObject, ...]
    repositories: tuple[RepositoryRow, ...]
    policies: tuple[PolicyRow, ...]
    automations: tuple[AutomationRow, ...]
    kustomizations: tuple[KustomizationRow, ...]
    requests: tuple[RequestRow, ...]
    orders: tuple[OrderRow, ...]
    calendars: tuple[CalendarRow, ...]
    latency: Latency
    notes: tuple[str, ...] = ()

    @property
    def red_since(self) -> datetime | None:
        """Since when the oldest of them is red, where that is known."""
        return min((one.health.since for one in self.red if one.health.since is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRow:
    """What a policy says of a tag: ``verdict`` and ``detail`` are those of ``tagstream explain``."""

    tag: str
    value: str
    verdict: str
    detail: str
    seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """Something that happened, and what led to it."""

    at: datetime
    is_error: bool
    reason: str
    kind: str
    key: NamespacedName
    cause: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPage:
    """Everything on the page of a policy.

    Attributes:
        stack: its name.
        at: when the stack was read.
        hours: how far back commits and events go.
        row: as on the first page.
        tags: all tags, the best candidates first.
        gates: what the gates say now.
        advice: what people get wrong with such a policy.
        problem: why nothing can be selected; empty if something can.
        hints: what its failure points to.
        timeline: when tags were seen, selected and committed.
        automations: that commit the policy.
        orders: pins, holds, rollbacks and reverts.
        commits: that set its tag, the newest first.
        events: that concern it, the newest first.
    """

    stack: str
    at: datetime
    hours: float
    row: PolicyRow
    tags: tuple[TagRow, ...]
    gates: tuple[str, ...]
    advice: tuple[str, ...]
    problem: str
    hints: tuple[str, ...]
    timeline: Timeline
    automations: tuple[AutomationRow, ...]
    orders: tuple[OrderRow, ...]
    commits: tuple[CommitRow, ...]
    events: tuple[EventRow, ...]
