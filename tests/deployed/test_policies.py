"""The policies of docs/policies grant what the command line and sam need, and nothing else.

Both run as users who have just these policies; the embedded AWS refuses what a policy does not grant. It does not check
what CloudFormation does for a deployer; the policy takes that from the schemas of the resource types.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.embedded.aws import REGION, EmbeddedStack
from tests.policies.documents import CLI, DEPLOYER, SAM, cli_policy, deployer_policy, filled, read
from tests.policies.record import leave_dead_letters, record_commands, record_sam

ACCOUNT = "000000000000"


@contextlib.contextmanager
def user(stack: EmbeddedStack, policy: Mapping[str, Any], for_stack: str) -> Iterator[dict[str, str]]:
    """The environment of a user who has only this policy."""
    iam, name = stack.client("iam"), f"user-of-{for_stack}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="policy", PolicyDocument=filled(policy, for_stack, REGION, ACCOUNT))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    try:
        yield {**kept, **stack.environ, **own}
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="policy")
        iam.delete_user(UserName=name)


def test_every_command_works_with_its_policy_and_uses_all_of_it(stack: EmbeddedStack) -> None:
    leave_dead_letters(stack.client("sqs"), stack.outputs)
    with user(stack, read(CLI), stack.name) as environ:
        recorded = record_commands(stack.name, environ)
    told = "".join(recorded.failed.values())
    assert (recorded.refused, "AccessDenied" in told, "not authorized" in told) == (frozenset(), False, False)
    assert cli_policy(recorded.used) == read(CLI), "run `make policies`"


def test_a_policy_for_another_stack_grants_nothing(stack: EmbeddedStack) -> None:
    with user(stack, read(CLI), "another") as environ:
        recorded = record_commands(stack.name, environ, "get images all")
    assert recorded.refused == {"cloudformation:DescribeStacks"}
    assert list(recorded.failed) == ["get images all"]


def test_sam_deploys_and_deletes_with_the_deployers_policy(stack: EmbeddedStack, tmp_path: Path) -> None:
    # The policy of the bucket that sam makes itself refuses plain HTTP, which is all that is spoken here.
    stack.client("s3").create_bucket(Bucket=f"{SAM}-by-hand", CreateBucketConfiguration={"LocationConstraint": REGION})
    with user(stack, read(DEPLOYER), "small") as environ:
        recorded = record_sam(environ, tmp_path, f"{SAM}-by-hand")
    assert (recorded.refused, dict(recorded.failed)) == (frozenset(), {})
    assert deployer_policy(recorded.used) == read(DEPLOYER), "run `make policies`"


def test_the_deployers_policy_for_another_stack_does_not_deploy(stack: EmbeddedStack, tmp_path: Path) -> None:
    with user(stack, read(DEPLOYER), "another") as environ:
        recorded = record_sam(environ, tmp_path)
    assert "cloudformation:DescribeStacks" in recorded.refused
