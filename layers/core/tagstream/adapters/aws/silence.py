"""Asks a service that does not answer once, and then not again for a moment.

botocore repeats a request that timed out as often as one that was throttled, and the next request waits as long again.
Whoever has ten seconds for all of its requests cannot afford that.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ConnectTimeoutError, ReadTimeoutError

from tagstream.ports.runtime import Clock

PAUSE_S = 5.0


class ServiceDoesNotAnswer(BotoCoreError):
    """A request got no answer a moment ago, so this one was not sent; botocore does not repeat it."""

    fmt = "the service did not answer a moment ago"


def ask_once(client: Any, clock: Clock) -> None:
    """Have a client of boto3 send nothing for a moment after a request that timed out.

    Args:
        client: of any service.
        clock: wall time; the monotonic clock of a frozen function may stand still.
    """
    silent_at = [0.0]

    def note(exception: object = None, **_: object) -> None:
        if isinstance(exception, ReadTimeoutError | ConnectTimeoutError):
            silent_at[0] = clock.now().timestamp()

    def check(**_: object) -> None:
        if 0 <= clock.now().timestamp() - silent_at[0] < PAUSE_S:
            raise ServiceDoesNotAnswer

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"response-received.{service}", note)
    client.meta.events.register(f"before-send.{service}", check)
