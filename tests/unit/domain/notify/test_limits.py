"""A message of any length is told: it is cut to what its service takes."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from tagstream.domain.notify.limits import MOST, fitting
from tagstream.domain.notify.senders_table import SENDERS
from tests.unit.domain.notify.sample_events import EVENT, body, destination

MEMBERS = {"channel": "a/b", "token": "t", "username": "u", "password": "p"}
# What each service takes, of the part of a request that it counts.
LIMITS: dict[str, tuple[int, Any]] = {
    "discord": (4_096, lambda call: body(call)["attachments"][0]["text"]),
    "msteams": (28 * 1024, lambda call: call.body),
    "googlechat": (32_000, lambda call: call.body),
    "webex": (7_439, lambda call: body(call)["markdown"].encode()),
    "lark": (20 * 1024, lambda call: call.body),
    "zulip": (10_000, lambda call: parse_qs(call.body.decode())["content"][0]),
    "matrix": (65_536, lambda call: call.body),
    "opsgenie": (15_000, lambda call: body(call)["description"]),
    "githubdispatch": (64_000, lambda call: call.body),
}


@pytest.mark.parametrize("character", ["x", '"', "\n", "<", "é", "🚀"])
@pytest.mark.parametrize("type_", sorted(MOST))
def test_a_message_of_any_length_fits_into_what_its_service_takes(type_: str, character: str) -> None:
    whole = "begin " + character * 39_000
    event = fitting(replace(EVENT, message=whole), type_)
    (call,) = importlib.import_module(SENDERS[type_]).calls(event, destination(type_, **MEMBERS))
    most, part = LIMITS[type_]
    assert most / 6 < len(part(call)) <= most
    assert event.message.startswith("begin ")
    assert event.message == whole or event.message.endswith("…")


@pytest.mark.parametrize("type_", sorted(SENDERS))
def test_a_message_that_fits_stays_as_it_is(type_: str) -> None:
    assert fitting(EVENT, type_) is EVENT


def test_a_service_without_a_limit_gets_all() -> None:
    event = replace(EVENT, message="x" * 39_000)
    assert fitting(event, "generic") is event
