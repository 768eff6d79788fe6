"""Stream records say whose item changed and nothing else."""

from __future__ import annotations

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.stream import StreamChange, is_stream, parse_stream


def record(t: str, pk: str, sk: str) -> dict[str, object]:
    image = {name: {"S": value} for name, value in (("t", t), ("pk", pk), ("sk", sk)) if value}
    return {"eventSource": "aws:dynamodb", "dynamodb": {"NewImage": image, "SequenceNumber": "7"}}


def test_the_three_kinds_of_items_are_named() -> None:
    event = {
        "Records": [
            record("selection", "selection#ns", "app"),
            record("run", "run#ns", "auto"),
            record("object", "object#ImageRepository", "ns/app"),
        ]
    }
    assert is_stream(event)
    assert parse_stream(event) == (
        StreamChange(kind="selection", object_kind="", key=NamespacedName("ns", "app"), sequence="7"),
        StreamChange(kind="run", object_kind="", key=NamespacedName("ns", "auto"), sequence="7"),
        StreamChange(kind="object", object_kind="ImageRepository", key=NamespacedName("ns", "app"), sequence="7"),
    )


def test_other_items_and_removals_are_passed_over() -> None:
    removal = {"eventSource": "aws:dynamodb", "dynamodb": {"OldImage": {}}}
    assert parse_stream({"Records": [record("", "tags#ns/app", "state"), removal]}) == ()
