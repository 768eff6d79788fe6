"""Deploys the built template with `sam deploy`, and reads back what a stack consists of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.aws_check.names import TAG, Names
from tests.aws_check.site import Site

TIMEOUT_S = 1800


class DeploymentFailed(RuntimeError):
    """`sam deploy` has failed; the message ends with its output."""


def stack_of(site: Site, name: str) -> Mapping[str, Any] | None:
    """Return CloudFormation's description of a stack; None if there is no such stack."""
    try:
        found: list[Mapping[str, Any]] = site.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return found[0] if found else None


def is_throw_away(stack: Mapping[str, Any]) -> bool:
    """Whether the check has made this stack."""
    return any(tag["Key"] == TAG for tag in stack.get("Tags", ()))


def deploy(site: Site, names: Names, template: Path) -> Mapping[str, Any]:
    """Deploy a throw-away stack that may use the throw-away repositories; return its description.

    Raises:
        DeploymentFailed: sam has failed.
    """
    parameters = {
        "LogRetentionDays": "1",
        "DeletionProtection": "false",
        "EcrRepositoryArn": names.arn("ecr", f"repository/{names.repository}"),
        "CodeCommitRepositoryArn": names.arn("codecommit", names.repository),
    }
    make_bucket(site, names)
    sam_deploy(
        template,
        names.stack,
        names.bucket,
        parameters,
        {**site.environ, "AWS_DEFAULT_REGION": site.region},
        tags={TAG: names.stack},
    )
    found = stack_of(site, names.stack)
    assert found is not None, "sam has just deployed it"
    return found


def make_bucket(site: Site, names: Names) -> None:
    """Make the bucket for the code, unless it is there."""
    s3 = site.client("s3")
    where = {} if site.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": site.region}}
    try:
        s3.create_bucket(Bucket=names.bucket, **where)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


def sam_deploy(
    template: Path,
    stack: str,
    bucket: str,
    parameters: Mapping[str, str],
    environ: Mapping[str, str],
    tags: Mapping[str, str] | None = None,
) -> None:
    """Run `sam deploy` without asking anybody; ``environ`` names the region.

    Raises:
        DeploymentFailed: sam has failed.
    """
    command = [str(Path(sys.executable).with_name("sam")), "deploy", "--template-file", str(template)]
    command += ["--stack-name", stack, "--s3-bucket", bucket, "--capabilities", "CAPABILITY_IAM"]
    command += ["--region", environ["AWS_DEFAULT_REGION"], "--no-progressbar", "--no-confirm-changeset"]
    command += ["--no-fail-on-empty-changeset", "--parameter-overrides"]
    command += [f"{key}={value}" for key, value in parameters.items()]
    if tags:
        command += ["--tags", *(f"{key}={value}" for key, value in tags.items())]
    done = subprocess.run(
        command,
        # A samconfig.toml beside the template is not meant for this stack.
        cwd=template.parent,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise DeploymentFailed(f"sam deploy exited with {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")


def physical_names(site: Site, stack: str, kind: str | None = None) -> Mapping[str, str]:
    """Return the names that AWS gave to the resources of a stack, of one type or all, by their logical ids."""
    pages = site.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for page in pages
        for one in page["StackResourceSummaries"]
        if kind in (None, one["ResourceType"]) and "PhysicalResourceId" in one
    }
