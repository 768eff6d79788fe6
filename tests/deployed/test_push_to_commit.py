"""A push to a registry becomes one commit, however often and in whatever order it is reported to the deployed stack."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.git_server import bare_repository, commit_files, git
from tests.embedded.sample import FRONTEND, NAMESPACE, Sample
from tests.embedded.system import PASSWORD, USER, Server, System, documents, servers

TOKEN = "a-webhook-token"
SIGNATURE = "0123456789abcdef" * 4
RECEIVER = {
    "apiVersion": "notification.toolkit.fluxcd.io/v1",
    "kind": "Receiver",
    "metadata": {"name": "pushes", "namespace": NAMESPACE},
    "spec": {
        "type": "generic-hmac",
        "secretRef": {"name": "hook"},
        "resources": [
            {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository", "name": name}
            for name in ("harvis-frontend", "harvis-backend")
        ],
    },
}


@pytest.fixture(scope="module")
def git_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the bare repositories."""
    return tmp_path_factory.mktemp("git")


@pytest.fixture(scope="module")
def running(git_root: Path) -> Iterator[tuple[Server, Server]]:
    """A registry and a Git server."""
    with servers(git_root) as pair:
        yield pair


@pytest.fixture(scope="module")
def sample(running: tuple[Server, Server]) -> Sample:
    """The example system of the guide, with these two servers."""
    registry, git_server = running
    return Sample(registry=registry.address, git_url=f"http://{git_server.address}/harvis.git")


@pytest.fixture(scope="module")
def bare(git_root: Path, sample: Sample) -> Path:
    """The sample's repository."""
    return bare_repository(git_root, "harvis.git", sample.files())


@pytest.fixture(scope="module")
def system(stack: EmbeddedStack, sample: Sample, bare: Path, tmp_path_factory: pytest.TempPathFactory) -> System:
    """The stack with the sample applied, and a registry with the tags that its manifests have."""
    built = System(stack=stack, registry=sample.registry)
    for image, tags in ((sample.frontend_image, ("v2.27.5", "latest")), (sample.backend_image, ("v2.28.4", "latest"))):
        for tag in tags:
            built.push(image, tag)
    secrets = documents(secret("git", username=USER, password=PASSWORD), secret("hook", token=TOKEN))
    built.cli("apply", "-f", "-", stdin=secrets)
    folders = sample.write_objects(tmp_path_factory.mktemp("objects"))
    for folder in folders:
        for file in sorted(folder.rglob("*.yaml")):
            file.write_bytes(with_git_secret(file.read_bytes()))
        built.cli("apply", "-f", str(folder))
    built.cli("apply", "-f", "-", stdin=documents(RECEIVER))
    stack.wait_for("the first selection", lambda: latest_tag(built) == "v2.27.5")
    return built


