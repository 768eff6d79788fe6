"""Notes in the agenda when automations are due again, for runs that a tick has asked for.

The note spares the next tick a look at each of them. It must come after the status: without it the automation stays
due, and a tick looks at it again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tagstream.domain.objects.model import ImageUpdateAutomation
from tagstream.errors import ImageAutomationError
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import due, status
from tagstream.reconcile.isolated import isolated


@dataclass(frozen=True, slots=True)
class NextRuns:
    """When the automations of one invocation are due next; safe to share between threads."""

    _times: dict[ObjectName, Times] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, written: Iterable[tuple[StoredObject, ImageUpdateAutomation]]) -> None:
        """Remember when automations are due, whose statuses are in the table by now.

        A time to retry is left out: it is in the agenda since its status was written.
        """
        for stored, automation in written:
            if status.retry_at(stored.status) is None:
                self._add(stored, automation)

    def _add(self, stored: StoredObject, automation: ImageUpdateAutomation) -> None:
        try:
            with isolated():
                times = due.next_times(stored, automation, None)
        except ImageAutomationError:
            # It stays due, and the tick says what is wrong.
            return
        with self._lock:
            self._times[due.name_of(stored)] = times

    def note(self, as_of: datetime, ports: Ports) -> None:
        """Write one note for all of them.

        Args:
            as_of: from before the automations were read (aware UTC). What has changed since then counts more.
            ports: the agenda.
        """
        with self._lock:
            times = dict(self._times)
        if not times:
            return
        try:
            ports.agenda.note(times, as_of)
        except ImageAutomationError as error:
            # All else is done. The tick looks at them again.
            ports.log.error("next runs not noted", reason=error.reason, error=error.message)
