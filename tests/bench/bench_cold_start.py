"""Measures the deployed webhook's first answer after a cold start, beside an empty function with the same layers.

A change of its configuration ends a function's warm environments, so that the next delivery needs a new one: AWS
unpacks the layers, the interpreter starts, modules are imported, clients are made, and the delivery is answered. The
two functions take turns.
"""

from __future__ import annotations

import io
import statistics
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import shown
from tests.embedded.aws import EmbeddedStack, HttpAnswer, running
from tests.embedded.system import System, documents

ROUNDS = 7
GOAL_S = 1.0
TOKEN = "bench-token"
# The pause lets the old environment end, so that its shutdown does not slow down the next cold start.
REST_S = 0.5
NAMESPACE = {"namespace": "bench"}
OBJECTS = (
    {"apiVersion": "v1", "kind": "Secret", "metadata": {**NAMESPACE, "name": "hook"}, "stringData": {"token": TOKEN}},
    {
        "apiVersion": "image.toolkit.fluxcd.io/v1",
        "kind": "ImageRepository",
        "metadata": {**NAMESPACE, "name": "app"},
        "spec": {"image": "127.0.0.1:9/app", "interval": "1h", "suspend": True},
    },
    {
        "apiVersion": "notification.toolkit.fluxcd.io/v1",
        "kind": "Receiver",
        "metadata": {**NAMESPACE, "name": "hook"},
        "spec": {
            "type": "generic-hmac",
            "secretRef": {"name": "hook"},
            "resources": [{"kind": "ImageRepository", "name": "app"}],
            # A filter makes the function load the largest library of the layer.
            "resourceFilter": "has(req.number)",
        },
    },
)


def _rows(_flux: Flux | None) -> Iterator[Row]:
    """Yield the median and the worst of a few cold starts."""
    with running() as aws:
        stack = aws.deploy("bench", WebhookConcurrency="0")
        system = System(stack=stack, registry="")
        system.cli("apply", "-f", "-", stdin=documents(*OBJECTS))
        path = system.hook_path("hook", "bench")
        floor = _empty_function(stack)
        genuine = _Cold(stack, f"{stack.name}-webhook", 200, lambda at: system.deliver(path, TOKEN, {"number": at}))
        forged = _Cold(stack, f"{stack.name}-webhook", 404, lambda at: system.deliver(path, "guess", {"number": at}))
        empty = _Cold(floor, "floor", 200, lambda _: floor.post("/", b"{}", {}))
        for number in range(ROUNDS):
            for one in (genuine, empty, forged):
                one.start(number)
    for what, ours in (("accepted, with a filter", genuine), ("refused", forged)):
        worst = max(ours.seconds)
        yield Row(
            what=f"webhook, deployed and cold: first delivery {what}",
            ours=shown(statistics.median(ours.seconds)),
            rival="an empty function",
            theirs=shown(statistics.median(empty.seconds)),
            value=statistics.median(ours.seconds) / statistics.median(empty.seconds),
        )
        yield Row(
            what=f"webhook, deployed and cold: slowest of {ROUNDS} deliveries {what}, in s",
            ours=shown(worst),
            value=worst,
            goal=GOAL_S,
        )


class _Cold:
    """A deployed function, and the times of its first answers."""

    def __init__(self, stack: EmbeddedStack, function: str, status: int, deliver: Callable[[int], HttpAnswer]) -> None:
        self._lambda, self._function = stack.client("lambda"), function
        self._status, self._deliver = status, deliver
        self.seconds: list[float] = []

    def start(self, number: int) -> None:
        """End the warm environments, then time a delivery."""
        found = self._lambda.get_function_configuration(FunctionName=self._function)
        variables = {**found.get("Environment", {}).get("Variables", {}), "ROUND": f"{number}-{len(self.seconds)}"}
        self._lambda.update_function_configuration(FunctionName=self._function, Environment={"Variables": variables})
        time.sleep(REST_S)
        begin = time.perf_counter()
        answer = self._deliver(number)
        self.seconds.append(time.perf_counter() - begin)
        if answer.status != self._status:
            raise RuntimeError(f"{self._function} answered {answer.status}, not {self._status}")


def _empty_function(stack: EmbeddedStack) -> EmbeddedStack:
    """Deploy a function with the webhook's runtime, layers and memory that answers at once."""
    client = stack.client("lambda")
    like: dict[str, Any] = client.get_function_configuration(FunctionName=f"{stack.name}-webhook")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return {'statusCode': 200}\n")
    client.create_function(
        FunctionName="floor",
        Code={"ZipFile": code.getvalue()},
        Layers=[layer["Arn"] for layer in like["Layers"]],
        **{name: like[name] for name in ("Runtime", "Role", "Handler", "Architectures", "MemorySize", "Timeout")},
    )
    url = client.create_function_url_config(FunctionName="floor", AuthType="NONE")["FunctionUrl"]
    client.add_permission(
        FunctionName="floor",
        StatementId="public",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    return replace(stack, outputs={"WebhookUrl": url})


BENCHES = {"deployed-cold": _rows}
