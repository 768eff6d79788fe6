"""NotifyFunction: new entries of the ledger become notifications and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from tagstream import wiring
from tagstream.reconcile import handlers

logger = Logger()


@logger.inject_lambda_context(clear_state=True)
def handler(event: Mapping[str, Any], context: LambdaContext) -> None:
    """Tell what the event asks for, within the time the context leaves."""
    ports = wiring.notify_ports()
    try:
        handlers.notify(event, context.get_remaining_time_in_millis(), ports)
    finally:
        ports.metrics.flush()
