"""The embedded AWS: ministack on loopback, into which the project's own template is built and deployed."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.aws_check.deployment import DeploymentFailed, sam_deploy
from tests.embedded.loopback import free_port
from tests.embedded.scratch import LOG, locked_log, new_folder

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
BUCKET = "tagstream-artifacts"
START_TIMEOUT_S = 60.0
BUILD_TIMEOUT_S = 600
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
PR_SET_PDEATHSIG = 1


class EmbeddedAwsError(RuntimeError):
    """The embedded AWS, a build or a deployment has failed; the message ends with its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """The answer of a Function URL."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedStack:
    """A deployed stack.

    ``outputs`` are the outputs of the template. ``environ`` holds the environment variables by which an AWS client or
    the command line reaches the stack.
    """

    name: str
    endpoint: str
    outputs: Mapping[str, str]
    environ: Mapping[str, str] = field(repr=False)

    def client(self, service: str) -> Any:
        """Make a boto3 client with the rights of an administrator."""
        return _client(service, self.endpoint)

    def table_items(self) -> list[dict[str, Any]]:
        """Read every item of the table, in DynamoDB's JSON."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["TableName"])
        return [item for page in pages for item in page["Items"]]

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Call ``scan``, ``webhook`` or ``update``, wait for the answer and return it.

        Raises:
            EmbeddedAwsError: the function raised an exception; the message contains it.
        """
        answer = self.client("lambda").invoke(
            FunctionName=f"{self.name}-{function}", Payload=json.dumps(event).encode()
        )
        payload = answer["Payload"].read()
        if "FunctionError" in answer:
            raise EmbeddedAwsError(f"{function}: {payload.decode()}")
        return json.loads(payload)

    def tick(self) -> Any:
        """Send the event that the schedule sends once a minute."""
        return self.invoke("scan", {"tagstream": "tick"})

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Deliver a webhook to the Function URL, as a registry does.

        The URL looks like one of AWS, but its host has no DNS name here. The request therefore goes to the endpoint
        with that host in its Host header.
        """
        host = urlsplit(self.outputs["WebhookUrl"]).netloc
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=60)
        try:
            connection.request("POST", path, body=body, headers={**headers, "Host": host})
            answer = connection.getresponse()
            return HttpAnswer(status=answer.status, headers=dict(answer.getheaders()), body=answer.read())
        finally:
            connection.close()

    def logs(self, function: str) -> list[str]:
        """Return all log messages of ``scan``, ``webhook`` or ``update``, oldest first."""
        group = f"/aws/lambda/{self.name}-{function}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        events = [event for page in pages for event in page["events"]]
        return [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]

    def dead_letters(self) -> list[str]:
        """Return the messages of the dead-letter queue without removing them."""
        sqs = self.client("sqs")
        urls = (self.outputs["ScanDeadLettersUrl"], self.outputs["UpdateDeadLettersUrl"])
        answers = [sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0) for url in urls]
        return [message["Body"] for answer in answers for message in answer.get("Messages", [])]

    def wait_for(self, what: str, probe: Callable[[], Any], timeout_s: float = 60.0) -> Any:
        """Call ``probe`` again and again and return its first true value.

        Raises:
            EmbeddedAwsError: it returned none in time; the message has the functions' last log lines.
        """
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if value := probe():
                return value
            time.sleep(0.1)
        tail = "\n".join(line for name in ("scan", "webhook", "update", "notify") for line in self.logs(name)[-15:])
        raise EmbeddedAwsError(f"{what}: not within {timeout_s:.0f} s\n{tail}")


@dataclass(slots=True, kw_only=True)
class EmbeddedAws:
    """A running ministack; ``stop`` ends it with all its workers."""

    process: subprocess.Popen[bytes]
    endpoint: str
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a child process that must reach this AWS and no other."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        return {
            **kept,
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint,
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "1",
        }

    def deploy(self, name: str = "tagstream", **parameters: str) -> EmbeddedStack:
        """Deploy the built template with `sam deploy`.

        Args:
            name: the name of the stack.
            parameters: parameters of the template. The schedule is off by default, so that a test decides when a tick
                comes.

        Raises:
            EmbeddedAwsError: sam has failed.
        """
        built = build()
        chosen = {"TickState": "DISABLED", "BatchingWindowSeconds": "0", "LogLevel": "DEBUG", **parameters}
        try:
            sam_deploy(embedded_template(built), name, BUCKET, chosen, self.environ)
        except DeploymentFailed as error:
            raise EmbeddedAwsError(str(error)) from None
        return self.stack(name)

    def stack(self, name: str) -> EmbeddedStack:
        """Describe a stack that is deployed."""
        stacks = _client("cloudformation", self.endpoint).describe_stacks(StackName=name)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
        environ = {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}
        return EmbeddedStack(name=name, endpoint=self.endpoint, outputs=outputs, environ=environ)

    def stop(self) -> None:
        """End the process group and remove its folder."""
        for sign, patience_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_s)
        shutil.rmtree(self.folder, ignore_errors=True)


