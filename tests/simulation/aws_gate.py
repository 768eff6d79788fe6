"""The endpoint that the functions take for AWS: the embedded AWS behind faults, and the simulation's own services.

Those are the queue, asynchronous invocations, and the event bus.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.simulation.request_units import units_of
from tests.simulation.scan_queue import ScanQueue

AwsFault = Literal["throttled", "lost", "down", "hung"]
"""Refused for want of capacity; applied, but the answer never arrives; out of order; no answer at all."""
# Longer than any client of the functions waits for a service other than the table.
HUNG_S = 10.0
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})
_NO_HEADERS: Mapping[str, str] = {}
_WRITES = (
    *("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"),
    *("SendMessage", "Invoke", "PutEvents"),
)
_INVOCATION = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")
_THROTTLED = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "sqs": "com.amazonaws.sqs#RequestThrottled",
    "secretsmanager": "ThrottlingException",
}


class AwsGate(ThreadingHTTPServer):
    """Forwards to the embedded AWS; ``fault`` is asked for every request (service, action) what happens to it.

    ``invoked`` are asynchronous invocations that nobody has carried out yet, by the function's name, and ``bus`` the
    details of events.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, upstream: str, queue: ScanQueue) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.queue = queue
        self.fault: Callable[[str, str], AwsFault | None] = lambda service, action: None
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.calls: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.invoked: list[tuple[str, Mapping[str, Any]]] = []
        self.bus: list[Mapping[str, Any]] = []
        self.read_units, self.write_units = 0.0, 0.0

    @property
    def endpoint(self) -> str:
        """The URL for ``AWS_ENDPOINT_URL``."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: workers are killed in the middle of requests."""

    def count(self, service: str, action: str, fault: str | None) -> None:
        """Count a call and what became of it."""
        with self.lock:
            self.calls[f"{service} {action}"] += 1
            if fault:
                self.faults[fault] += 1

    def taken_invocations(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The invocations that came since this was asked last."""
        with self.lock:
            found, self.invoked = self.invoked, []
        return found

    def count_units(self, read: float, written: float) -> None:
        """Add to the read and write units that the calls would have been billed."""
        with self.lock:
            self.read_units += read
            self.write_units += written


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: AwsGate
    upstream: http.client.HTTPConnection | None = None

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target, _, action = str(self.headers.get("X-Amz-Target", "")).partition(".")
        service = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "AWSEvents": "events"}.get(target, target)
        if _INVOCATION.fullmatch(self.path):
            service, action = "lambda", "Invoke"
        fault = self.server.fault(service, action)
        if fault == "lost" and action not in _WRITES:
            fault = None
        self.server.count(service, action, fault)
        if fault == "throttled":
            text = {"__type": _THROTTLED.get(service, "ThrottlingException"), "message": "too fast"}
            status = http.client.TOO_MANY_REQUESTS if service == "lambda" else http.client.BAD_REQUEST
            self._answer(status, {}, json.dumps(text).encode())
        elif fault == "hung":
            self.server.stopped.wait(HUNG_S)
            self.close_connection = True
        elif fault == "down":
            self._answer(503, {}, b'{"__type":"ServiceUnavailable","message":"out of order"}')
        else:
            self._answered(service, action, body, is_lost=fault == "lost")

    def _answered(self, service: str, action: str, body: bytes, *, is_lost: bool) -> None:
        invocation = _INVOCATION.fullmatch(self.path)
        if service == "sqs":
            answer = self.server.queue.call(action, json.loads(body))
            status, headers, content = 200, _NO_HEADERS, json.dumps(answer).encode()
        elif service == "events":
            status, headers, content = 200, _NO_HEADERS, self._put_on_bus(json.loads(body)["Entries"])
        elif invocation:
            with self.server.lock:
                self.server.invoked.append((invocation["function"], json.loads(body)))
            status, headers, content = 202, _NO_HEADERS, b""
        else:
            status, headers, content = self._forwarded(body)
            if service == "dynamodb" and status == http.client.OK:
                self.server.count_units(*units_of(action, json.loads(body), json.loads(content)))
        if is_lost:
            self._answer(500, {}, b'{"__type":"InternalServerError","message":"lost"}')
        else:
            self._answer(status, headers, content)

    def _put_on_bus(self, entries: list[Mapping[str, Any]]) -> bytes:
        with self.server.lock:
            self.server.bus += [json.loads(one["Detail"]) for one in entries]
        return json.dumps({"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in entries]}).encode()

    def _forwarded(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        # One connection to the embedded AWS for each connection of a function.
        connection = self.upstream or http.client.HTTPConnection(self.server.upstream, timeout=60)
        self.upstream = connection
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}, content

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/x-amz-json-1.0", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def running_gate(upstream: str, queue: ScanQueue) -> Iterator[AwsGate]:
    """Run a gate on a free port until the end of the with block."""
    gate = AwsGate(upstream, queue)
    thread = threading.Thread(target=gate.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield gate
    finally:
        gate.stopped.set()
        gate.shutdown()
        gate.server_close()
        thread.join()
