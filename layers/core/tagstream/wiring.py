"""The one place that names adapters and reads the environment.

Ports are built once per warm container. Every vendor's library is imported inside the function that needs it, so that
each Lambda function loads its own only.
"""

from __future__ import annotations

import functools
import gc
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tagstream.ports.bundle import DashboardPorts, NotifyPorts, Ports, WebhookPorts

if TYPE_CHECKING:
    from datetime import datetime

    from boto3 import Session
    from botocore.config import Config
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

    from tagstream.adapters.aws.event_bus import DefaultEventBus
    from tagstream.adapters.aws.logs import LogGroups
    from tagstream.adapters.aws.notices import FunctionNotifier
    from tagstream.adapters.aws.operations import AwsOperations
    from tagstream.adapters.aws.sync_function import SyncInvocations
    from tagstream.adapters.aws.telemetry import EmbeddedMetrics, PowertoolsLog
    from tagstream.adapters.clock import SystemClock
    from tagstream.adapters.git.logins import RoleKeys
    from tagstream.adapters.registry.client import RegistryClient
    from tagstream.adapters.store.table import Table
    from tagstream.adapters.worker_threads import WorkerThreads
    from tagstream.ports.freezes import StackCalendar
    from tagstream.ports.material import MaterialChecks
    from tagstream.ports.signatures import PublicKeys

_P = TypeVar("_P")
TABLE = "TAGSTREAM_TABLE"
STACK = "TAGSTREAM_STACK"
WINDOW = "TAGSTREAM_WINDOW"
FREEZE = "TAGSTREAM_FREEZE"
QUEUE_URL = "TAGSTREAM_SCAN_QUEUE_URL"
SYNC_FUNCTION = "TAGSTREAM_SYNC_FUNCTION"
NOTIFY_FUNCTION = "TAGSTREAM_NOTIFY_FUNCTION"
DEAD_LETTERS_URL = "TAGSTREAM_DEAD_LETTERS_URL"
EVENTS = "TAGSTREAM_EVENTS"
NO_CROSS_NAMESPACE_REFS = "TAGSTREAM_NO_CROSS_NAMESPACE_REFS"
ENABLED = "ENABLED"
LEDGER_TTL_S = 30 * 86_400.0
CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 20
QUICK_READ_S = 3
# botocore's max_attempts counts the repetitions alone; total_max_attempts counts the first attempt too.
QUICK_ATTEMPTS = 2
# The pauses between six attempts may add up to half a minute, those between four to seven seconds.
TABLE_ATTEMPTS, QUICK_TABLE_ATTEMPTS = 6, 4
# Scans of 32 hosts' repositories, and what ten messages of a batch do beside each other.
MAX_CONNECTIONS = 100
_MAKING_CLIENT = threading.Lock()


class NotDeployed(RuntimeError):
    """The stack, or an environment variable that its functions have, is missing."""


def _made_once(make: Callable[[], _P]) -> Callable[[], _P]:
    """Make a function's ports when they are first asked for, without the garbage collector.

    Modules and clients make many objects and no garbage. The collector would look through all of them again and again,
    which takes a tenth of a cold start. Frozen, they are not looked through by later invocations either, which took as
    long as dozens of scans every few ticks: what is loaded stays as long as the process.
    """

    @functools.cache
    @functools.wraps(make)
    def made() -> _P:
        gc.disable()
        try:
            return make()
        finally:
            gc.freeze()
            gc.enable()

    return made


@_made_once
def scan_ports() -> Ports:
    """Ports of ScanFunction."""
    return _ports(os.environ)


@_made_once
def update_ports() -> Ports:
    """Ports of UpdateFunction."""
    return _ports(os.environ)


@_made_once
def sync_ports() -> Ports:
    """Ports of SyncFunction."""
    return _ports(os.environ)


@_made_once
def notify_ports() -> NotifyPorts:
    """Ports of NotifyFunction: the table, the secrets, and whoever is told."""
    return _notify_ports(os.environ)


