"""Each registry product's own dialect: who gives tokens out, how pages are linked, how refusals look.

The dialects are those recorded of the products: Docker Hub, GHCR, Quay, ECR, GitLab, Harbor, JFrog, Nexus, Google.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from tagstream.adapters.registry.client import RegistryClient
from tagstream.errors import RetryableError
from tagstream.ports.registry import RegistryAccess
from tests.contract.registry_calls import NAME, image, soon, with_secret
from tests.embedded.fault_proxy import Fault, FaultProxy, Received, Respond, running_fault_proxy
from tests.embedded.token_server import PASSWORD, USER

BASIC = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
LIST = f"/v2/{NAME}/tags/list"


@pytest.fixture
def registry() -> Iterator[FaultProxy]:
    with running_fault_proxy() as running:
        yield running


@pytest.fixture
def tokens() -> Iterator[FaultProxy]:
    with running_fault_proxy() as running:
        yield running


def page(*tags: str, link: str = "", **members: object) -> Fault:
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    if link:
        headers.append(("Link", f'<{link}>; rel="next"'))
    return Fault(headers=tuple(headers), body=json.dumps({"name": NAME, "tags": tags, **members}).encode())


def bearer(realm: str, service: str) -> Fault:
    challenge = f'Bearer realm="{realm}",service="{service}",scope="repository:{NAME}:pull"'
    return Fault(status=401, headers=(("Www-Authenticate", challenge),))


def pages_by_last(pages: dict[str, Fault]) -> Respond:
    return lambda request: pages[parse_qs(urlsplit(request.path).query).get("last", [""])[0]]


@pytest.mark.parametrize(
    "answer",
    [
        {"token": "opened"},
        {"access_token": "opened", "expires_in": 300, "issued_at": "2026-11-24T00:00:00Z"},
        {"token": "opened", "access_token": "opened", "refresh_token": ""},
    ],
    ids=["GHCR, GitLab", "Harbor, JFrog", "Docker Hub"],
)
def test_the_password_goes_to_the_token_host_and_the_token_to_the_registry(
    registry: FaultProxy, tokens: FaultProxy, answer: dict[str, object]
) -> None:
    def respond(request: Received) -> Fault:
        let_in = request.headers.get("Authorization") == "Bearer opened"
        return page("1.0.0") if let_in else bearer(f"http://{tokens.address}/jwt/auth?kept=1", "container_registry")

    registry.respond = respond
    tokens.respond = lambda request: Fault(body=json.dumps(answer).encode())
    found = RegistryClient().list_tags(image(registry.address), with_secret(registry.address), soon())
    query = "kept=1&scope=repository%3Ateam%2Fapp%3Apull&service=container_registry"
    assert found.tags == ("1.0.0",)
    assert [one.path for one in tokens.received] == [f"/jwt/auth?{query}"]
    assert [one.headers.get("Authorization") for one in (*tokens.received, *registry.received)] == [
        BASIC, None, "Bearer opened",
    ]  # fmt: skip


def test_docker_hub_and_ghcr_list_the_oldest_first_and_all_pages_count(registry: FaultProxy) -> None:
    registry.respond = pages_by_last(
        {"": page("0.1.0", "0.2.0", link=f"{LIST}?last=0.2.0&n=1000"), "0.2.0": page("2.0.0")}
    )
    assert RegistryClient().list_tags(image(registry.address), RegistryAccess(), soon()).tags[-1] == "2.0.0"


def test_ecrs_opaque_place_is_sent_back_as_it_came(registry: FaultProxy) -> None:
    opaque = "AbC+/=%2B" * 50
    encoded = "AbC%2B%2F%3D%252B" * 50
    url = f"http://{registry.address}{LIST}?n=1000&last={encoded}"
    registry.respond = pages_by_last({"": page("b", "a", link=url), opaque: page("c")})
    found = RegistryClient().list_tags(image(registry.address), RegistryAccess(), soon())
    assert found.tags == ("b", "a", "c")
    assert registry.received[1].path == f"{LIST}?n=1000&last={encoded}"


def test_quay_says_true_where_others_explain_and_pages_by_an_opaque_token(registry: FaultProxy) -> None:
    def respond(request: Received) -> Fault:
        if request.headers.get("Authorization") != BASIC:
            headers = (("WWW-Authenticate", 'Basic realm="quay"'), ("Content-Type", "text/html"))
            return Fault(status=401, headers=headers, body=b"true")
        return page("2") if "next_page=" in request.path else page("1", link=f"{LIST}?n=100&next_page=gAAAA")

    registry.respond = respond
    found = RegistryClient().list_tags(image(registry.address), with_secret(registry.address), soon())
    assert found.tags == ("1", "2")
    with pytest.raises(RetryableError) as raised:
        RegistryClient().list_tags(image(registry.address), RegistryAccess(), soon())
    assert raised.value.message.endswith("?n=1000: unexpected status code 401 Unauthorized: true")


@pytest.mark.parametrize(
    "link",
    ["/v2/app/tags/list?last=1&n=1000", "http://127.0.0.1/repository/docker-hosted/v2/app/tags/list?last=1&n=1000"],
    ids=["JFrog by repository path", "Nexus behind a connector"],
)
def test_links_that_lost_the_repository_or_the_port_are_mended(registry: FaultProxy, link: str) -> None:
    registry.respond = pages_by_last({"": page("1", link=link), "1": page("2")})
    found = RegistryClient().list_tags(image(registry.address), RegistryAccess(), soon())
    assert found.tags == ("1", "2")
    assert registry.received[1].path == f"{LIST}?last=1&n=1000"


def test_googles_extra_members_are_skipped(registry: FaultProxy) -> None:
    manifest = {f"sha256:{number:064}": {"tag": [f"no-{number}"], "timeCreatedMs": "0"} for number in range(500)}
    registry.respond = lambda request: page("1.0.0", child=["tags"], manifest=manifest)
    assert RegistryClient().list_tags(image(registry.address), RegistryAccess(), soon()).tags == ("1.0.0",)


def test_harbors_and_jfrogs_errors_without_codes_are_shown(registry: FaultProxy) -> None:
    body = b'{"errors":[{"status":404,"message":"no such repository"}]}'
    registry.respond = lambda request: Fault(status=404, body=body)
    with pytest.raises(RetryableError) as raised:
        RegistryClient().list_tags(image(registry.address), RegistryAccess(), soon())
    assert raised.value.message.endswith("?n=1000: 404: no such repository")


@pytest.mark.parametrize("slow_part", ["list", "token"])
def test_a_registry_that_hangs_holds_up_no_other(registry: FaultProxy, tokens: FaultProxy, slow_part: str) -> None:
    asked, others_done = threading.Event(), threading.Event()

    def hang(request: Received) -> Fault:
        if slow_part == "token" and not request.path.startswith("/token"):
            return bearer(f"http://{registry.address}/token", "slow")
        asked.set()
        others_done.wait(20)
        return Fault(status=404)

    registry.respond = hang
    tokens.respond = lambda request: page("1.0.0")
    client = RegistryClient()
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(client.list_tags, image(registry.address), RegistryAccess(), soon())
        asked.wait(20)
        found = client.list_tags(image(tokens.address), RegistryAccess(), soon(10))
        others_done.set()
        assert found.tags == ("1.0.0",)
        assert type(hanging.exception()) is RetryableError
