"""DashboardFunction: the dashboard's custom widget, which shows what runs where and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from tagstream import wiring
from tagstream.dashboard.widget import widget

logger = Logger()


@logger.inject_lambda_context(clear_state=True)
def handler(event: Mapping[str, Any], context: LambdaContext) -> str | Mapping[str, str]:
    """Return what CloudWatch shows in the widget: HTML, or Markdown that documents the parameters."""
    return widget(event, context.invoked_function_arn, wiring.dashboard_ports())
