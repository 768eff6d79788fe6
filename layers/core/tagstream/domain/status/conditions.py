"""How the conditions Ready, Reconciling and Stalled change, and which changes are events.

Source: fluxcd/pkg runtime/conditions and runtime/reconcile; vectors reflector_reconcile.json ``notify``,
``ready_message``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tagstream.domain.objects.model import ImageRef

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
SUCCEEDED = "Succeeded"
PROGRESSING_WITH_RETRY = "ProgressingWithRetry"
MAX_MESSAGE = 20_000
"""Characters. Two conditions may hold the same message, and an item of the table holds 400 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition; ``status`` is ``True``, ``False`` or ``Unknown``."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: datetime
    observed_generation: int


Conditions = Mapping[str, Condition]
"""By type; Reconciling and Stalled are present only while they are True."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When conditions are set, and for which generation of the object's spec."""

    now: datetime
    generation: int


def mark_ready(before: Conditions, message: str, moment: Moment, reason: str = SUCCEEDED) -> Conditions:
    """Ready=True; Reconciling and Stalled are removed."""
    return _only(_changed(before, READY, "True", (reason, message), moment))


def mark_failed(before: Conditions, reason: str, message: str, moment: Moment) -> Conditions:
    """Ready=False, and Reconciling=True because it will be tried again."""
    return _only(
        _changed(before, READY, "False", (reason, message), moment),
        _changed(before, RECONCILING, "True", (PROGRESSING_WITH_RETRY, message), moment),
    )


def mark_stalled(before: Conditions, reason: str, message: str, moment: Moment) -> Conditions:
    """Ready=False, and Stalled=True with the same words, because only a change of the object helps."""
    return _only(
        _changed(before, READY, "False", (reason, message), moment),
        _changed(before, STALLED, "True", (reason, message), moment),
    )


def _only(*conditions: Condition) -> Conditions:
    return {condition.type: condition for condition in conditions}


def _changed(before: Conditions, kind: str, status: str, words: tuple[str, str], moment: Moment) -> Condition:
    reason, message = words[0], shortened(words[1])
    fresh = Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=moment.now,
        observed_generation=moment.generation,
    )
    old = before.get(kind)
    # As in fluxcd/pkg conditions.Set, the time changes only if something else changes.
    return old if old is not None and replace(fresh, last_transition_time=old.last_transition_time) == old else fresh


def shortened(message: str, most: int = MAX_MESSAGE) -> str:
    """Return a message; of a longer one its first ``most`` characters, and how many are missing."""
    return message if len(message) <= most else f"{message[:most]}… ({len(message) - most} more characters)"


def is_transition(before: Condition | None, after: Condition) -> bool:
    """Whether the ledger records an event: when Ready changes. Flux warns at every failing try."""
    if before is None:
        return True
    return (before.status, before.reason, before.message) != (after.status, after.reason, after.message)


def ready_message(latest: ImageRef, previous: ImageRef | None) -> str:
    """An ImagePolicy's Ready message (reflector: composeImagePolicyReadyMessage)."""
    text = f"Latest image tag for {latest.name} resolved to {latest.tag}"
    if latest.digest:
        text += f" with digest {latest.digest}"
    return text if previous is None or previous == latest else f"{text} (previously {previous})"
