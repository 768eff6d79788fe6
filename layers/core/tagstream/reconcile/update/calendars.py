"""The calendars that an automation's pushes must agree with: its own, its namespace's, the stack's, and people's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import ImageUpdateAutomation, Namespace, NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.freezes import FREEZES, StackCalendar
from tagstream.ports.objects import Document
from tagstream.reconcile.stack_calendar import INVALID, read_stack_calendar

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar


def namespace_name(namespace: str) -> ObjectName:
    """The name of a Namespace: it is stored under its own name twice."""
    return ObjectName(kind="Namespace", key=NamespacedName(namespace, namespace))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    """What the calendars of any automation are made of.

    Attributes:
        documents: the Namespaces of the automations and the freezes that people made, as far as they exist.
        stack: the parameters of the stack.
    """

    documents: Mapping[ObjectName, Document]
    stack: StackCalendar

    def of(self, automation: ImageUpdateAutomation) -> tuple[Calendar, ...]:
        """The calendars of an automation; empty when nothing ever holds its pushes back.

        Raises:
            RetryableError: InvalidWindow, one cannot be read. Nothing may be pushed then.
        """
        key = automation.metadata.key
        found = [automation.calendar, self.of_namespace(key.namespace), read_stack_calendar(self.stack)]
        return (*(one for one in found if one is not None), *self._made_by_people(key))

    def of_namespace(self, namespace: str) -> Calendar | None:
        """The calendar of a Namespace; None when it has none, or is not stored.

        Raises:
            RetryableError: InvalidWindow, it cannot be read.
        """
        document = self.documents.get(namespace_name(namespace))
        if document is None:
            return None
        parsed = parse_object(document, namespace)
        if not isinstance(parsed.value, Namespace):
            raise RetryableError(f"invalid object: {'; '.join(parsed.errors)}", reason=INVALID)
        return parsed.value.calendar

    def _made_by_people(self, automation: NamespacedName) -> tuple[Calendar, ...]:
        document = self.documents.get(FREEZES)
        if document is None:
            return ()
        from tagstream.domain.calendar.hand_freeze import freezes_of, read_freezes

        try:
            return freezes_of(automation, read_freezes(document))
        except ValueError as error:
            raise RetryableError(f"{error}: run 'tagstream thaw --all'", reason=INVALID) from error