@_made_once
def dashboard_ports() -> DashboardPorts:
    """Ports of DashboardFunction: the table, of which it may read a part, and no secret."""
    from tagstream.adapters.store.agenda import DynamoAgenda
    from tagstream.adapters.store.deliveries import DynamoDeliveries
    from tagstream.adapters.store.freezes import DynamoFreezes
    from tagstream.adapters.store.ledger import DynamoLedger
    from tagstream.adapters.store.objects import DynamoObjects
    from tagstream.adapters.store.selections import DynamoSelections
    from tagstream.adapters.store.tags import DynamoTags
    from tagstream.adapters.withheld_secrets import WithheldSecrets

    table = _table(os.environ, _dynamodb())
    ledger = DynamoLedger(table=table, ttl_s=LEDGER_TTL_S)
    return DashboardPorts(
        objects=DynamoObjects(table=table, clock=table.clock),
        agenda=DynamoAgenda(table=table, clock=table.clock),
        tags=DynamoTags(table=table),
        selections=DynamoSelections(table=table),
        freezes=DynamoFreezes(table=table, ledger=ledger),
        stack_calendar=_stack_calendar(os.environ),
        ledger=ledger,
        deliveries=DynamoDeliveries(table=table, clock=table.clock),
        secrets=WithheldSecrets(),
        read_public_keys=signature_keys,
        clock=table.clock,
        stack=_required(os.environ, STACK),
    )


@_made_once
def webhook_ports() -> WebhookPorts:
    """Ports of WebhookFunction: no registry, no Git."""
    return _webhook_ports(os.environ, _table(os.environ, _impatient_dynamodb()))


def _ports(environ: Mapping[str, str]) -> Ports:
    from tagstream.adapters.aws.secrets import LONG_CACHE_S
    from tagstream.adapters.entropy import system_entropy
    from tagstream.adapters.git.branch_push import BranchPush
    from tagstream.adapters.git.logins import GitCredentials
    from tagstream.adapters.git.marker_cache import WarmMarkers
    from tagstream.adapters.git.remote import GitClient
    from tagstream.adapters.git_hosts.commits import ApiCommits
    from tagstream.adapters.git_hosts.hosts import KnownHosts
    from tagstream.adapters.store.agenda import DynamoAgenda
    from tagstream.adapters.store.freezes import DynamoFreezes
    from tagstream.adapters.store.leases import DynamoLeases
    from tagstream.adapters.store.ledger import DynamoLedger
    from tagstream.adapters.store.schema import DynamoSchema
    from tagstream.adapters.store.selections import DynamoSelections
    from tagstream.adapters.store.tags import DynamoTags

    table = _table(environ, _dynamodb())
    shared = _webhook_ports(environ, table, LONG_CACHE_S)
    credentials = GitCredentials(table.clock, _role_keys)
    return Ports(
        objects=shared.objects,
        agenda=DynamoAgenda(table=table, clock=table.clock),
        schema=DynamoSchema(table=table),
        tags=DynamoTags(table=table),
        selections=DynamoSelections(table=table),
        leases=DynamoLeases(table=table, clock=table.clock),
        freezes=DynamoFreezes(table=table, ledger=DynamoLedger(table=table, ttl_s=LEDGER_TTL_S)),
        stack_calendar=_stack_calendar(environ),
        ledger=shared.ledger,
        deliveries=shared.deliveries,
        secrets=shared.secrets,
        queue=shared.queue,
        syncs=_syncs(environ),
        notifier=_notifier(environ),
        registry=_registry(),
        read_public_keys=signature_keys,
        git=GitClient(credentials),
        outlet=BranchPush(),
        git_hosts=KnownHosts(credentials.applied, shared.clock, _client),
        host_commits=ApiCommits(credentials.applied, shared.clock),
        markers=WarmMarkers(),
        clock=shared.clock,
        entropy=system_entropy,
        workers=_workers(),
        metrics=shared.metrics,
        log=shared.log,
        tells_event_bus=environ.get(EVENTS) == ENABLED,
        no_cross_namespace_refs=shared.no_cross_namespace_refs,
    )


