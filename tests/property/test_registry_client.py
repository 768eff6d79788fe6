"""Whatever a registry answers, the client lists, gives a digest, or says why not: it ends, and raises nothing else."""

from __future__ import annotations

import base64
import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.session import Request
from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.registry.pages import Limits
from tagstream.domain.objects.image_name import ImageName
from tagstream.errors import ImageAutomationError
from tagstream.ports.registry import PullSecret, RegistryAccess
from tests.contract.skipping_clock import SkippingClock

PASSWORD = "correct-horse-battery"
AUTH = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
LIMITS = Limits(pages=6, tags=50, page_bytes=10_000)
MOST_REQUESTS = 200
URLS = st.sampled_from(
    [
        "https://r.example.com/v2/a/b/tags/list?n=1",
        "/v2/",
        "//[",
        "https://[/",
        "http://169.254.169.254/",
        "https://x/t",
    ]
)
TEXTS = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)
CHALLENGES = st.builds('Bearer realm="{}",service="s",scope="{}"'.format, URLS, TEXTS) | st.just('Basic realm="r"')
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "WWW-Authenticate": CHALLENGES | TEXTS,
        "Link": st.builds('<{}>; rel="next"'.format, URLS) | TEXTS,
        "Location": URLS | TEXTS,
        "Retry-After": st.sampled_from(["1", "-1", "1e9", "nan", "Tue, 24 Nov 2026 12:01:30 GMT"]) | TEXTS,
        "Warning": TEXTS,
        "Docker-Content-Digest": st.just("sha256:" + "a" * 64) | TEXTS,
    },
)
DOCUMENTS = st.sampled_from(
    [
        {"tags": ["1.0.0", "1.1.0"]},
        {"tags": None},
        {"token": "t", "expires_in": 60},
        {"access_token": "two\nlines"},
        {"errors": [{"code": "TOOMANYREQUESTS", "message": f"{PASSWORD} {AUTH}", "detail": [None]}]},
        {"errors": [{"code": "UNAUTHORIZED"}, 7, {"status": [1]}]},
    ]
)
BODIES = DOCUMENTS.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=60)
STATUSES = st.sampled_from([200, 200, 200, 204, 301, 307, 400, 401, 401, 403, 404, 429, 500, 503])
ANSWERS = st.lists(st.tuples(STATUSES, HEADERS, BODIES), min_size=1, max_size=8)


class Scripted:
    """Gives the answers one after the other, again and again; counts them."""

    def __init__(self, answers: list[tuple[int, dict[str, str], bytes]]) -> None:
        self.answers = answers
        self.sent: list[Request] = []

    @contextlib.contextmanager
    def open(
        self, request: Request, timeout_s: float, first_answer_s: float | None = None
    ) -> Iterator[tuple[HTTPResponse, Reach]]:
        status, headers, body = self.answers[len(self.sent) % len(self.answers)]
        self.sent.append(request)
        assert len(self.sent) < MOST_REQUESTS
        response = HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)
        try:
            yield response, Reach.PUBLIC
        except HTTPError as error:
            raise ConnectionFault(str(error)) from error


def outcome(answers: list[Any], call: str) -> tuple[str, Scripted]:
    """What the client says, and the requests it took."""
    scripted, clock = Scripted(answers), SkippingClock()
    client = RegistryClient(clock=clock, limits=LIMITS, open_session=lambda tls, proxy: scripted)  # type: ignore[arg-type]
    config = {"auths": {"r.example.com": {"auth": AUTH}}}
    secret = PullSecret(name="s", data={".dockerconfigjson": json.dumps(config).encode()})
    image, access, end = ImageName("r.example.com", "a/b"), RegistryAccess(pull_secrets=(secret,)), clock.monotonic_s()
    try:
        if call == "list":
            return repr(client.list_tags(image, access, end + 60)), scripted
        return client.digest(image, "1.0.0", access, end + 60), scripted
    except ImageAutomationError as error:
        return error.message, scripted


@given(ANSWERS, st.sampled_from(["list", "digest"]))
def test_any_answers_end_in_a_result_or_an_error_without_the_password(answers: list[Any], call: str) -> None:
    said, scripted = outcome(answers, call)
    told = any(AUTH in str(one.headers) for one in scripted.sent)
    assert not told or (PASSWORD not in said and AUTH not in said)


@given(ANSWERS)
def test_the_password_goes_to_the_registry_and_to_realms_it_names_and_nowhere_else(answers: list[Any]) -> None:
    _, scripted = outcome(answers, "list")
    with_password = {one.url.partition("?")[0] for one in scripted.sent if AUTH in str(one.headers)}
    own = "https://r.example.com/"
    assert all(url.startswith((own, "https://x/t")) for url in with_password)
