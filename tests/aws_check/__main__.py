"""`make aws-check`: proves in a real AWS account that tagstream works and may do no more than it must."""

from __future__ import annotations

import argparse
import secrets
import sys

from botocore.exceptions import BotoCoreError, ClientError

from tests.aws_check.command_line import ROOT
from tests.aws_check.names import Names
from tests.aws_check.price import shown_price
from tests.aws_check.report import CannotGoOn, Report
from tests.aws_check.site import AwsSite
from tests.aws_check.walk import Check

BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
# The name of the bucket for the code begins with it, and has account and region behind it.
LONGEST_STACK_NAME = 24


def main() -> int:
    """Read the command line; return 0 if every step went well, 1 if one did not, 2 if nothing could be tried."""
    parser = argparse.ArgumentParser(prog="make aws-check", description=__doc__)
    parser.add_argument("--stack", help="deploy it, or use it if it is there (default: a new name)")
    parser.add_argument("--keep", action="store_true", help="leave everything for a look; --cleanup-only removes it")
    parser.add_argument("--cleanup-only", action="store_true", help="remove what a run for --stack has left")
    given = parser.parse_args()
    if given.cleanup_only and not given.stack:
        parser.error("--cleanup-only needs --stack")
    if given.stack and len(given.stack) > LONGEST_STACK_NAME:
        parser.error(f"--stack has more than {LONGEST_STACK_NAME} characters")
    try:
        site = AwsSite()
        identity = site.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError, ValueError) as error:
        print(f"no AWS account can be reached: {error}", file=sys.stderr)
        return 2
    stack = given.stack or f"tagstream-check-{secrets.token_hex(3)}"
    names = Names(stack=stack, account=identity["Account"], region=site.region)
    print(f"account {names.account}, region {names.region}, caller {identity['Arn']}, stack {stack}")
    print(f"price: {shown_price()}")
    return checked(Check(site=site, names=names, report=Report(), template=BUILT), given.keep, given.cleanup_only)


def checked(check: Check, keep: bool = False, cleanup_only: bool = False) -> int:
    """Run a check and clean up after it, also if it has failed or is interrupted; return the exit code."""
    try:
        if not cleanup_only:
            check.run()
    except CannotGoOn as error:
        check.report.note(f"the rest needs this: {error}")
    finally:
        if keep:
            check.report.note(f"everything is left; to remove it: make aws-check STACK={check.names.stack} CLEANUP=1")
        else:
            check.clean()
    return check.report.verdict()


if __name__ == "__main__":
    sys.exit(main())