def _stack_calendar(environ: Mapping[str, str]) -> StackCalendar:
    from tagstream.ports.freezes import StackCalendar

    return StackCalendar(window=environ.get(WINDOW, ""), freeze=environ.get(FREEZE, ""))


def _notifier(environ: Mapping[str, str]) -> FunctionNotifier:
    from tagstream.adapters.aws.notices import FunctionNotifier

    # The command line tells nobody, and does not know the function.
    return FunctionNotifier(client=_lambda, function=environ.get(NOTIFY_FUNCTION, ""))


def _notify_ports(environ: Mapping[str, str]) -> NotifyPorts:
    from tagstream.adapters.aws.notices import SqsNoticeQueue
    from tagstream.adapters.aws.secrets import CACHE_S, SecretsManager
    from tagstream.adapters.aws.topics import SnsTopics
    from tagstream.adapters.notify.courier import HttpCourier
    from tagstream.adapters.notify.mail import SmtpMailer
    from tagstream.adapters.store.ledger import DynamoLedger
    from tagstream.adapters.store.objects import DynamoObjects
    from tagstream.adapters.store.secrets_epoch import DynamoSecretsEpoch
    from tagstream.adapters.store.tags import DynamoTags

    table, clock, stack = _table(environ, _dynamodb()), _clock(), _required(environ, STACK)
    log, metrics = _telemetry(stack)
    epoch = DynamoSecretsEpoch(table=table)
    return NotifyPorts(
        objects=DynamoObjects(table=table, clock=clock),
        ledger=DynamoLedger(table=table, ttl_s=LEDGER_TTL_S),
        tags=DynamoTags(table=table),
        secrets=SecretsManager(_client("secretsmanager", _quick()), stack, epoch, clock, CACHE_S),
        notices=SqsNoticeQueue(
            client=_client("sqs", _quick()),
            url=_required(environ, QUEUE_URL),
            dead_letters_url=_required(environ, DEAD_LETTERS_URL),
        ),
        courier=HttpCourier(clock=clock),
        mailer=SmtpMailer(),
        topics=SnsTopics(client=_sns),
        bus=_bus() if environ.get(EVENTS) == ENABLED else None,
        clock=clock,
        metrics=metrics,
        log=log,
        stack=stack,
        no_cross_namespace_refs=environ.get(NO_CROSS_NAMESPACE_REFS) == "true",
    )


@functools.cache
def _sns() -> Any:
    return _client("sns", _quick())


def _bus() -> DefaultEventBus:
    from tagstream.adapters.aws.event_bus import DefaultEventBus

    return DefaultEventBus(client=_client("events", _quick()))


def _webhook_ports(environ: Mapping[str, str], table: Table, secrets_age_s: int | None = None) -> WebhookPorts:
    from tagstream.adapters.aws.queue import SqsScanQueue
    from tagstream.adapters.aws.secrets import CACHE_S, SecretsManager
    from tagstream.adapters.http.issuer_keys import IssuerKeys
    from tagstream.adapters.store.deliveries import DynamoDeliveries
    from tagstream.adapters.store.ledger import DynamoLedger
    from tagstream.adapters.store.objects import DynamoObjects
    from tagstream.adapters.store.secrets_epoch import DynamoSecretsEpoch

    clock = _clock()
    log, metrics = _telemetry(_required(environ, STACK))
    return WebhookPorts(
        deliveries=DynamoDeliveries(table=table, clock=clock),
        objects=DynamoObjects(table=table, clock=clock),
        secrets=SecretsManager(
            _client("secretsmanager", _quick()),
            _required(environ, STACK),
            DynamoSecretsEpoch(table=table),
            clock,
            secrets_age_s or CACHE_S,
        ),
        queue=SqsScanQueue(client=_client("sqs", _quick()), url=_required(environ, QUEUE_URL)),
        ledger=DynamoLedger(table=table, ttl_s=LEDGER_TTL_S),
        issuer_keys=IssuerKeys(clock=clock),
        clock=clock,
        metrics=metrics,
        log=log,
        no_cross_namespace_refs=environ.get(NO_CROSS_NAMESPACE_REFS) == "true",
    )


