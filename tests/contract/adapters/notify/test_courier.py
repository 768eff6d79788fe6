"""The courier against a real HTTP server: what counts as delivered, what may be tried again, and that nothing leaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.notify.courier import HttpCourier
from tagstream.domain.notify.destination import Call, json_call
from tagstream.ports.connection import Proxy
from tagstream.ports.notices import DeliveryFailed, Route
from tests.embedded.forward_proxy import PASSWORD, USER, SocksProxy, running_proxy
from tests.embedded.hook_receiver import HookReceiver, hook_receiver
from tests.embedded.loopback import free_port

ROUTE = Route(timeout_s=5.0, secrets=("s3cr3t-path", "t0ken"))


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    with hook_receiver() as running:
        yield running


@pytest.fixture
def courier() -> HttpCourier:
    return HttpCourier(clock=SystemClock())


def call(receiver: HookReceiver, **options: bool) -> Call:
    made = json_call(receiver.url("/s3cr3t-path"), {"text": "ü"}, {"Authorization": "Bearer t0ken"})
    return Call(url=made.url, body=made.body, headers=made.headers, **options)


def failure(courier: HttpCourier, made: Call, route: Route = ROUTE) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        courier.deliver(made, route)
    assert not [one for one in ("s3cr3t-path", "t0ken") if one in str(caught.value)]
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_is_a_delivery(courier: HttpCourier, receiver: HookReceiver, status: int) -> None:
    receiver.answer(status)
    courier.deliver(call(receiver), ROUTE)
    (found,) = receiver.received
    assert (found.method, found.path, found.json) == ("POST", "/s3cr3t-path", {"text": "ü"})
    assert found.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        (400, True),
        (401, True),
        (404, True),
        (410, True),
        (302, True),
        (408, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
def test_a_refusal_says_whether_a_later_try_may_help(
    courier: HttpCourier, receiver: HookReceiver, status: int, is_final: bool
) -> None:
    receiver.answer(status, b"no s3cr3t-path with t0ken here", Location="http://127.0.0.1:1/")
    error = failure(courier, call(receiver))
    assert error.is_final == is_final
    assert error.message == f"POST to {receiver.address}: status {status}: no REDACTED with REDACTED here"
    assert len(receiver.received) == 1


def test_the_time_that_a_service_asks_for_is_kept(courier: HttpCourier, receiver: HookReceiver) -> None:
    receiver.answer(429, Retry_After="42")
    assert failure(courier, call(receiver)).retry_after_s == 42.0


@pytest.mark.parametrize(
    ("headers", "words", "pause_s"),
    [
        ({"Retry_After": "60"}, b"{}", 60.0),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "30"}, b"{}", 30.0),
        ({}, b'{"message": "You have exceeded a secondary rate limit"}', None),
    ],
)
def test_a_403_of_a_rate_limit_is_not_final(
    courier: HttpCourier, receiver: HookReceiver, headers: dict[str, str], words: bytes, pause_s: float | None
) -> None:
    receiver.answer(403, words, **headers)
    error = failure(courier, call(receiver))
    assert (error.is_final, error.retry_after_s) == (False, pause_s)
    receiver.answer(403, b"Forbidden")
    assert failure(courier, call(receiver)).is_final


def test_an_answer_that_says_no_in_a_200_is_a_refusal(courier: HttpCourier, receiver: HookReceiver) -> None:
    receiver.answer(200, b'{"ok":false,"error":"channel_not_found"}')
    error = failure(courier, call(receiver, says_ok=True))
    assert error.is_final
    assert error.message.endswith("Slack responded with error: channel_not_found")
    receiver.answer(200, b'{"ok":false,"error":"ratelimited"}')
    assert not failure(courier, call(receiver, says_ok=True)).is_final
    receiver.answer(200, b'{"ok":true}')
    courier.deliver(call(receiver, says_ok=True), ROUTE)


def test_nobody_who_listens_is_a_failure_that_may_pass(courier: HttpCourier) -> None:
    made = json_call(f"http://127.0.0.1:{free_port()}/s3cr3t-path", {})
    assert not failure(courier, made).is_final


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "0.0.0.0"])
def test_no_notification_reaches_where_credentials_are(courier: HttpCourier, host: str) -> None:
    assert "SSRF" in failure(courier, json_call(f"http://{host}/s3cr3t-path", {})).message


def test_a_name_that_leads_to_this_machine_is_refused(courier: HttpCourier, receiver: HookReceiver) -> None:
    port = receiver.address.rpartition(":")[2]
    for address in (f"http://[::ffff:127.0.0.1]:{port}/x", f"http://2130706433:{port}/x"):
        failure(courier, json_call(address, {}))
    assert receiver.received == []


def test_a_notification_goes_through_the_proxy_of_its_provider(courier: HttpCourier, receiver: HookReceiver) -> None:
    with running_proxy(SocksProxy) as proxy:
        address = f"socks5://127.0.0.1:{proxy.server_address[1]}"
        route = Route(timeout_s=5.0, proxy=Proxy(address=address, username=USER, password=PASSWORD))
        courier.deliver(call(receiver), route)
    assert len(receiver.received) == 1
    assert proxy.targets == [receiver.address]
