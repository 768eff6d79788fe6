"""WebhookFunction: registry webhooks become scan requests on the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from tagstream import wiring
from tagstream.reconcile import handlers

logger = Logger()


@logger.inject_lambda_context(clear_state=True)
def handler(event: Mapping[str, Any], _context: LambdaContext) -> Mapping[str, Any]:
    """Authenticate the delivery and queue the scans it asks for."""
    ports = wiring.webhook_ports()
    try:
        return handlers.webhook(event, ports)
    finally:
        ports.metrics.flush()
