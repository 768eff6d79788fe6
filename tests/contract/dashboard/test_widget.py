"""What the widget reads of the table is what the role of its function may read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.dashboard.widget import widget
from tagstream.ports.bundle import DashboardPorts, Ports
from tests.contract.dashboard.test_reads import fleet
from tests.contract.reconciling import automated, document
from tests.house.source_files import ROOT
from tests.house.template_file import of_type

ARN = "arn:aws:lambda:eu-central-1:000000000000:function:tagstream-dashboard"


def readable() -> list[str]:
    """Patterns of the partitions that DashboardFunction's role may read."""
    statements = of_type("AWS::IAM::Role")["DashboardRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    (found,) = [one["Condition"] for one in statements if one["Sid"] == "ReadTable"]
    keys: list[str] = found["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return keys


def read_keys(name: str, body: Mapping[str, Any]) -> list[str]:
    """The partitions that a call reads."""
    if name == "GetItem":
        return [body["Key"]["pk"]["S"]]
    if name == "BatchGetItem":
        return [key["pk"]["S"] for asked in body["RequestItems"].values() for key in asked["Keys"]]
    assert name == "Query", f"{name} is no read that the role may make"
    return [body["ExpressionAttributeValues"][":pk"]["S"]]


def stored(ports: Ports) -> None:
    """Store a policy that needs to know when its tags were created, an automation that commits it, and tags."""
    fleet(ports, range(1))
    notes = {"annotations": {"tagstream.dev/order-by": "created"}, "name": "app-0", "namespace": "ns"}
    reference = {"name": "app-0"}
    ports.objects.put(
        document("ImagePolicy", imageRepositoryRef=reference, policy={"alphabetical": {}}) | {"metadata": notes}
    )
    automated(ports, "https://github.com/a/b")


def test_the_widget_reads_only_what_its_role_may(ports: Ports, table: Table, request: pytest.FixtureRequest) -> None:
    stored(ports)
    asked: set[str] = set()

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        asked.update(read_keys(model.name, json.loads(params["body"])))

    events = table.client.meta.events
    events.register("before-call.dynamodb", note)
    request.addfinalizer(lambda: events.unregister("before-call.dynamodb", note))
    given = {one.name: getattr(ports, one.name) for one in fields(DashboardPorts) if one.name != "stack"}
    for name in ("overview", "policy"):
        event = json.loads((ROOT / f"events/widget_{name}.json").read_bytes())
        shown = widget(
            {**event, **({"policy": "ns/app-0"} if name == "policy" else {})},
            ARN,
            DashboardPorts(stack="prod", **given),
        )
        assert "ghcr.io/a/app-0" in shown
    assert {one for one in asked if not any(fnmatchcase(one, allowed) for allowed in readable())} == set()
    unread = {one for one in readable() if not any(fnmatchcase(key, one) for key in asked)}
    assert unread == set()
