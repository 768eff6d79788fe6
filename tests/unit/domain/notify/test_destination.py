"""A destination shows nothing of its secrets, and says what it lacks."""

from __future__ import annotations

import pytest

from tagstream.domain.notify.destination import Unsendable, json_call
from tests.unit.domain.notify.sample_events import destination

SECRETS = {"password": "p4ssw0rd", "token": "t0ken", "headers": {"X-Key": "k3y-k3y"}, "username": "someone"}


def test_neither_a_destination_nor_a_request_prints_its_secrets() -> None:
    found = destination("slack", **SECRETS)
    shown = repr(found) + repr(json_call(found.url, {"text": "t0ken"}, {"Authorization": "t0ken"}))
    assert [one for one in ("s3cr3t", "p4ssw0rd", "t0ken", "k3y-k3y", "someone") if one in shown] == []


def test_the_parts_of_an_address_are_secrets_too() -> None:
    found = destination("slack", **SECRETS).secrets
    assert {"https://chat.example.com/hook/s3cr3t", "s3cr3t", "p4ssw0rd", "t0ken", "k3y-k3y"} <= set(found)
    assert found == tuple(sorted(found, key=len, reverse=True))


@pytest.mark.parametrize("address", ["", "chat", "ftp://chat", "https://", "https://chat:0/", "https://chat:x/"])
def test_an_address_that_is_no_url_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises(Unsendable, match=r"^the address is no http or https URL$"):
        _ = destination("slack", address).url


def test_a_member_that_is_missing_is_named() -> None:
    with pytest.raises(Unsendable, match=r"^telegram needs a token$"):
        destination("telegram").needed("token")