def cli_ports(stack: str, environ: Mapping[str, str]) -> Ports:
    """Ports of the command line: the stack's table and queue are read from its CloudFormation outputs.

    Raises:
        NotDeployed: there is no such stack, or no AWS account to ask.
    """
    return _ports({**environ, STACK: stack, **stack_outputs(stack)})


@functools.cache
def stack_outputs(stack: str) -> Mapping[str, str]:
    """The variables that a deployed stack gives its functions, with its outputs ``WebhookUrl`` and ``DashboardUrl``.

    Raises:
        NotDeployed: with what AWS said.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

    try:
        found = _client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message", "")
        raise NotDeployed(f"stack '{stack}': {message}") from error
    except NoRegionError as error:
        raise NotDeployed(
            f"stack '{stack}': there is no region: set AWS_REGION, or the region of your profile"
        ) from error
    except (BotoCoreError, ValueError) as error:
        # A ValueError is what botocore has for an endpoint in the environment that is no URL.
        raise NotDeployed(f"stack '{stack}': {error}") from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    parameters = {one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])}
    missing = {"TableName", "ScanQueueUrl"} - set(outputs)
    if missing:
        raise NotDeployed(f"stack '{stack}' has no output {', '.join(sorted(missing))}: is it a tagstream stack?")
    # A stack of a version before this one has none of these parameters.
    switches = {
        WINDOW: parameters.get("Window", ""),
        FREEZE: parameters.get("Freeze", ""),
        NO_CROSS_NAMESPACE_REFS: parameters.get("NoCrossNamespaceRefs", "false"),
    }
    return {TABLE: outputs["TableName"], QUEUE_URL: outputs["ScanQueueUrl"], **switches, **outputs}


def material_checks() -> MaterialChecks:
    """What checks keys and certificates before the command line stores them; it needs no AWS."""
    from tagstream.adapters.material import CryptographyChecks

    return CryptographyChecks()


def signature_keys(members: Mapping[str, bytes]) -> PublicKeys:
    """Read the public keys of a secret, as the functions do when they verify signatures; it needs no AWS.

    Raises:
        InvalidMaterial: it has none.
    """
    from tagstream.adapters import public_keys

    return public_keys.read_public_keys(members)


def now() -> datetime:
    """The time of this machine (aware UTC), for commands that need no stack."""
    from tagstream.adapters.clock import SystemClock

    return SystemClock().now()


def caller(fallback: str) -> str:
    """Who uses the command line: the ARN of the AWS identity, or ``fallback`` where AWS does not say.

    Args:
        fallback: for example the name of the user on this machine.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(_client("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return fallback


def operations(stack: str, environ: Mapping[str, str]) -> AwsOperations:
    """What AWS knows of a stack: alarms, dead letters, versions, the names of secrets.

    Raises:
        NotDeployed: there is no such stack, or no AWS account to ask.
    """
    from tagstream.adapters.aws.operations import AwsOperations, StackClients

    clients = StackClients(
        cloudformation=_client("cloudformation"),
        cloudwatch=_client("cloudwatch"),
        dynamodb=_dynamodb(),
        secretsmanager=_client("secretsmanager"),
        sqs=_client("sqs"),
    )
    # AWS in a box has no DNS names for its Function URLs; it takes them by their Host header.
    return AwsOperations(
        stack=stack, outputs=stack_outputs(stack), clients=clients, endpoint=environ.get("AWS_ENDPOINT_URL", "")
    )


def log_groups(stack: str) -> LogGroups:
    """The log groups of a stack's functions."""
    from tagstream.adapters.aws.logs import LogGroups

    return LogGroups(client=_client("logs"), stack=stack)


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise NotDeployed(f"environment variable {name} is not set")
    return value


@functools.cache
def _session() -> Session:
    from boto3 import Session

    # AWS's own command line reads this variable before AWS_DEFAULT_REGION, which is the only one that boto3 reads.
    return Session(region_name=os.environ.get("AWS_REGION") or None)


def _client(service: str, config: Config | None = None, region: str | None = None) -> Any:
    """A client of boto3; mypy knows it by the adapter that it is given to."""
    # A session must not make two clients at once, and scans ask for theirs from many threads.
    with _MAKING_CLIENT:
        return _session().client(service, config=config, region_name=region)  # type: ignore[call-overload]


@functools.cache
def _lambda() -> LambdaClient:
    client: LambdaClient = _client("lambda", _quick())
    return client


def _syncs(environ: Mapping[str, str]) -> SyncInvocations:
    from tagstream.adapters.aws.sync_function import SyncInvocations

    return SyncInvocations(client=_lambda, function=environ.get(SYNC_FUNCTION, ""))


def _workers() -> WorkerThreads:
    from tagstream.adapters.worker_threads import WorkerThreads

    return WorkerThreads()


def _registry() -> RegistryClient:
    from tagstream.adapters.registry.client import RegistryClient
    from tagstream.adapters.registry.login_aws import open_boto3_api
    from tagstream.adapters.registry.login_gcp import signed_by_role

    return RegistryClient(
        open_api=functools.partial(open_boto3_api, _client),
        identity=lambda audience: signed_by_role(_session(), audience),
    )


def _role_keys() -> RoleKeys:
    """The role's keys now: they change every few hours.

    Raises:
        NotDeployed: there are none.
    """
    from tagstream.adapters.git.logins import RoleKeys

    found = _session().get_credentials()
    if found is None:
        raise NotDeployed("no AWS credentials to sign in to CodeCommit with")
    keys = found.get_frozen_credentials()
    return RoleKeys(access_key=keys.access_key or "", secret_key=keys.secret_key or "", token=keys.token)


@functools.cache
def _clock() -> SystemClock:
    from tagstream.adapters.clock import SystemClock

    return SystemClock()


def _table(environ: Mapping[str, str], client: DynamoDBClient) -> Table:
    from tagstream.adapters.store.table import Table

    return Table(client=client, name=_required(environ, TABLE), clock=_clock())


@functools.cache
def _dynamodb() -> DynamoDBClient:
    client: DynamoDBClient = _client("dynamodb", table_config())
    return client


@functools.cache
def _impatient_dynamodb() -> DynamoDBClient:
    """For the webhook, which answers 503 before its own time is up: a table that hangs is waited for once."""
    from tagstream.adapters.aws.silence import ask_once

    client: DynamoDBClient = _client("dynamodb", table_config(QUICK_READ_S, QUICK_TABLE_ATTEMPTS))
    ask_once(client, _clock())
    return client


def table_config(read_s: float = READ_TIMEOUT_S, attempts: int = TABLE_ATTEMPTS) -> Config:
    """How the functions call the table; the benchmarks use the same."""
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_s,
        max_pool_connections=MAX_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        # The service validates too; a thousand calls would pay for doing it twice.
        parameter_validation=False,
        # botocore puts its own name together anew for each call, which takes a sixth of it.
        user_agent="tagstream",
    )


@functools.cache
def _quick() -> Config:
    """For services that a webhook waits for: its function has ten seconds, and its sender repeats a delivery anyway."""
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=QUICK_READ_S,
        max_pool_connections=MAX_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": QUICK_ATTEMPTS},
    )


@functools.cache
def _telemetry(stack: str) -> tuple[PowertoolsLog, EmbeddedMetrics]:
    from aws_lambda_powertools import Logger

    from tagstream.adapters.aws.telemetry import EmbeddedMetrics, PowertoolsLog
    from tagstream.metric_names import NAMESPACE

    return PowertoolsLog(logger=Logger()), EmbeddedMetrics(namespace=NAMESPACE, service=stack)
