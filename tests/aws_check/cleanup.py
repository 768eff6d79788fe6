"""Removes what the check has made, found by its names alone, so that a run that was cut short can be cleaned later.

It never removes what does not carry the check's mark.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from tests.aws_check import deployment
from tests.aws_check.command_line import tagstream
from tests.aws_check.names import DESCRIPTION, NAMESPACE, TAG, Names
from tests.aws_check.report import StepFailed
from tests.aws_check.site import Site

# How services say that a thing is not there.
ABSENT = (
    "RepositoryNotFoundException",
    "RepositoryDoesNotExistException",
    "ResourceNotFoundException",
    "NoSuchBucket",
    "404",
)
OBJECTS = {
    "ImageUpdateAutomation": ("image", "update"),
    "ImagePolicy": ("image", "policy"),
    "ImageRepository": ("image", "repository"),
    "GitRepository": ("source", "git"),
    "Receiver": ("receiver",),
}
_OF_NAMESPACE = re.compile(f"#{NAMESPACE}(?:/|$)")


class Foreign(RuntimeError):
    """Something has a name of the check, but not its mark; it is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """Cleans up after every run of the check for one stack."""

    site: Site
    names: Names

    def remove_contents(self) -> None:
        """Remove what stands in the way of a new run: everything but a throw-away stack and its bucket.

        Raises:
            Foreign: something with these names is not the check's.
        """
        for _, remove in self._contents():
            remove()

    def remove_all(self) -> list[str]:
        """Remove everything; return what could not be removed, with the reason."""
        left = []
        for what, remove in (*self._contents(), *self._stack()):
            try:
                remove()
            except (ClientError, WaiterError, Foreign) as error:
                left.append(f"{what} ({' '.join(str(error).split())})")
        return left

    def _contents(self) -> Iterator[tuple[str, Callable[[], None]]]:
        name = self.names.repository
        for probe in self.names.probes.values():
            yield f"function {probe}", functools.partial(self._remove_probe, probe)
        yield f"items of namespace {NAMESPACE} in the table", self._remove_items
        yield f"secrets {self.names.secret_prefix}*", self._remove_secrets
        yield f"ECR repository {name}", self._remove_images
        yield f"CodeCommit repository {name}", self._remove_git

    def _stack(self) -> Iterator[tuple[str, Callable[[], None]]]:
        yield f"stack {self.names.stack}", self._remove_stack
        yield f"bucket {self.names.bucket}", self._remove_bucket

    def _remove_probe(self, name: str) -> None:
        with _absent_is_fine():
            self.site.client("lambda").delete_function(FunctionName=name)

    def _remove_items(self) -> None:
        """Delete the objects as a person would, and then whatever is left of their namespace in the table."""
        stack = deployment.stack_of(self.site, self.names.stack)
        outputs = {one["OutputKey"]: one["OutputValue"] for one in (stack or {}).get("Outputs", ())}
        if "TableName" not in outputs:
            return
        there = {pk for pk, _ in self._keys(outputs["TableName"])}
        for kind, command in OBJECTS.items():
            if f"object#{kind}" not in there:
                continue
            with contextlib.suppress(StepFailed):
                tagstream(self.site, self.names.stack, "delete", *command, "app", "-n", NAMESPACE, "-s")
        client = self.site.client("dynamodb")
        for pk, sk in self._keys(outputs["TableName"]):
            client.delete_item(TableName=outputs["TableName"], Key={"pk": {"S": pk}, "sk": {"S": sk}})

    def _keys(self, table: str) -> list[tuple[str, str]]:
        """The keys of all items of the namespace."""
        client = self.site.client("dynamodb")
        pages = client.get_paginator("scan").paginate(TableName=table, ProjectionExpression="pk, sk")
        keys = [(item["pk"]["S"], item["sk"]["S"]) for page in pages for item in page["Items"]]
        return [(pk, sk) for pk, sk in keys if _OF_NAMESPACE.search(pk) or sk.startswith(f"{NAMESPACE}/")]

    def _remove_secrets(self) -> None:
        client = self.site.client("secretsmanager")
        pages = client.get_paginator("list_secrets").paginate(
            Filters=[{"Key": "name", "Values": [self.names.secret_prefix]}]
        )
        for secret in [one for page in pages for one in page["SecretList"]]:
            if secret["Name"].startswith(self.names.secret_prefix):
                client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)

    def _remove_images(self) -> None:
        client, name = self.site.client("ecr"), self.names.repository
        with _absent_is_fine():
            found = client.describe_repositories(repositoryNames=[name])["repositories"][0]
            tags = client.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
            _require(any(tag["Key"] == TAG for tag in tags), f"repository {name} of ECR has no tag {TAG}")
            client.delete_repository(repositoryName=name, force=True)

    def _remove_git(self) -> None:
        client, name = self.site.client("codecommit"), self.names.repository
        with _absent_is_fine():
            found = client.get_repository(repositoryName=name)["repositoryMetadata"]
            ours = found.get("repositoryDescription") == DESCRIPTION
            _require(ours, f"repository {name} of CodeCommit has another description")
            client.delete_repository(repositoryName=name)

    def _remove_stack(self) -> None:
        stack = deployment.stack_of(self.site, self.names.stack)
        if stack is None or not deployment.is_throw_away(stack):
            return
        client = self.site.client("cloudformation")
        client.delete_stack(StackName=stack["StackId"])
        client.get_waiter("stack_delete_complete").wait(
            StackName=stack["StackId"], WaiterConfig={"Delay": max(1, int(self.site.poll_s)), "MaxAttempts": 400}
        )

    def _remove_bucket(self) -> None:
        client, bucket = self.site.client("s3"), self.names.bucket
        with _absent_is_fine():
            pages: Any = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
            for page in pages:
                found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                if keys:
                    client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            client.delete_bucket(Bucket=bucket)


@contextlib.contextmanager
def _absent_is_fine() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise


def _require(is_ours: bool, otherwise: str) -> None:
    if not is_ours:
        raise Foreign(f"{otherwise}, so the check has not made it")
