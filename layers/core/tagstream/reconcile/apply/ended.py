"""Warns of pins, holds and freezes of manifests whose end has passed: they are valid, and do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from gocompat.quote import quote
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.model import FREEZE, UNTIL, ImagePolicy, ImageUpdateAutomation, Namespace
from tagstream.reconcile.apply.located import Located

Now = Callable[[], datetime]


def ended(objects: Sequence[Located], now: Now) -> Iterator[tuple[Located, Problem]]:
    """Yield a warning for each pin, hold and freeze whose end has passed.

    They are not refused: a manifest in Git stays applicable when a time in it passes.

    Args:
        objects: the valid objects of the manifests.
        now: tells the time; asked only if an object has such an end.
    """
    for one in objects:
        value = one.parsed.value
        if isinstance(value, ImagePolicy):
            yield from ((one, problem) for problem in _orders(value, now))
        elif isinstance(value, ImageUpdateAutomation | Namespace):
            yield from ((one, problem) for problem in _freezes(value, now))


def _orders(policy: ImagePolicy, now: Now) -> Iterator[Problem]:
    order = policy.control.annotated
    if order is None or order.until is None or not order.is_over(now()):
        return
    what = f"the pin of {order.tag}" if order.kind == "pin" else "the hold"
    yield _warning(UNTIL, f"{quote(policy.metadata.annotations[UNTIL])} is over: {what} does nothing any more")


def _freezes(value: ImageUpdateAutomation | Namespace, now: Now) -> Iterator[Problem]:
    if value.calendar is None or not value.calendar.freezes:
        return
    at = now()
    for one in value.calendar.freezes:
        if one.ends is not None and one.ends <= at:
            yield _warning(FREEZE, f"freeze {quote(one.text)} is over: it does nothing any more")


def _warning(annotation: str, message: str) -> Problem:
    return Problem(path=f"metadata.annotations[{annotation}]", message=message, is_warning=True)
