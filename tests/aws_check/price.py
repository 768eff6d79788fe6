"""What a run of the check costs at most, from AWS's list prices of us-east-1 and generous counts, without a free tier.

Source: the price pages of CloudWatch, Secrets Manager, DynamoDB (on demand), Lambda (arm64), X-Ray, S3 and ECR, 2026.
"""

from __future__ import annotations

from dataclasses import dataclass

from tagstream.metric_names import UNITS
from tests.house.template_file import of_type

HOURS_A_MONTH = 730
# A run takes about ten minutes; what is charged by the hour is charged for one.
HOURS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that is charged; ``price`` is in dollars for one, for the whole run."""

    what: str
    count: float
    price: float

    @property
    def dollars(self) -> float:
        """The product."""
        return self.count * self.price


def items() -> list[Item]:
    """Return everything that costs anything."""
    monthly = HOURS / HOURS_A_MONTH
    return [
        Item(what="CloudWatch alarms", count=len(of_type("AWS::CloudWatch::Alarm")), price=0.10 * monthly),
        Item(what="CloudWatch dashboard", count=len(of_type("AWS::CloudWatch::Dashboard")), price=3.00 * monthly),
        Item(what="CloudWatch metrics", count=len(UNITS), price=0.30 * monthly),
        Item(what="MB of logs", count=20, price=0.50 / 1000),
        Item(what="secrets", count=1, price=0.40 * monthly),
        Item(what="calls of Secrets Manager", count=200, price=0.05 / 10_000),
        Item(what="table writes", count=2_000, price=0.625 / 1e6),
        Item(what="table reads", count=10_000, price=0.125 / 1e6),
        # Sixty ticks, the scans and updates, and the three functions that try calls.
        Item(what="GB seconds of Lambda", count=200, price=0.0000133334),
        Item(what="traces", count=300, price=5 / 1e6),
        Item(what="uploads to S3", count=50, price=0.005 / 1000),
        Item(what="MB in ECR and S3", count=60, price=0.10 / 1000 * monthly),
    ]


def dollars() -> float:
    """Return the sum."""
    return sum(item.dollars for item in items())


def shown_price() -> str:
    """Return the sum for people."""
    return f"about {100 * dollars():.0f} US cents at list price if it is cleaned up within an hour"
