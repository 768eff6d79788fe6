"""The windows and freezes of the stack, which its parameters ``Window`` and ``Freeze`` have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagstream.errors import RetryableError

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar
    from tagstream.ports.freezes import StackCalendar

INVALID = "InvalidWindow"
"""The reason of errors about windows and freezes that cannot be read."""


def read_stack_calendar(stack: StackCalendar) -> Calendar | None:
    """The calendar of the stack; None when it has no windows and no freezes.

    Raises:
        RetryableError: InvalidWindow, a parameter of the stack cannot be read.
    """
    if not stack.window and not stack.freeze:
        return None
    from tagstream.domain.calendar.calendar import read_calendar
    from tagstream.domain.calendar.zone import InvalidCalendar

    name = "Window"
    try:
        read_calendar("the stack", window=stack.window or None)
        name = "Freeze"
        return read_calendar("the stack", stack.window or None, stack.freeze or None)
    except InvalidCalendar as error:
        raise RetryableError(f"the stack's parameter {name} is invalid: {error}", reason=INVALID) from error
