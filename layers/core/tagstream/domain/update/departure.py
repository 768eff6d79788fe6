"""Whether a change may be pushed now: the one place that decides it (``destination`` decides where it goes).

``may_push`` asks every rule in ``RULES`` and returns one answer: go, wait until a time, or no. A rule is a function of
a PendingPush and the time; it must not read a clock or a store.

Flux commits at every selection (image-automation-controller #168, #313 ask for a window).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar

# How many debounce windows a burst that does not pause may last before it is committed.
LONGEST_WINDOWS = 4

Joins = Literal["own run", "shared push", "rebuilt branch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPush:
    """What the rules need to know of an automation's change.

    Attributes:
        debounce_s: the automation's debounce window in seconds.
        selected_at: when the tags were selected that no run of the automation has seen (aware UTC).
        is_asked_for: somebody asked for the run (``reconcile.fluxcd.io/requestedAt``).
        joins: why the change would be pushed: by a run of its own automation, along with a push of other automations
            to the same branch, or because another automation rebuilds the branch.
        no_later_than: when the change is pushed even if selections keep arriving; None if nothing limits the wait.
        calendars: the windows and freezes of the automation, its namespace and the stack, and those made by people.
    """

    debounce_s: float
    selected_at: tuple[datetime, ...] = ()
    is_asked_for: bool = False
    joins: Joins = "own run"
    no_later_than: datetime | None = None
    calendars: tuple[Calendar, ...] = ()

    @property
    def ignores_companions(self) -> bool:
        """Whether the change is pushed without waiting for the other automations of its branch."""
        return self.is_asked_for or self.debounce_s == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """The change may be pushed now; ``reason`` says why, for people."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The change may not be pushed before ``until``; ``reason`` is printed by ``get`` and the ledger."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """The change is not pushed this time; ``reason`` is printed by ``get`` and the ledger."""

    reason: str


Answer = Go | Wait | No
Rule = Callable[[PendingPush, datetime], Answer]


def companions(push: PendingPush, now: datetime) -> Answer:
    """An automation joins the push of another one only if it has something to push, or would lose its commit."""
    if push.joins == "rebuilt branch":
        return Go(reason="its branch is rebuilt, and a push without its commit would remove that commit")
    if push.joins == "shared push" and not push.selected_at and not push.is_asked_for:
        return No(reason="no new tag is selected")
    return Go()


def debounce(push: PendingPush, now: datetime) -> Answer:
    """A change waits until nothing new has been selected for the debounce window, so that a burst is one commit.

    Nobody waits when a person asked for the run, when nothing new is selected, and when the branch is rebuilt anyway.
    """
    if push.is_asked_for:
        return Go(reason="a run was asked for")
    if not push.selected_at or push.joins == "rebuilt branch":
        return Go()
    window = timedelta(seconds=push.debounce_s)
    # A burst that never pauses is committed too, a few windows after its first selection.
    until = min(max(push.selected_at) + window, min(push.selected_at) + LONGEST_WINDOWS * window)
    if push.no_later_than is not None:
        until = min(until, push.no_later_than)
    if until <= now:
        return Go(reason=f"nothing new has been selected for {push.debounce_s:g}s, or the burst has lasted too long")
    return Wait(until=until, reason=f"until nothing new has been selected for {push.debounce_s:g}s")


def windows_and_freezes(push: PendingPush, now: datetime) -> Answer:
    """A change is pushed only when every calendar lets it be pushed, whoever asks for the run and whoever joins it."""
    if not push.calendars:
        return Go()
    from tagstream.domain.calendar.calendar import next_opening

    closed = [reason for one in push.calendars if (reason := one.closed_because(now))]
    until = next_opening(push.calendars, now)
    if until is None:
        never = [] if any(one.opens(now) is None for one in push.calendars) else ["its windows never open together"]
        return No(reason="; ".join(closed + never))
    return Wait(until=until, reason="; ".join(closed)) if until > now else Go()


RULES: tuple[Rule, ...] = (companions, debounce, windows_and_freezes)


def may_push(push: PendingPush, now: datetime, rules: Collection[Rule] = RULES) -> Answer:
    """Whether a change may be pushed now: a No of any rule wins, then the longest wait.

    Args:
        push: the change.
        now: aware UTC.
        rules: are asked in this order.
    """
    return together([rule(push, now) for rule in rules])


def together(answers: Collection[Answer]) -> Answer:
    """One answer for all: the first No, else the longest wait, else the first Go that has a reason."""
    for refused in answers:
        if isinstance(refused, No):
            return refused
    waits = [one for one in answers if isinstance(one, Wait)]
    if waits:
        return max(waits, key=lambda one: one.until)
    return next((one for one in answers if isinstance(one, Go) and one.reason), Go())


def latest_push(debounces_s: Collection[float], since: datetime) -> datetime:
    """The latest time to push for automations that wait together, even if new selections keep arriving.

    One policy may select without a pause, which moves its selection's time on and on, and clocks may differ.

    Args:
        debounces_s: their debounce windows in seconds.
        since: when the first of them began to wait.
    """
    return since + timedelta(seconds=LONGEST_WINDOWS * max(debounces_s))
