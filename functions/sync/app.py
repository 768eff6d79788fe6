"""SyncFunction: a Kustomization's commit becomes stored objects."""

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
    """Sync the Kustomization that the request names, within the time the context leaves."""
    remaining_ms, ports = context.get_remaining_time_in_millis(), wiring.sync_ports()
    try:
        handlers.sync(event, remaining_ms, context.aws_request_id, ports)
    finally:
        ports.metrics.flush()
