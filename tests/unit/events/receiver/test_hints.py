"""Image names in senders' mouths."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagstream.events.delivery import IncomingDelivery, PushHint
from tagstream.events.receiver.hints import HINT_LIMIT, delivery_id, push_hints, split_image, url_host
from tests.unit.webhook_builder import DIGEST


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("h.example/a/b:1", ("h.example", "a/b", "1", "")),
        ("h.example:8443/a:1", ("h.example:8443", "a", "1", "")),
        ("localhost/a", ("localhost", "a", "", "")),
        ("team/app:1", ("", "team/app", "1", "")),
        ("app", ("", "app", "", "")),
        (f"h.example/a@{DIGEST}", ("h.example", "a", "", DIGEST)),
        (f"h.example/a:1@{DIGEST}", ("h.example", "a", "1", DIGEST)),
        (f"h.example/a:{DIGEST}", ("h.example", "a", "", DIGEST)),
        ("", ("", "", "", "")),
    ],
)
def test_a_name_is_split_where_docker_splits_it(name: str, parts: tuple[str, str, str, str]) -> None:
    assert split_image(name) == parts


def test_a_registry_named_like_a_container_is_one() -> None:
    hint = PushHint(registry="the_registry:5000", repository="team/app", tag="1")
    assert push_hints([hint]) == (hint,)


@pytest.mark.parametrize(
    ("registry", "repository", "tag"),
    [
        ("ghcr.io", "team/app", None),
        ("ghcr.io", "team/app", ""),
        ("ghcr.io", "team/app", DIGEST),
        ("ghcr.io", "team/app", "a b"),
        ("ghcr.io", "team/app", "x" * 129),
        ("ghcr.io", "Team/App", "1"),
        ("ghcr.io", "", "1"),
        ("ghcr.io", "../etc", "1"),
        ("ghcr.io", "a" * 256, "1"),
        ("", "team/app", "1"),
        ("http://ghcr.io", "team/app", "1"),
        ("user@ghcr.io", "team/app", "1"),
        ("ghcr.io\n", "team/app", "1"),
    ],
)
def test_what_cannot_be_a_tagged_image_is_left_out(registry: str, repository: str, tag: str | None) -> None:
    assert push_hints([PushHint(registry=registry, repository=repository, tag=tag)]) == ()


def test_a_digest_of_another_shape_is_dropped_and_repeats_are_one() -> None:
    named = [PushHint(registry="r.io", repository="a", tag="1", digest=one) for one in ("x", None, "", DIGEST)]
    assert [hint.digest for hint in push_hints(named)] == [None, DIGEST]


def test_tags_beyond_the_limit_are_folded_into_their_repository() -> None:
    named = [PushHint(registry="r.io", repository=f"a{n % 2}", tag=f"t{n}") for n in range(HINT_LIMIT + 10)]
    hints = push_hints(named)
    assert len(hints) == HINT_LIMIT + 2
    assert [(one.repository, one.tag) for one in hints[HINT_LIMIT:]] == [("a0", None), ("a1", None)]


def test_a_delivery_is_recognised_by_its_only_id_else_by_all() -> None:
    request = IncomingDelivery(method="POST", path="/", body=b"body", received_at=datetime(2026, 1, 1, tzinfo=UTC))
    several = [delivery_id(request, *ids) for ids in (("a", "b"), ("b", "a"), (), ("x" * 200,), ("a\nb",))]
    assert delivery_id(request, "", "a") == "a"
    assert len(set(several)) == 4
    assert {one[:7] for one in several} == {"sha256:"}


def test_deliveries_without_an_id_are_never_each_others_repetition() -> None:
    times = [datetime(2026, 1, 1, second=second, tzinfo=UTC) for second in (0, 1)]
    requests = [IncomingDelivery(method="POST", path="/", body=b"same", received_at=at) for at in times]
    assert len({delivery_id(one) for one in requests}) == 2


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://u:p@h.example:1/x", "h.example:1"), ("h.example", ""), ("http://[x", ""), ("", "")],
)
def test_a_urls_host_has_no_credentials(url: str, host: str) -> None:
    assert url_host(url) == host
