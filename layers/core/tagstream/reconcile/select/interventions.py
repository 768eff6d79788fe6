"""Removes orders and reverts that have ended, so that they never come back to life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tagstream.domain.objects.annotations import INTERVENTION, REVERTED, annotations_of
from tagstream.domain.objects.intervention import Place
from tagstream.domain.objects.model import PolicyControl
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject


def ended(
    control: PolicyControl, selected: str, is_newer: Callable[[str, str, Place | None], bool], now: datetime
) -> tuple[str, ...]:
    """The annotations whose order or revert is over when ``selected`` is selected.

    Args:
        control: of the policy.
        selected: the tag that is selected from now on.
        is_newer: whether the policy puts one tag before another, whose kept place is given.
        now: aware UTC.
    """
    found = []
    order, revert = control.ordered, control.revert
    if order is not None:
        is_other = order.kind == "rollback" and selected != order.tag
        is_past = is_other and is_newer(selected, order.rejected, order.rejected_place)
        found += [INTERVENTION] if is_past or order.is_over(now) else []
    if revert is not None and selected != revert.rejected:
        found.append(REVERTED)
    return tuple(found)


def remove(annotations: tuple[str, ...], stored: StoredObject, ports: Ports) -> None:
    """Remove these annotations of a policy, unless they have changed since it was read."""
    notes = annotations_of(stored.document)
    expected = {name: notes.get(name) for name in annotations}
    ports.objects.annotate(stored.kind, stored.key, dict.fromkeys(annotations), expected)