def start(*, keep: bool = False) -> EmbeddedAws:
    """Start ministack on a free loopback port and wait until it answers.

    Args:
        keep: whether it may outlive this process (the demo's KEEP=1). Otherwise it ends with this process, even if this
            one is killed.

    Raises:
        EmbeddedAwsError: it did not answer in time.
    """
    folder = new_folder()
    port = free_port()
    environ = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    environ |= CREDENTIALS | {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # Servers of other protocols, which listen on every address; nothing here uses them.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(folder / "state"),
        "TMPDIR": str(folder),
    }
    with locked_log(folder) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=None if keep else die_with_parent,
        )
    aws = EmbeddedAws(process=process, endpoint=f"http://127.0.0.1:{port}", folder=folder)
    try:
        _wait_until_healthy(aws)
        _client("s3", aws.endpoint).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    except BaseException:
        aws.stop()
        raise
    return aws


@contextlib.contextmanager
def running() -> Iterator[EmbeddedAws]:
    """Run an embedded AWS until the end of the with block."""
    aws = start()
    try:
        yield aws
    finally:
        aws.stop()


def build(target: str = "host") -> Path:
    """Build the template with `sam build`, unless the same content was built before; return the folder of the result.

    Args:
        target: ``host`` (this machine, for the embedded AWS), ``lambda-arm64`` or ``lambda-x86_64``.

    Raises:
        EmbeddedAwsError: sam has failed.
    """
    # SAM's cache knows a layer by its sources only. Without a folder for each Python version, it would reuse wheels and
    # bytecode that another version has made.
    home = ROOT / ".aws-sam" / f"{target}-{sys.implementation.cache_tag}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = home / _content_hash()
        if not (built / "template.yaml").exists():
            _drop_former_builds(home)
            environ = {
                **os.environ,
                "TAGSTREAM_BUILD_TARGET": target,
                "PYTHON": sys.executable,
                "SAM_CLI_TELEMETRY": "0",
            }
            command = [_script("sam"), "build", "--cached", "--cache-dir", str(home / "cache")]
            _run([*command, "--build-dir", str(built)], ROOT, environ, BUILD_TIMEOUT_S)
    return built


def embedded_template(built: Path) -> Path:
    """The built template without what the embedded AWS cannot evaluate.

    It does not know ``dynamodb:LeadingKeys``, so that a condition which requires the key would refuse every write.
    """
    given = (built / "template.yaml").read_text()
    known = re.sub(r"\n +['\"]?Null['\"]?:\n +dynamodb:LeadingKeys: .*", "", given)
    found = built / "template.embedded.yaml"
    if not found.exists():
        scratch = built / f"template.{os.getpid()}.yaml"
        scratch.write_text(known)
        scratch.replace(found)
    return found


def _content_hash() -> str:
    digest = hashlib.sha256(sys.version.encode())
    sources = [ROOT / "template.yaml", *sorted((ROOT / "functions").rglob("*")), *sorted((ROOT / "layers").rglob("*"))]
    for path in sources:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _drop_former_builds(home: Path) -> None:
    """Remove all builds but the two newest; another process may be deploying one of those."""
    builds = [path for path in home.iterdir() if path.is_dir() and path.name != "cache"]
    for path in sorted(builds, key=lambda path: path.stat().st_mtime)[:-2]:
        shutil.rmtree(path, ignore_errors=True)


def _run(command: list[str], folder: Path, environ: Mapping[str, str], timeout_s: int) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode != 0:
        raise EmbeddedAwsError(
            f"{command[0]} {command[1]} exited with {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}"
        )


def _wait_until_healthy(aws: EmbeddedAws) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and aws.process.poll() is None:
        connection = http.client.HTTPConnection(urlsplit(aws.endpoint).netloc, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/_ministack/health")
            if connection.getresponse().status == http.client.OK:
                return
        connection.close()
        time.sleep(0.1)
    raise EmbeddedAwsError("ministack did not start\n" + (aws.folder / LOG).read_text()[-4000:])


def _client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(read_timeout=330, retries={"max_attempts": 1}),
    )


def _script(name: str) -> str:
    """Return the path of a console script of this Python environment, whatever PATH says."""
    return str(Path(sys.executable).with_name(name))


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
