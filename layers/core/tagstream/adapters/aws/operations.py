"""Asks AWS about a stack itself, for ``tagstream check``, ``redrive``, ``version`` and ``get secrets``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.operations import Alarm, DeadLetter

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

HIDDEN_S = 30
BATCH = 10
MAX_LETTERS = 1_000
ANSWER_S = 10
WEBHOOK_REFUSES = 405
"""What the webhook answers to a GET."""
AWS_ERROR = "x-amzn-ErrorType"
"""A header of what AWS itself answers instead of a function."""
GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
NOT_THERE = frozenset({"ConditionalCheckFailedException"})
PROBE = {"pk": {"S": "permission#probe"}, "sk": {"S": "-"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class StackClients:
    """Clients of boto3."""

    cloudformation: CloudFormationClient
    cloudwatch: CloudWatchClient
    dynamodb: DynamoDBClient
    secretsmanager: SecretsManagerClient
    sqs: SQSClient


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsOperations:
    """Operations of a stack on AWS.

    Attributes:
        stack: its name.
        outputs: its outputs, and the parameters that the functions have as variables.
        clients: of boto3.
        endpoint: where the webhook's URL answers under its Host header; empty for the host of the URL itself.
    """

    stack: str
    outputs: Mapping[str, str]
    clients: StackClients
    endpoint: str = ""

    def version(self) -> str:
        """The output ``Version``."""
        return self.outputs.get("Version", "")

    def is_ticking(self) -> bool:
        """The parameter ``TickState``."""
        with self._telling("stack"):
            found = self.clients.cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]
        return {"ParameterKey": "TickState", "ParameterValue": "DISABLED"} not in found.get("Parameters", [])

    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms among the stack's resources: a prefix of names would find those of STACK-dev too."""
        with self._telling("alarms"):
            names = self._alarm_names()
            pages = self.clients.cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=list(names))
            # An empty list of names would ask for every alarm of the account.
            found = [alarm for page in pages for alarm in page["MetricAlarms"]] if names else []
        return tuple(
            Alarm(
                name=names.get(one["AlarmName"], one["AlarmName"]),
                state=one["StateValue"],
                since=one["StateUpdatedTimestamp"],
                description=one.get("AlarmDescription", ""),
                tells=bool(one.get("AlarmActions")),
            )
            for one in sorted(found, key=lambda one: one["AlarmName"])
        )

    def _alarm_names(self) -> Mapping[str, str]:
        """The names of the alarms by their names in the account."""
        pages = self.clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.stack)
        return {
            one["PhysicalResourceId"]: one["LogicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
            if one["ResourceType"] == "AWS::CloudWatch::Alarm" and "PhysicalResourceId" in one
        }

    def dead_letter_count(self, queue: str) -> int:
        """By the queue's attributes."""
        with self._telling("dead letters"):
            answer = self.clients.sqs.get_queue_attributes(
                QueueUrl=self._url(queue),
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )
        return sum(map(int, answer.get("Attributes", {}).values()))

    def dead_letters(self, queue: str) -> tuple[DeadLetter, ...]:
        """Up to ``MAX_LETTERS``; those that another person looks at are left out."""
        found: dict[str, DeadLetter] = {}
        with self._telling("dead letters"):
            while len(found) < MAX_LETTERS:
                answer = self.clients.sqs.receive_message(
                    QueueUrl=self._url(queue),
                    MaxNumberOfMessages=BATCH,
                    VisibilityTimeout=HIDDEN_S,
                    MessageSystemAttributeNames=["SentTimestamp"],
                )
                messages = answer.get("Messages", [])
                for one in messages:
                    sent_ms = int(one.get("Attributes", {}).get("SentTimestamp", "0"))
                    found[one["MessageId"]] = DeadLetter(
                        queue=queue,
                        body=one["Body"],
                        sent_at=datetime.fromtimestamp(sent_ms / 1000, UTC),
                        receipt=one["ReceiptHandle"],
                    )
                if not messages:
                    break
        return tuple(sorted(found.values(), key=lambda one: one.sent_at))

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Change their visibility."""
        with self._telling("dead letters"):
            for one in letters:
                self.clients.sqs.change_message_visibility(
                    QueueUrl=self._url(one.queue), ReceiptHandle=one.receipt, VisibilityTimeout=0
                )

    def drop(self, letter: DeadLetter) -> None:
        """Delete it; one that is gone already is no error."""
        with self._telling("dead letters"), contextlib.suppress(self.clients.sqs.exceptions.ReceiptHandleIsInvalid):
            self.clients.sqs.delete_message(QueueUrl=self._url(letter.queue), ReceiptHandle=letter.receipt)

    def resend(self, letter: DeadLetter) -> None:
        """Send the same body."""
        with self._telling("scan queue"):
            self.clients.sqs.send_message(QueueUrl=self.outputs["ScanQueueUrl"], MessageBody=letter.body)

    def secret_names(self, namespace: str | None) -> tuple[NamespacedName, ...]:
        """By the prefix of their names, compared here too: Secrets Manager filters by the beginning of each word."""
        prefix = f"{self.stack}/" + (f"{namespace}/" if namespace else "")
        with self._telling("secrets"):
            pages = self.clients.secretsmanager.get_paginator("list_secrets").paginate(
                Filters=[{"Key": "name", "Values": [prefix]}]
            )
            names = [one["Name"] for page in pages for one in page["SecretList"] if "DeletedDate" not in one]
        parts = [name.removeprefix(f"{self.stack}/").partition("/") for name in names if name.startswith(prefix)]
        return tuple(sorted(NamespacedName(space, name) for space, slash, name in parts if slash and name))

    def delete_secret(self, key: NamespacedName, *, at_once: bool) -> bool:
        """Delete it, at once or in thirty days."""
        with self._telling("secret"):
            try:
                name = f"{self.stack}/{key.namespace}/{key.name}"
                self.clients.secretsmanager.describe_secret(SecretId=name)
                if at_once:
                    self.clients.secretsmanager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
                else:
                    self.clients.secretsmanager.delete_secret(SecretId=name, RecoveryWindowInDays=30)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in GONE:
                    return False
                raise
        return True

    def may_write_secrets(self) -> bool:
        """Write to a secret that never exists: AWS looks at the caller's rights first, and then for the secret.

        No object can refer to it, because ``_`` is no name of a namespace.
        """
        name = f"{self.stack}/_/nothing"
        return self._may(
            lambda: self.clients.secretsmanager.put_secret_value(SecretId=name, SecretString="{}"), "secrets", GONE
        )

    def may_write_table(self) -> bool:
        """Put, update and delete an item that never exists, on the condition that it does.

        A batch write has no condition, so it is not tried.
        """
        table, is_there = self.outputs["TableName"], "attribute_exists(pk)"
        dynamodb = self.clients.dynamodb
        writes: tuple[Callable[[], object], ...] = (
            lambda: dynamodb.put_item(TableName=table, Item=PROBE, ConditionExpression=is_there),
            lambda: dynamodb.update_item(TableName=table, Key=PROBE, ConditionExpression=is_there),
            lambda: dynamodb.delete_item(TableName=table, Key=PROBE, ConditionExpression=is_there),
        )
        return all(self._may(write, "table", NOT_THERE) for write in writes)

    def _may(self, write: Callable[[], object], what: str, not_there: frozenset[str]) -> bool:
        """Whether AWS has let a write in; ``not_there`` are the codes that say it has, but found nothing there."""
        try:
            write()
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in not_there:
                return True
            if "AccessDenied" in code:
                return False
            raise self._failed(what, error) from error
        except BotoCoreError as error:
            raise self._failed(what, error) from error
        return True

    def webhook_answers(self) -> str:
        """A GET, which the webhook answers with a refusal: that shows that it runs."""
        import requests

        url = self.outputs["WebhookUrl"]
        host = urlsplit(url).netloc
        try:
            answer = requests.get(self.endpoint or url, headers={"Host": host}, timeout=ANSWER_S, allow_redirects=False)
        except requests.RequestException as error:
            raise RetryableError(f"{host} does not answer: {type(error).__name__}", reason="Failure") from error
        # Lambda refuses too, with 403 or 429, where nobody may call the function or too many do.
        if answer.status_code != WEBHOOK_REFUSES or AWS_ERROR in answer.headers:
            raise RetryableError(f"{host} answers {answer.status_code} {answer.reason}", reason="Failure")
        return f"{answer.status_code} {answer.reason}"

    def _url(self, queue: str) -> str:
        return self.outputs["ScanDeadLettersUrl" if queue == "scan" else "UpdateDeadLettersUrl"]

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            raise self._failed(what, error) from error

    def _failed(self, what: str, error: ClientError | BotoCoreError) -> RetryableError:
        cause = error.response.get("Error", {}).get("Message", "") if isinstance(error, ClientError) else str(error)
        return RetryableError(f"{what} of stack '{self.stack}': {cause}", reason="Failure")
