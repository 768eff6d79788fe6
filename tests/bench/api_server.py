"""A Kubernetes API server for custom resources in a process of its own, and what a benchmark asks of it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from ruamel.yaml import YAML

from tests.bench.go_programs import program
from tests.embedded.aws import die_with_parent

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
AT_ONCE = 8
READY_S = 60.0
WATCH_S = 900
Document = dict[str, Any]
Metadata = dict[str, str]


class ApiServerFailed(RuntimeError):
    """The server ended, or refused what was asked of it; the message is its answer."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of objects, and the name that its paths have."""

    group_version: str
    kind: str
    plural: str

    @property
    def definition(self) -> str:
        """The name that Flux's modules give to the file of its definition."""
        return f"{self.group_version.partition('/')[0]}_{self.plural}.yaml"

    @property
    def everywhere(self) -> str:
        """The path of the objects of all namespaces."""
        return f"/apis/{self.group_version}/{self.plural}"

    def within(self, namespace: str) -> str:
        """The path of the objects of a namespace."""
        return f"/apis/{self.group_version}/namespaces/{namespace}/{self.plural}"


class ApiServer:
    """A running server, reached with all rights."""

    def __init__(self, kubeconfig: Path) -> None:
        config = YAML(typ="safe", pure=True).load(kubeconfig)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.kubeconfig = kubeconfig
        self._url = cluster["server"]
        self._pool = urllib3.PoolManager(
            maxsize=AT_ONCE,
            ca_cert_data=base64.b64decode(cluster["certificate-authority-data"]).decode(),
            server_hostname=cluster["tls-server-name"],
            assert_hostname=cluster["tls-server-name"],
            headers={"Authorization": f"Bearer {user['token']}", "Content-Type": "application/json"},
        )

    def define(self, definition: Path) -> None:
        """Create a custom resource from a file, and wait until the server has it."""
        document = YAML(typ="safe", pure=True).load(definition)
        self._ask("POST", DEFINITIONS, document)
        spec = document["spec"]
        for version in spec["versions"]:
            path = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
            self._wait_for(path)

    def create(self, resource: Resource, objects: Sequence[Document]) -> None:
        """Create objects."""

        def one(document: Document) -> None:
            given = {"apiVersion": resource.group_version, "kind": resource.kind, **document}
            self._ask("POST", resource.within(document["metadata"]["namespace"]), given)

        with ThreadPoolExecutor(AT_ONCE) as workers:
            list(workers.map(one, objects))

    def patch(self, resource: Resource, objects: Sequence[Metadata], change: Document, part: str = "") -> None:
        """Merge the same change into objects, or into a part that has a path of its own, such as ``status``."""
        merged = {"Content-Type": "application/merge-patch+json"}
        below = f"/{part}" if part else ""

        def one(name: Metadata) -> None:
            self._ask("PATCH", f"{resource.within(name['namespace'])}/{name['name']}{below}", change, merged)

        with ThreadPoolExecutor(AT_ONCE) as workers:
            list(workers.map(one, objects))

    def follow(self, resource: Resource, is_done: Callable[[Document], bool]) -> Callable[[], None]:
        """Look at all objects of a resource.

        Returns:
            What waits until each of them is done, from now on.
        """
        found = json.loads(self._ask("GET", resource.everywhere).data)
        waiting = {_name(one) for one in found["items"] if not is_done(one)}
        since = found["metadata"]["resourceVersion"]

        def wait() -> None:
            path = f"{resource.everywhere}?watch=1&resourceVersion={since}&timeoutSeconds={WATCH_S}"
            answer = self._ask("GET", path, stream=True)
            try:
                for line in answer if waiting else ():
                    changed = json.loads(line)["object"]
                    if is_done(changed):
                        waiting.discard(_name(changed))
                    if not waiting:
                        return
            finally:
                answer.close()
            if waiting:
                raise ApiServerFailed(f"{len(waiting)} {resource.plural} are not done in time")

        return wait

    def _wait_for(self, path: str) -> None:
        end = time.monotonic() + READY_S
        while True:
            try:
                self._ask("GET", path)
                return
            except ApiServerFailed:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def _ask(
        self,
        method: str,
        path: str,
        document: Document | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> Any:
        body = None if document is None else json.dumps(document)
        headers = {**self._pool.headers, **(headers or {})}
        answer = self._pool.request(method, self._url + path, body=body, headers=headers, preload_content=not stream)
        if answer.status >= 300:
            raise ApiServerFailed(f"{method} {path}: {answer.status} {answer.data.decode()[:500]}")
        return answer


def _name(document: Document) -> tuple[str, str]:
    return document["metadata"]["namespace"], document["metadata"]["name"]


@contextmanager
def serving(definitions: Iterable[Path]) -> Iterator[ApiServer]:
    """Run a server that has these custom resources until the end of the with block."""
    binary = program("kubernetes")
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(
            [str(binary), folder],
            # It is not measured, so it may take more memory to take less of the processors that the others need.
            env={**os.environ, "GOGC": "400"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            preexec_fn=die_with_parent,
        )
        try:
            assert process.stdout is not None
            kubeconfig = process.stdout.readline().strip()
            if not kubeconfig:
                raise ApiServerFailed(Path(folder, "log").read_text()[-1000:])
            server = ApiServer(Path(kubeconfig))
            for definition in definitions:
                server.define(definition)
            yield server
        finally:
            process.terminate()
            process.wait(30)
