"""Logs and metrics through Powertools: JSON lines and CloudWatch's embedded metric format.

In: constant messages with facts; names of ``metric_names.py``. Out: lines on standard output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from tagstream.metric_names import UNITS

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@dataclass(frozen=True, slots=True, kw_only=True)
class PowertoolsLog:
    """Log on a Powertools logger."""

    logger: Logger

    def info(self, message: str, **facts: object) -> None:
        """One INFO line."""
        self.logger.info(message, extra=_extra(facts), stacklevel=2)

    def debug(self, message: str, **facts: object) -> None:
        """One DEBUG line."""
        self.logger.debug(message, extra=_extra(facts), stacklevel=2)

    def error(self, message: str, **facts: object) -> None:
        """One ERROR line."""
        self.logger.error(message, extra=_extra(facts), stacklevel=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedMetrics:
    """Metrics as one embedded-format line each, so that no flush can be forgotten."""

    namespace: str
    service: str

    def add(self, name: str, value: float, controller: str) -> None:
        """Dimensions are service and controller only: every other one is a paid metric."""
        with single_metric(
            name=name, unit=MetricUnit(UNITS[name]), value=value, namespace=self.namespace
        ) as metric:
            metric.add_dimension("service", self.service)
            metric.add_dimension("controller", controller)


def _extra(facts: Mapping[str, object]) -> dict[str, object]:
    """``name`` belongs to logging's records, so an object's name is logged as ``object``."""
    return {"object" if key == "name" else key: value for key, value in facts.items()}