def secret(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def with_git_secret(source: bytes) -> bytes:
    """Add a secret to the sample's GitRepositories, since this Git server asks for a password."""
    return source.replace(b"\n  url: http://127.0.0.1", b"\n  secretRef:\n    name: git\n  url: http://127.0.0.1")


def latest_tag(system: System, policy: str = "harvis-frontend-prod") -> str:
    found = {one["metadata"]["name"]: one for one in system.objects("policy", NAMESPACE)}
    return str(found[policy].get("status", {}).get("latestRef", {}).get("tag", ""))


def commits(bare: Path) -> int:
    return int(git("rev-list", "--count", "main", folder=bare))


def frontend(bare: Path) -> str:
    return git("show", f"main:{FRONTEND}", folder=bare)


def test_a_push_moves_the_production_setter_in_one_commit_and_changes_nothing_else(
    system: System, sample: Sample, bare: Path, stack: EmbeddedStack
) -> None:
    before = commits(bare)
    path = system.hook_path("pushes", NAMESPACE)
    system.push(sample.frontend_image, "v2.28.0")
    with ThreadPoolExecutor(10) as pool:
        # Five deliveries come twice: the second ones are dropped by their ids, the others share the scans of one burst.
        bodies = [{"push": "frontend v2.28.0", "number": number // 2} for number in range(10)]
        answers = {answer.status for answer in pool.map(lambda body: system.deliver(path, TOKEN, body), bodies)}
    stack.wait_for("the commit", lambda: "v2.28.0" in frontend(bare))
    settle(stack)
    shown = git("show", "--no-patch", "--format=%an <%ae>%n%B", "main", folder=bare)
    diff = git("show", "--format=", "--unified=0", "main", folder=bare)
    changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    marker = ' # {"$imagepolicy": "flux-system:harvis-frontend-prod"}'
    assert (answers, commits(bare) - before) == ({200}, 1)
    assert changed == [
        f'-          image: "{sample.frontend_image}:v2.27.5"{marker}',
        f'+          image: "{sample.frontend_image}:v2.28.0"{marker}',
    ]
    assert shown.startswith("fluxcdbot <flux@harvis.ai>\n🚀 [production] Auto-update images\n")
    assert f"- Frontend: {sample.frontend_image}:v2.28.0\n" in shown
    git("fsck", "--strict", folder=bare)


def test_stream_records_delivered_twice_and_out_of_order_make_one_commit(
    system: System, sample: Sample, bare: Path, stack: EmbeddedStack
) -> None:
    before = commits(bare)
    system.push(sample.frontend_image, "v2.29.0")
    system.deliver(system.hook_path("pushes", NAMESPACE), TOKEN, {"push": "frontend v2.29.0"})
    stack.wait_for("the selection", lambda: latest_tag(system) == "v2.29.0")
    records = [
        stream_record(item, str(number))
        for number, item in enumerate(stack.table_items())
        if item.get("t", {}).get("S") in ("selection", "run")
    ]
    batches = [records[::-1], records, records[::-1] + records, records]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda batch: stack.invoke("update", {"Records": batch}), batches))
    stack.wait_for("the commit", lambda: "v2.29.0" in frontend(bare))
    settle(stack)
    assert (answers, commits(bare) - before) == ([{"batchItemFailures": []}] * 4, 1)


def settle(stack: EmbeddedStack) -> None:
    """Wait until nothing is under way any more: the second scan of a burst, the queue, the stream.

    Messages that are delayed for longer do not count: objects of other tests may wait for a time minutes ahead.
    """
    time.sleep(7)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = stack.outputs["ScanQueueUrl"]

    def idle() -> bool:
        found = stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return all(found[name] == "0" for name in names)

    stack.wait_for("an idle queue", idle)
    time.sleep(2)


def stream_record(item: dict[str, Any], number: str) -> dict[str, Any]:
    return {
        "eventID": number,
        "eventName": "MODIFY",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"NewImage": item, "SequenceNumber": number, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }


def test_an_unchanged_scan_writes_nothing_for_its_repository(system: System, stack: EmbeddedStack) -> None:
    stack.tick()
    before = written(stack)
    stack.invoke("scan", queue_event("flux-system/harvis-frontend", "flux-system/harvis-backend"))
    changed = {key for key, item in written(stack).items() if before.get(key) != item}
    # The time of the scan is in the agenda, once for all; runs that are under way write of their automations only.
    written_for = {pk for pk, sk in changed if "harvis-frontend" in f"{pk} {sk}" or "harvis-backend" in f"{pk} {sk}"}
    assert written_for == set()
    assert "agenda" in {pk for pk, _ in changed}


def written(stack: EmbeddedStack) -> dict[tuple[str, str], str]:
    items = stack.table_items()
    return {(one["pk"]["S"], one["sk"]["S"]): json.dumps(one, sort_keys=True, default=str) for one in items}


def queue_event(*repositories: str) -> dict[str, Any]:
    body = {"repositories": list(repositories), "reason": "interval", "cause": "schedule"}
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(body)}]}


def test_objects_are_shown_in_fluxs_columns(system: System) -> None:
    lines = system.cli("get", "images", "all", "-n", NAMESPACE).splitlines()
    heads = [line.split("\t")[0].strip() for line in lines if line.startswith("NAME")]
    assert len(heads) == 3
    assert any("imagerepository/harvis-frontend" in line and "successful scan" in line for line in lines)
    production = [line for line in lines if "imageupdateautomation/harvis-prod-auto-update" in line]
    assert ["repository up-to-date" in line for line in production] == [True]


