"""Keeps the messages of a batch hidden while this worker lives, and not much longer.

The queue's own time is two minutes, because AWS refuses one that is shorter than the function's time-out. A worker that
dies must not hide its messages for so long: they are hidden anew, for seconds, again and again.

Of messages that come again, at most one is processed at a time. It alone is hidden for longer, so that after the death
of this worker the others come back without it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from tagstream.errors import ImageAutomationError
from tagstream.events.queue import QueueMessage
from tagstream.ports.bundle import Ports

# After the death of a worker its messages are handed out again within this time.
HIDDEN_S = 30.0
RENEW_EVERY_S = 10.0
LAST_CALL_S = 2.0
# A message that is processed whenever its worker dies waits longer each time.
LONGEST_HIDDEN_S = 720.0


class HeldMessages:
    """The messages that this worker has not settled yet; safe to share between threads.

    Args:
        messages: as they were received.
        ports: of the scan function.
    """

    def __init__(self, messages: Sequence[QueueMessage], ports: Ports) -> None:
        self._ports = ports
        self._held = {one.receipt: HIDDEN_S for one in messages if one.receipt}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hide the messages from now on until the end of the with block."""
        self._hide()
        renewing = threading.Thread(target=self._renew, name="held-messages", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            self._ended.set()
            # A call that is under way does no harm: the queue has no such message any more.
            renewing.join(LAST_CALL_S)

    @contextmanager
    def singled_out(self, message: QueueMessage) -> Iterator[None]:
        """Hide a message that comes again for longer than the others, within the with block."""
        if message.attempt > 1:
            self._hide_for(message, _hidden_s(message.attempt))
            self._hide()
        yield
        self._hide_for(message, HIDDEN_S)

    def _hide_for(self, message: QueueMessage, seconds: float) -> None:
        with self._lock:
            if message.receipt in self._held:
                self._held[message.receipt] = seconds

    def give_back(self, message: QueueMessage, after_s: float) -> None:
        """Have a message handed out again after this time, whatever it was hidden for."""
        if not message.receipt:
            return
        with self._lock:
            self._held.pop(message.receipt, None)
            with suppress(ImageAutomationError):
                self._ports.queue.give_back(message.receipt, after_s)

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_EVERY_S):
            self._hide()

    def _hide(self) -> None:
        # Under the lock, so that a message that is given back meanwhile is not hidden again.
        with self._lock, suppress(ImageAutomationError):
            if self._held:
                self._ports.queue.hide(dict(self._held))


def _hidden_s(attempt: int) -> float:
    return float(min(LONGEST_HIDDEN_S, HIDDEN_S * 2 ** min(attempt - 1, 10)))
