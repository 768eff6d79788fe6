"""AWS's list prices, with the page that states each of them, and where each was last seen to be confirmed.

They are checked by hand; ``AS_OF`` says when. AWS's own pages show most prices only after a region is chosen, so what
was read is a page that quotes them; ``seen`` names it and its date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

AS_OF = "2026-11-27"
REGION = "us-east-1"
MILLION = 1e6
GB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price in US dollars for one unit.

    Attributes:
        usd: the list price.
        free: what the always-free tier gives an account a month.
        page: AWS's own statement.
        seen: the page that was read, and its date; empty if only ``page`` states it.
    """

    usd: float
    free: float
    page: str
    seen: str = ""


SEEN_CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing (free tier), cloudburn.io/blog/amazon-cloudwatch-pricing, 2026-02"
LAMBDA = "https://aws.amazon.com/lambda/pricing/"
DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
SECRETS = "https://aws.amazon.com/secrets-manager/pricing/"

PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "Lambda invocations": Price(
            usd=0.20 / MILLION, free=MILLION, page=LAMBDA, seen="cloudchipr.com/blog/aws-lambda-pricing, 2024"
        ),
        "Lambda GB-seconds, arm64": Price(
            usd=0.0000133334, free=400_000, page=LAMBDA, seen="cloudchipr.com/blog/aws-lambda-pricing, 2024"
        ),
        "DynamoDB read units": Price(
            usd=0.125 / MILLION,
            free=0,
            page=DYNAMODB,
            seen="airbyte.com/data-engineering-resources/dynamodb-pricing, 2025-07",
        ),
        "DynamoDB write units": Price(
            usd=0.625 / MILLION,
            free=0,
            page=DYNAMODB,
            seen="airbyte.com/data-engineering-resources/dynamodb-pricing, 2025-07",
        ),
        # Storage (0.25) and its backup for point-in-time recovery (0.20); 25 GB are free, their backup is not.
        "DynamoDB bytes stored": Price(
            usd=0.45 / GB,
            free=0,
            page=DYNAMODB,
            seen="aws.amazon.com/dynamodb/pricing, finops.com.py/services/dynamodb/backups",
        ),
        "SQS requests": Price(
            usd=0.40 / MILLION,
            free=MILLION,
            page="https://aws.amazon.com/sqs/pricing/",
            seen="cloudburn.io/blog/amazon-sqs-pricing, 2026-03",
        ),
        "Scheduler invocations": Price(
            usd=1.00 / MILLION,
            free=14 * MILLION,
            page="https://aws.amazon.com/eventbridge/pricing/",
            seen="cloudburn.io/blog/amazon-eventbridge-pricing, 2026-03",
        ),
        "EventBridge events": Price(
            usd=1.00 / MILLION,
            free=0,
            page="https://aws.amazon.com/eventbridge/pricing/",
            seen="cloudburn.io/blog/amazon-eventbridge-pricing, 2026-03",
        ),
        "Log bytes": Price(usd=0.50 / GB, free=5 * GB, page=CLOUDWATCH, seen=SEEN_CLOUDWATCH),
        "Custom metrics": Price(usd=0.30, free=10, page=CLOUDWATCH, seen=SEEN_CLOUDWATCH),
        # Ten alarms of one metric each are free. An alarm on metric math is paid for each of its metrics.
        "Alarms": Price(usd=0.10, free=10, page=CLOUDWATCH, seen=SEEN_CLOUDWATCH),
        "Dashboards": Price(usd=3.00, free=3, page=CLOUDWATCH, seen=SEEN_CLOUDWATCH),
        "X-Ray traces": Price(usd=5.00 / MILLION, free=100_000, page="https://aws.amazon.com/xray/pricing/"),
        "Secrets": Price(usd=0.40, free=0, page=SECRETS, seen="hivebook.wiki/wiki/aws-secrets-manager"),
        "Secrets Manager calls": Price(
            usd=0.05 / 10_000, free=0, page=SECRETS, seen="hivebook.wiki/wiki/aws-secrets-manager"
        ),
    }
)

# What the requests of Flux's image-reflector-controller and image-automation-controller (100m CPU and 64 MiB each) cost
# on Fargate, where a pod pays for what it requests: https://aws.amazon.com/fargate/pricing/ (seen:
# wring.co/blog/aws-fargate-pricing-guide, 2026-03).
FLUX_VCPUS, FLUX_GB = 0.2, 0.125
FARGATE_VCPU_HOUR, FARGATE_GB_HOUR = 0.04048, 0.004445
HOURS_A_MONTH, DAYS_A_MONTH = 730, 30.4
FLUX_USD = (FLUX_VCPUS * FARGATE_VCPU_HOUR + FLUX_GB * FARGATE_GB_HOUR) * HOURS_A_MONTH