def test_a_forged_delivery_is_refused_and_starts_nothing(system: System, bare: Path, stack: EmbeddedStack) -> None:
    path = system.hook_path("pushes", NAMESPACE)
    before = set(written(stack))
    answers = [
        system.deliver(path, "wrong", {}).status,
        system.deliver("/hook/" + "0" * 64, TOKEN, {}).status,
        stack.post(path, b"x" * (3 * 2**20 + 1), {}).status,
    ]
    settle(stack)
    after = {key for key in written(stack) if key[0].startswith(("pending#", "delivery#"))}
    # A refusal is noted with the Receiver, as its last delivery and for the window in which no further one is.
    noted = {(f"delivery#refused#{NAMESPACE}/pushes", "-"), ("delivery#last#Receiver", f"{NAMESPACE}/pushes")}
    assert (answers, after - before - noted) == ([404, 404, 413], set())


def test_somebody_elses_commits_stay_under_ours(
    system: System, sample: Sample, bare: Path, stack: EmbeddedStack
) -> None:
    commit_files(bare, {"README.md": b"by hand\n"}, "by hand")
    system.push(sample.frontend_image, "v2.30.0")
    system.deliver(system.hook_path("pushes", NAMESPACE), TOKEN, {"push": "frontend v2.30.0"})
    stack.wait_for("the commit", lambda: "v2.30.0" in frontend(bare))
    assert git("show", "main:README.md", folder=bare) == "by hand\n"


def test_no_secret_is_in_the_table_a_log_or_a_commit(system: System, stack: EmbeddedStack, bare: Path) -> None:
    path = system.hook_path("pushes", NAMESPACE)
    forged = {"X-Signature": f"sha256={SIGNATURE}", "Authorization": "Bearer what-somebody-tried"}
    answer = stack.post(f"{path}?token=in-the-query", b'{"what": "a-body-says"}', forged)
    logs = "".join(line for name in ("scan", "webhook", "update") for line in stack.logs(name))
    table = json.dumps(stack.table_items(), default=str)
    commits = git("log", "--all", "--patch", folder=bare)
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert answer.status == HTTPStatus.NOT_FOUND
    assert "delivery accepted" in logs and "delivery refused" in logs and "reconciled" in logs
    presented = (SIGNATURE, "what-somebody-tried", "in-the-query", "a-body-says")
    told = table + logs + commits
    assert [one for one in (TOKEN, PASSWORD, login, *presented) if one in told] == []
    # The path is stored in the table, which only those may read who may read Receivers. It is in no log and no commit.
    assert [path in one for one in (table, logs, commits)] == [True, False, False]


AUTOMATION = "harvis-prod-auto-update"


def waits(system: System) -> str:
    """Why the automation waits; empty if it does not."""
    found = {one["metadata"]["name"]: one for one in system.objects("update", NAMESPACE)}
    postponed = found[AUTOMATION].get("status", {}).get("tagstream", {}).get("postponed", {})
    return str(postponed.get("reason", ""))


def test_a_freeze_and_then_a_window_hold_a_tag_that_goes_when_the_window_opens(
    system: System, sample: Sample, bare: Path, stack: EmbeddedStack
) -> None:
    system.cli("freeze", "automation", AUTOMATION, "-n", NAMESPACE, "--reason", "incident")
    stack.wait_for("the freeze in the status", lambda: "is frozen: by" in waits(system))
    system.push(sample.frontend_image, "v2.31.0")
    system.deliver(system.hook_path("pushes", NAMESPACE), TOKEN, {"push": "frontend v2.31.0"})
    stack.wait_for("the selection", lambda: latest_tag(system) == "v2.31.0")
    # A window that opens within the minute takes over when the freeze is lifted.
    opens = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if opens - datetime.now(UTC) < timedelta(seconds=20):
        opens += timedelta(minutes=1)
    window = f"{opens:%M} {opens:%H} * * * / 30m"
    metadata = {"name": NAMESPACE, "annotations": {"tagstream.dev/window": window}}
    system.cli("apply", "-f", "-", stdin=documents({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
    system.cli("thaw", "automation", AUTOMATION, "-n", NAMESPACE)
    stack.wait_for("the window in the status", lambda: waits(system).startswith("outside the window of namespace"))
    assert "v2.31.0" not in frontend(bare)
    stack.wait_for("the commit", lambda: "v2.31.0" in frontend(bare), timeout_s=150)
    made_at = datetime.fromisoformat(git("show", "--no-patch", "--format=%cI", "main", folder=bare).strip())
    assert made_at >= opens
    assert waits(system) == ""
    metadata["annotations"] = {}
    system.cli("apply", "-f", "-", stdin=documents({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
