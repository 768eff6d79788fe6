"""The commands of docs/webhooks.md, run as written against a server on loopback that asks our receivers."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tagstream.domain.objects.receiver import SIGNATURE_MAX_AGE
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import DeliveryAnswer, IncomingDelivery
from tagstream.events.receiver import ReceiverSecret, accept
from tests.unit.webhook_builder import TOKEN, Case, no_keys

PAGE = (pathlib.Path(__file__).parents[4] / "docs/webhooks.md").read_text()
BLOCKS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CASES = {
    "Docker Hub": Case(kind="dockerhub"),
    "Quay": Case(kind="quay"),
    "Harbor": Case(kind="harbor"),
    "GitHub (GHCR)": Case(kind="github"),
    "Azure Container Registry": Case(kind="acr"),
    "Amazon ECR": Case(kind="generic", sender="ecr"),
    "distribution (docker-registry)": Case(kind="generic", sender="distribution"),
    "GitLab": Case(kind="gitlab"),
    "Sonatype Nexus": Case(kind="nexus"),
    "JFrog Artifactory": Case(kind="generic", sender="jfrog"),
    "Bitbucket Server": Case(kind="bitbucket"),
    "Alibaba Cloud Container Registry": Case(kind="generic", sender="aliyun"),
    "CDEvents": Case(kind="cdevents"),
    "generic: scripts and anything else": Case(kind="generic"),
    "generic-hmac: scripts that sign": Case(kind="generic-hmac"),
    "keel: scripts that speak Keel's webhook": Case(kind="generic", sender="keel"),
}
TIMED = Case(kind="generic-hmac", annotations={SIGNATURE_MAX_AGE: "300"})
SECTIONS = {text.partition("\n")[0]: text for text in PAGE.split("\n## ")[1:]}
POSTED = tuple(name for name, text in SECTIONS.items() if any("post " in one for one in BLOCKS.findall(text)))

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl") and shutil.which("bash")), reason="needs curl, openssl, bash"
)


class Endpoint(BaseHTTPRequestHandler):
    """One Receiver; a request with a signed timestamp goes to the one that requires it."""

    case = Case(kind="generic")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        now = datetime.now(UTC)
        request = IncomingDelivery(method=self.command, path=self.path, headers=headers, body=body, received_at=now)
        receiver = (TIMED if "x-signature-timestamp" in headers else self.case).receiver()
        try:
            answer = accept(receiver, ReceiverSecret(data={"token": TOKEN}), request, keys=no_keys).answer
        except RefusedDelivery as refused:
            answer = DeliveryAnswer(status=refused.status)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    do_OPTIONS = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Endpoint", (Endpoint,), {"case": CASES[request.param]})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook/x"
        server.shutdown()


def commands(section: str) -> str:
    blocks = BLOCKS.findall(SECTIONS["Set-up, the same for all"]) + BLOCKS.findall(SECTIONS[section])
    return "\n".join(one for one in blocks if not one.startswith(("gcloud", "aws")))


def answers(section: str, address: str, token: str) -> list[str]:
    script = commands(section)
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "URL": address, "TOKEN": token, "NO_PROXY": "127.0.0.1"}
    ran = subprocess.run(
        ["bash", "-euc", script], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    return ran.stdout.split()


def test_every_section_with_a_command_is_run_here() -> None:
    assert set(POSTED) == set(CASES)


@pytest.mark.parametrize(("address", "section"), [(name, name) for name in CASES], indirect=["address"])
def test_the_command_of_a_section_is_accepted(address: str, section: str) -> None:
    statuses = [one for one in answers(section, address, TOKEN.decode()) if one.isdigit() and len(one) == 3]
    assert statuses and set(statuses) == {"200"}


@pytest.mark.parametrize(
    ("address", "section"),
    [(name, name) for name in CASES if "TOKEN" in "".join(BLOCKS.findall(SECTIONS[name]))],
    indirect=["address"],
)
def test_the_command_of_a_section_is_refused_with_another_token(address: str, section: str) -> None:
    assert set(answers(section, address, "another")) == {"404"}
