"""Logs and metrics through Powertools: JSON lines and CloudWatch's embedded metric format, on standard output."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from tagstream.metric_names import UNITS

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@dataclass(frozen=True, slots=True, kw_only=True)
class PowertoolsLog:
    """Log on a Powertools logger."""

    logger: Logger

    def correlate(self, cause: str) -> None:
        """The ``correlation_id`` of every further line, until the next invocation begins."""
        self.logger.set_correlation_id(cause)

    def info(self, message: str, **facts: object) -> None:
        """One INFO line."""
        self.logger.info(message, extra=_extra(facts), stacklevel=3)

    def debug(self, message: str, **facts: object) -> None:
        """One DEBUG line."""
        self.logger.debug(message, extra=_extra(facts), stacklevel=3)

    def error(self, message: str, **facts: object) -> None:
        """One ERROR line."""
        self.logger.error(message, extra=_extra(facts), stacklevel=3)


class EmbeddedMetrics:
    """Measurements of an invocation as one embedded-format line per controller.

    A thousand scans in one invocation are a thousand values in one line, not a thousand lines: log lines are paid for.

    Args:
        namespace: of CloudWatch.
        service: the stack.
    """

    def __init__(self, namespace: str, service: str) -> None:
        self._namespace = namespace
        self._service = service
        self._lock = threading.Lock()
        self._added: dict[str, list[tuple[str, float]]] = {}

    def add(self, name: str, value: float, controller: str) -> None:
        """Kept until ``flush``; workers may add at the same time."""
        with self._lock:
            self._added.setdefault(controller, []).append((name, value))

    def flush(self) -> None:
        """Dimensions are service and controller only: every other one is a paid metric."""
        with self._lock:
            added, self._added = self._added, {}
        for controller, measurements in added.items():
            metrics = EphemeralMetrics(namespace=self._namespace, service=self._service)
            metrics.add_dimension("controller", controller)
            for name, value in measurements:
                # A line that has a hundred values of a name is written by this call, with its dimensions.
                metrics.add_metric(name=name, unit=MetricUnit(UNITS[name]), value=value)
            if metrics.metric_set:
                metrics.flush_metrics()


def _extra(facts: Mapping[str, object]) -> dict[str, object]:
    """``name`` belongs to logging's records, so an object's name is logged as ``object``."""
    return {"object" if key == "name" else key: value for key, value in facts.items()}
