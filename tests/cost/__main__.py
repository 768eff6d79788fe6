"""Counts what a month costs and writes the table of docs/cost.md: `make cost`.

For each number of repositories a stack is simulated: HOURS of ticks in which nothing changes, among them the hourly
look at every object, and PUSHES pushes, each from its webhook to its commit. A month is 730 such hours and 20 pushes a
day. What an Alert, a Kustomization and a template add is the difference to another stack of the smallest size.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.cost.apps import (
    HOSTED,
    INTERVAL_TICKS,
    SECRETS,
    add_alert,
    add_kustomization,
    add_template,
    app_name,
    fill,
    fleet,
    manifests,
    proposed,
)
from tests.cost.prices_table import DAYS_A_MONTH, HOURS_A_MONTH
from tests.cost.report import ADDED, PAGE, SIZES, added_table, table, written
from tests.cost.simulated_stack import SimulatedStack, simulated_stack
from tests.embedded.aws import running
from tests.embedded.git_hosts.github import GitHub
from tests.embedded.git_hosts.host import running as serving
from tests.embedded.git_server import bare_repository, git_server
from tests.embedded.registry import running_registry
from tests.house.template_file import of_type

PUSHES_A_DAY = 20
# How often the month to which something is added is simulated again, to see how much durations differ by chance.
REPEATS = 2
TICKS_AN_HOUR = 60
# Lambda asks a queue that is empty with five long polls of 20 seconds side by side. It goes down to two only for event
# sources without a maximum concurrency: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLS_AN_HOUR = 5 * 3 * 60
FUNCTIONS = {
    "scan": "ScanFunction",
    "webhook": "WebhookFunction",
    "update": "UpdateFunction",
    "notify": "NotifyFunction",
    "sync": "SyncFunction",
}
ADDITIONS: Mapping[str, Callable[[SimulatedStack], None]] = {
    "An Alert": add_alert,
    "A Kustomization": add_kustomization,
    "A template with ten policies": add_template,
}


def month(
    size: int, hours: int, pushes: int, add: Callable[[SimulatedStack], None] = lambda stack: None
) -> Mapping[str, float]:
    """Return what a month of a stack with this many repositories uses; ``add`` applies more objects."""
    memory = {name: of_type("AWS::Serverless::Function")[one]["MemorySize"] for name, one in FUNCTIONS.items()}
    git_host = GitHub()
    git_host.authorizations = {"Bearer secret"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running() as aws,
        running_registry() as registry,
        git_server(Path(folder)) as git,
        serving(git_host),
    ):
        bare_repository(Path(folder), "app.git", manifests(size))
        bare_repository(Path(folder), "fleet.git", fleet())
        git_host.bare = bare_repository(Path(folder), HOSTED, proposed())
        stack = simulated_stack(aws.endpoint, registry, git, git_host, memory)
        fill(stack, size)
        add(stack)
        stack.settle()
        for _ in range(INTERVAL_TICKS):
            stack.tick()
        idle = _idle(stack, hours)
        pushed = _pushed(stack, pushes)
        stored = stack.aws.stored_bytes()
        if git_host.problems:
            raise AssertionError(f"the Git host was asked wrongly: {git_host.problems[:3]}")
    print(f"{size} repositories, an idle hour: {_shown(idle)}", file=sys.stderr)
    print(f"{size} repositories, a push: {_shown(pushed)}", file=sys.stderr)
    total: defaultdict[str, float] = defaultdict(float)
    for part, factor in ((idle, HOURS_A_MONTH), (pushed, PUSHES_A_DAY * DAYS_A_MONTH)):
        for name, used in part.items():
            total[name] += used * factor
    total["SQS requests"] += POLLS_AN_HOUR * HOURS_A_MONTH
    # Traces are recorded when the parameter Tracing says so.
    total.pop("X-Ray traces", None)
    fixed = {
        "Alarms": len(of_type("AWS::CloudWatch::Alarm")),
        "Dashboards": len(of_type("AWS::CloudWatch::Dashboard")),
        "Secrets": SECRETS,
        "DynamoDB bytes stored": stored,
    }
    return {**total, **fixed}


def _idle(stack: SimulatedStack, hours: int) -> Mapping[str, float]:
    stack.reset()
    for _ in range(hours * TICKS_AN_HOUR):
        stack.tick()
    found = {name: used / hours for name, used in stack.used().items()}
    return {**found, "Custom metrics": len(stack.metrics) / hours / HOURS_A_MONTH}


def _pushed(stack: SimulatedStack, pushes: int) -> Mapping[str, float]:
    stack.reset()
    for number in range(pushes):
        repository, tag = f"team/{app_name(number)}", f"2.0.{number}"
        stack.registry.add_tags(repository, [tag])
        stack.deliver(f"{stack.registry.address}/{repository}", tag)
    found = {name: used / pushes for name, used in stack.used().items()}
    return {**found, "Custom metrics": len(stack.metrics) / pushes / HOURS_A_MONTH}


def _shown(part: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {used:,.4g}" for name, used in sorted(part.items()))


def main() -> int:
    """Simulate each size, print the table and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="100 500 1000")
    parser.add_argument("--hours", type=int, default=1)
    parser.add_argument("--pushes", type=int, default=5)
    args = parser.parse_args()
    months = {int(size): month(int(size), args.hours, args.pushes) for size in args.sizes.split()}
    least = min(months)
    more = {name: month(least, args.hours, args.pushes, add) for name, add in ADDITIONS.items()}
    same = [months[least], *(month(least, args.hours, args.pushes) for _ in range(REPEATS))]
    rows, added = table(months), added_table(same, more)
    print(rows, added, sep="\n", end="")
    PAGE.write_text(written(written(PAGE.read_text(), rows, SIZES), added, ADDED))
    return 0


if __name__ == "__main__":
    sys.exit(main())
