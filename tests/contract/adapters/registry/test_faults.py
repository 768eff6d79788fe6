"""Registries that refuse, throttle, hang, lie and never end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.registry.pages import Limits
from tagstream.errors import RetryableError, ThrottledError
from tagstream.ports.registry import RegistryAccess
from tests.contract.registry_calls import NAME, image, with_secret
from tests.contract.skipping_clock import SkippingClock
from tests.embedded.fault_proxy import Fault, FaultProxy, Received, running_fault_proxy
from tests.embedded.registry import running_registry

TAGS = ("1.0.0", "1.1.0")
LIMITS = Limits(pages=20, tags=5000, page_bytes=200_000)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with running_registry() as registry, running_fault_proxy(registry.address) as running:
        registry.add_tags(NAME, TAGS)
        yield running


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock()


def scan(proxy: FaultProxy, clock: SkippingClock, seconds: float = 20.0) -> tuple[str, ...]:
    client = RegistryClient(clock=clock, limits=LIMITS)
    return client.list_tags(image(proxy.address), RegistryAccess(), clock.monotonic_s() + seconds).tags


def refusal(proxy: FaultProxy, clock: SkippingClock, seconds: float = 20.0) -> RetryableError:
    with pytest.raises(RetryableError) as raised:
        scan(proxy, clock, seconds)
    assert raised.value.reason == "ReadOperationFailed"
    assert raised.value.message.startswith("scan failed: ")
    return raised.value


def errors(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()


def listing(tags: list[str] | None, link: str = "") -> Fault:
    headers = (("Link", f'<{link}>; rel="next"'),) if link else ()
    return Fault(headers=headers, body=json.dumps({"name": NAME, "tags": tags}).encode())


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 522])
def test_a_passing_failure_is_tried_again_after_a_second(proxy: FaultProxy, clock: SkippingClock, status: int) -> None:
    proxy.script = [Fault(status=status)]
    assert scan(proxy, clock) == TAGS
    assert [round(one - 0.05) for one in clock.slept] == [1]


def test_three_attempts_are_made(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [Fault(status=503, body=b"<html>\n  Maintenance </html>")] * 3
    error = refusal(proxy, clock)
    url = f"http://{proxy.address}/v2/{NAME}/tags/list?n=1000"
    text = f"scan failed: GET {url}: unexpected status code 503 Service Unavailable: <html> Maintenance </html>"
    assert error.message == text
    assert len(proxy.received) == 3
    assert [int(one) for one in clock.slept] == [1, 3]


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_standing_refusal_is_not_repeated(proxy: FaultProxy, clock: SkippingClock, status: int) -> None:
    proxy.respond = lambda request: Fault(status=status, body=errors("DENIED", "requested access is denied"))
    error = refusal(proxy, clock)
    lists = [one for one in proxy.received if one.path.startswith(f"/v2/{NAME}")]
    assert error.message.endswith(": DENIED: requested access is denied")
    assert len(lists) == 1


def test_a_throttling_registry_is_named_with_the_seconds_it_asks_for(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: Fault(status=429, headers=(("Retry-After", "120"),), body=b"Too Many Requests")
    error = refusal(proxy, clock)
    assert isinstance(error, ThrottledError)
    assert error.host == proxy.address
    assert error.retry_after_s == 120.0
    assert len(proxy.received) == 1


def test_a_retry_after_date_is_understood(proxy: FaultProxy, clock: SkippingClock) -> None:
    when = format_datetime(SystemClock().now() + timedelta(seconds=100), usegmt=True)
    proxy.respond = lambda request: Fault(status=429, headers=(("Retry-After", when),))
    error = refusal(proxy, clock)
    assert error.retry_after_s is not None
    assert 60 < error.retry_after_s <= 100


def test_a_short_retry_after_is_waited_for(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [Fault(status=429, headers=(("Retry-After", "2"),))]
    assert scan(proxy, clock) == TAGS
    assert int(sum(clock.slept)) == 2


def test_throttling_without_a_time_ends_in_the_same_error(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: Fault(status=429, body=errors("TOOMANYREQUESTS", "slow down"))
    error = refusal(proxy, clock)
    assert type(error) is ThrottledError
    assert error.retry_after_s is None
    assert len(proxy.received) == 3


def test_a_throttled_host_is_left_alone_by_the_next_scan(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [Fault(status=429, headers=(("Retry-After", "60"),))]
    client = RegistryClient(clock=clock)
    found = []
    for name in (NAME, "other/app"):
        with pytest.raises(ThrottledError) as raised:
            client.list_tags(image(proxy.address, name), RegistryAccess(), clock.monotonic_s() + 20)
        found.append(raised.value.host)
    assert found == [proxy.address] * 2
    assert len(proxy.received) == 1


def test_no_retry_outlasts_the_deadline(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [Fault(status=503)] * 3
    refusal(proxy, clock, seconds=1.2)
    assert clock.slept == []
    assert len(proxy.received) == 1


def test_a_cut_connection_is_tried_again(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [Fault(status=0), Fault(body=b'{"tags":["9.9.9","9.9.8"]}', cut_at=12)]
    assert scan(proxy, clock) == TAGS


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(body=b'{"tags":["9.9.9","9.9.8"]}', cut_at=18), "unexpected EOF"),
        (Fault(status=0), "EOF"),
        (Fault(status=0, body=b"SSH-2.0-server\r\n"), "malformed HTTP response"),
    ],
)
def test_what_never_arrives_whole_is_an_error_in_gos_words(
    proxy: FaultProxy, clock: SkippingClock, fault: Fault, words: str
) -> None:
    proxy.respond = lambda request: fault
    expected = f'scan failed: Get "http://{proxy.address}/v2/{NAME}/tags/list?n=1000": {words}'
    assert refusal(proxy, clock).message == expected


def test_a_token_that_is_no_header_value_is_not_shown(proxy: FaultProxy, clock: SkippingClock) -> None:
    challenge = (("WWW-Authenticate", 'Bearer realm="https://auth.example.com/",service="s"'),)
    proxy.respond = lambda request: Fault(status=401, headers=challenge)
    access = with_secret(proxy.address, registrytoken="two\nlines")
    with pytest.raises(RetryableError) as raised:
        RegistryClient(clock=clock).list_tags(image(proxy.address), access, clock.monotonic_s() + 20)
    assert raised.value.message.endswith('net/http: invalid header field value for "Authorization"')


def test_a_complete_answer_that_is_half_a_document_is_an_error(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: Fault(body=b'{"tags":["9.9.9","9.9')
    assert "unexpected end of JSON input" in refusal(proxy, clock).message


@pytest.mark.parametrize("place", ["body", "after the headers"])
def test_slow_bytes_end_at_the_deadline(proxy: FaultProxy, place: str) -> None:
    clock = SystemClock()
    drip = Fault(body=b'{"tags":["1"]}' + b" " * 1000, drip_s=0.05 if place == "body" else 5.0)
    proxy.respond = lambda request: drip
    started = clock.monotonic_s()
    with pytest.raises(RetryableError) as raised:
        RegistryClient().list_tags(image(proxy.address), RegistryAccess(), started + 0.5)
    assert raised.value.message.endswith(": context deadline exceeded")


def test_html_instead_of_a_list_is_an_error(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: Fault(headers=(("Content-Type", "text/html"),), body=b"<html>login</html>")
    assert "invalid tag list" in refusal(proxy, clock).message


@pytest.mark.parametrize("tags", [None, []])
def test_null_and_the_empty_list_are_no_tags(proxy: FaultProxy, clock: SkippingClock, tags: list[str] | None) -> None:
    proxy.respond = lambda request: listing(tags)
    assert scan(proxy, clock) == ()


def test_an_endless_body_is_refused(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: Fault(body=b'{"tags":["a"', endless=b',"a"' * 5000)
    assert "a page of more than 200000 bytes" in refusal(proxy, clock).message


def test_an_endless_error_is_cut(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: Fault(status=403, body=b"no ", endless=b"way " * 1000)
    assert len(refusal(proxy, clock).message) < 700


def test_more_tags_than_allowed_are_refused(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: listing([str(number) for number in range(5001)])
    assert "more than 5000 tags" in refusal(proxy, clock).message


def pages_without_end(idle: bool) -> Iterator[Fault]:
    number = 0
    while True:
        yield listing(["same" if idle else f"1.{number}"], f"/v2/{NAME}/tags/list?last={number}")
        number += 1


@pytest.mark.parametrize(
    ("idle", "text"), [(True, "3 pages without a new tag"), (False, "more than 20 pages")], ids=["idle", "growing"]
)
def test_endless_pages_are_refused(proxy: FaultProxy, clock: SkippingClock, idle: bool, text: str) -> None:
    pages = pages_without_end(idle)
    proxy.respond = lambda request: next(pages)
    assert text in refusal(proxy, clock).message


def test_a_page_that_links_to_itself_is_refused(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: listing(["1.0.0"], f"/v2/{NAME}/tags/list?n=1000")
    assert "the next page was already read" in refusal(proxy, clock).message


def test_a_failing_later_page_fails_the_whole_list(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [listing(["9.0.0"], f"/v2/{NAME}/tags/list?last=9.0.0"), *[Fault(status=500)] * 3]
    assert "unexpected status code 500" in refusal(proxy, clock).message


@pytest.mark.parametrize(
    "link",
    [
        "/v2/{name}/tags/list?last=a",
        "http://{address}/v2/{name}/tags/list?last=a",
        "https://127.0.0.1/v2/{name}/tags/list?last=a",
        "/v2/app/tags/list?last=a",
        "http://127.0.0.1:1/repository/hosted/v2/{name}/tags/list?last=a",
        "?last=a",
    ],
    ids=["relative", "absolute", "other scheme", "path lost its prefix", "path gained one", "query only"],
)
def test_links_in_every_form_lead_to_the_next_page(proxy: FaultProxy, clock: SkippingClock, link: str) -> None:
    proxy.script = [listing(["0.9.0"], link.format(name=NAME, address=proxy.address)), listing(["0.9.1"])]
    assert scan(proxy, clock) == ("0.9.0", "0.9.1")
    assert proxy.received[1].path == f"/v2/{NAME}/tags/list?last=a"


def test_a_link_to_another_host_is_refused(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [listing(["0.9.0"], "http://169.254.169.254/v2/x/tags/list?last=a")]
    assert refusal(proxy, clock).message == (
        "scan failed: pagination URL host does not match registry host: potential SSRF attack"
    )


@pytest.mark.parametrize("code", ["UNSUPPORTED", "TOO_MANY_TAGS_REQUESTED", "PAGINATION_NUMBER_INVALID"])
def test_a_registry_that_refuses_large_pages_is_asked_for_small_ones_from_then_on(
    proxy: FaultProxy, clock: SkippingClock, code: str
) -> None:
    def respond(request: object) -> Fault | None:
        return Fault(status=429, body=errors(code, "n is too large")) if "n=1000" in str(request) else None

    proxy.respond = respond
    client = RegistryClient(clock=clock)
    listings = [client.list_tags(image(proxy.address), RegistryAccess(), clock.monotonic_s() + 20) for _ in range(2)]
    assert [(one.tags, one.requests) for one in listings] == [(TAGS, 2), (TAGS, 1)]


def test_credentials_never_follow_a_redirect_to_another_port(proxy: FaultProxy, clock: SkippingClock) -> None:
    with running_fault_proxy() as other:
        other.respond = lambda request: listing(["1.0.0"])
        target = f"http://{other.address}/v2/{NAME}/tags/list"
        challenge = Fault(status=401, headers=(("WWW-Authenticate", 'Basic realm="r"'),))
        proxy.script = [challenge, Fault(status=307, headers=(("Location", target),))]
        client = RegistryClient(clock=clock)
        client.list_tags(image(proxy.address), with_secret(proxy.address), clock.monotonic_s() + 20)
        sent = ["Authorization" in one.headers for one in (*proxy.received, *other.received)]
    assert sent == [False, True, False]


def identity_answered(proxy: FaultProxy, clock: SkippingClock, redirect: Fault) -> RegistryClient:
    """A registry that redirects the POST of an identity token; its GET gives a token."""

    def respond(request: Received) -> Fault | None:
        if request.path.startswith("/token"):
            return redirect
        if request.path.startswith("/moved"):
            return Fault(body=b'{"token":"t"}')
        if request.headers.get("Authorization") == "Bearer t":
            return listing(["1.0.0"])
        realm = f'Bearer realm="http://{proxy.address}/token",service="s"'
        return Fault(status=401, headers=(("WWW-Authenticate", realm),))

    proxy.respond = respond
    return RegistryClient(clock=clock)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_login_never_follows_a_redirect_to_another_host(proxy: FaultProxy, clock: SkippingClock, status: int) -> None:
    with running_fault_proxy() as other:
        other.respond = lambda request: Fault(body=b'{"token":"t"}')
        redirect = Fault(status=status, headers=(("Location", f"http://{other.address}/moved"),))
        client = identity_answered(proxy, clock, redirect)
        access = with_secret(proxy.address, identitytoken="identity")
        with pytest.raises(RetryableError, match="redirect of a login to another host refused"):
            client.list_tags(image(proxy.address), access, clock.monotonic_s() + 20)
        assert other.received == []


@pytest.mark.parametrize(("status", "sent"), [(302, ("GET", b"")), (303, ("GET", b"")), (307, ("POST", None))])
def test_a_login_is_redirected_on_its_own_host_as_go_does_it(
    proxy: FaultProxy, clock: SkippingClock, status: int, sent: tuple[str, bytes | None]
) -> None:
    client = identity_answered(proxy, clock, Fault(status=status, headers=(("Location", "/moved"),)))
    access = with_secret(proxy.address, identitytoken="identity")
    assert client.list_tags(image(proxy.address), access, clock.monotonic_s() + 20).tags == ("1.0.0",)
    asked, moved = (next(one for one in proxy.received if one.path == path) for path in ("/token", "/moved"))
    assert moved.method == sent[0]
    assert moved.body == (asked.body if sent[1] is None else sent[1])


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest", "file:///etc/passwd", "http://[::ffff:169.254.170.2]/"]
)
def test_a_redirect_to_where_credentials_are_is_refused(proxy: FaultProxy, clock: SkippingClock, location: str) -> None:
    proxy.respond = lambda request: Fault(status=302, headers=(("Location", location),))
    message = refusal(proxy, clock).message
    assert "potential SSRF attack" in message or 'scheme "file" refused' in message
    assert len(proxy.received) == 1


def test_a_redirect_loop_ends(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.respond = lambda request: Fault(status=302, headers=(("Location", request.path),))
    assert "stopped after 10 redirects" in refusal(proxy, clock).message


@pytest.mark.parametrize(
    ("realm", "text"),
    [
        ("http://169.254.170.2/token", "potential SSRF attack"),
        ("ftp://127.0.0.1/token", "realm must be an http or https URL"),
        ("http://user:pass@127.0.0.1/token", "realm must be an http or https URL without credentials"),
        ("", "missing realm"),
        ("https://[/", "(an invalid URL): malformed www-authenticate, realm is not a URL"),
    ],
)
def test_a_realm_that_no_password_may_go_to_is_refused(
    proxy: FaultProxy, clock: SkippingClock, realm: str, text: str
) -> None:
    header = f'Bearer realm="{realm}",service="s"'
    proxy.respond = lambda request: Fault(status=401, headers=(("WWW-Authenticate", header),))
    client = RegistryClient(clock=clock)
    with pytest.raises(RetryableError) as raised:
        client.list_tags(image(proxy.address), with_secret(proxy.address), clock.monotonic_s() + 20)
    assert text in raised.value.message


def test_the_second_of_two_challenge_lines_is_understood(proxy: FaultProxy, clock: SkippingClock) -> None:
    lines = (("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", 'Basic realm="r"'))
    proxy.script = [Fault(status=401, headers=lines)]
    client = RegistryClient(clock=clock)
    client.list_tags(image(proxy.address), with_secret(proxy.address), clock.monotonic_s() + 20)
    assert [one.headers.get("Authorization", "")[:6] for one in proxy.received] == ["", "Basic "]


def test_a_server_that_hides_its_challenge_is_pinged_for_it(proxy: FaultProxy, clock: SkippingClock) -> None:
    def respond(request: object) -> Fault | None:
        if "/v2/'" in str(request):
            return Fault(status=401, headers=(("WWW-Authenticate", 'Basic realm="r"'),))
        return None

    proxy.script = [Fault(status=404, body=errors("NAME_UNKNOWN", "hidden"))]
    proxy.respond = respond
    client = RegistryClient(clock=clock)
    found = client.list_tags(image(proxy.address), with_secret(proxy.address), clock.monotonic_s() + 20)
    assert found.tags == TAGS
    assert [one.path for one in proxy.received][1] == "/v2/"


def test_warnings_of_the_registry_are_shown(proxy: FaultProxy, clock: SkippingClock) -> None:
    headers = (("Warning", '299 - "Your certificate will expire in 30 days"'),)
    proxy.script = [Fault(headers=headers, body=b'{"tags":["1.0.0"]}')]
    client = RegistryClient(clock=clock)
    found = client.list_tags(image(proxy.address), RegistryAccess(), clock.monotonic_s() + 20)
    assert found.warnings == ("Your certificate will expire in 30 days",)


def test_an_echoed_password_does_not_reach_the_error(proxy: FaultProxy, clock: SkippingClock) -> None:
    challenge = Fault(status=401, headers=(("WWW-Authenticate", 'Basic realm="r"'),))
    proxy.script = [challenge, Fault(status=403, body=errors("DENIED", "you sent s3cret-pass"))]
    client = RegistryClient(clock=clock)
    with pytest.raises(RetryableError) as raised:
        client.list_tags(image(proxy.address), with_secret(proxy.address), clock.monotonic_s() + 20)
    assert raised.value.message.endswith(": DENIED: you sent REDACTED")


def test_a_digest_without_its_header_is_computed_from_the_manifest(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [Fault(), Fault(body=b"{}")]
    found = RegistryClient(clock=clock).digest(image(proxy.address), "1.0.0", RegistryAccess(), clock.monotonic_s() + 9)
    assert found == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_a_digest_that_is_none_is_refused(proxy: FaultProxy, clock: SkippingClock) -> None:
    proxy.script = [Fault(headers=(("Docker-Content-Digest", "sha256:../../x"),))]
    with pytest.raises(RetryableError) as raised:
        RegistryClient(clock=clock).digest(image(proxy.address), "1.0.0", RegistryAccess(), clock.monotonic_s() + 9)
    assert "did not include a valid Docker-Content-Digest" in raised.value.message
