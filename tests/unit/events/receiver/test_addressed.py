"""What senders' modules share."""

from __future__ import annotations

import importlib

import pytest

from tagstream.domain.objects.receiver import TYPES
from tagstream.events.delivery import IncomingDelivery
from tagstream.events.receiver.addressed import AddressedDelivery, sender_name
from tagstream.events.receiver.secret import ReceiverSecret
from tagstream.events.receiver.senders_table import HANDSHAKE_SENDERS, MODULE_BY_SENDER
from tests.unit.webhook_builder import NOW, Case, no_keys


@pytest.mark.parametrize("module", MODULE_BY_SENDER.values())
def test_every_sender_has_a_module_that_authenticates_and_reads(module: str) -> None:
    loaded = importlib.import_module(module)
    assert callable(loaded.authenticate) and callable(loaded.read)


def test_every_flux_type_is_a_sender() -> None:
    assert (set(TYPES) | HANDSHAKE_SENDERS) - set(MODULE_BY_SENDER) == set()


def test_the_annotation_names_the_sender_else_the_type_does() -> None:
    cases = (Case(kind="generic", sender="distribution"), Case(kind="quay"))
    assert [sender_name(case.receiver()) for case in cases] == ["distribution", "quay"]


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {"generic"}))
def test_the_annotation_puts_no_weaker_proof_in_the_place_of_a_types_own(kind: str) -> None:
    assert sender_name(Case(kind=kind, sender="keel").receiver()) == kind


@pytest.mark.parametrize(
    ("events", "wants", "lists"), [((), True, False), (("PUSH",), True, True), (("pull",), False, False)]
)
def test_events_are_compared_without_regard_to_case(events: tuple[str, ...], wants: bool, lists: bool) -> None:
    addressed = AddressedDelivery(
        receiver=Case(kind="github", events=events).receiver(),
        secret=ReceiverSecret(),
        incoming=IncomingDelivery(method="POST", path="/", received_at=NOW),
        keys=no_keys,
    )
    assert addressed.wants("push") == wants
    assert addressed.lists("push") == lists
