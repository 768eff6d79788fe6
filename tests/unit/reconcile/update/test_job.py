"""What keeps an automation from running is found before anything is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from tagstream.domain.objects.model import (
    CommitSpec,
    GitSpec,
    ImageUpdateAutomation,
    LabelRequirement,
    LabelSelector,
    Metadata,
    NamespacedName,
    SourceRef,
    UpdateStrategy,
)
from tagstream.errors import StalledError
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.update.job import prepare
from tagstream.reconcile.update.snapshot import Snapshot

KEY = NamespacedName("flux-system", "app")
NO_SELECTIONS: Any = SimpleNamespace(selections=SimpleNamespace(list=lambda _namespace, may_lag: {}))


def automation(**fields: Any) -> ImageUpdateAutomation:
    given: Mapping[str, Any] = {
        "metadata": Metadata(key=KEY),
        "dialect": "v1",
        "source": SourceRef(kind="GitRepository", key=KEY),
        "interval_s": 60.0,
        "git": GitSpec(commit=CommitSpec(author_email="bot@example.com")),
    }
    return ImageUpdateAutomation(**{**given, **fields})


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        ({"update": None}, "InvalidUpdateStrategy", "no update strategy"),
        ({"update": UpdateStrategy(strategy="X")}, "InvalidUpdateStrategy", "unsupported update strategy: X"),
        (
            {"source": SourceRef(kind="Bucket", key=KEY)},
            "InvalidSourceConfiguration",
            "source kind 'Bucket' not supported: invalid source configuration",
        ),
        (
            {"policy_selector": LabelSelector(match_expressions=(LabelRequirement(key="k", operator="Between"),))},
            "InvalidPolicySelector",
            'failed to parse policy selector: "Between" is not a valid label selector operator',
        ),
        (
            {"git": None},
            "InvalidSourceConfiguration",
            "source kind 'GitRepository' necessitates field .spec.git: invalid source configuration",
        ),
    ],
)
def test_what_only_a_change_can_mend_stalls_in_fluxs_words(fields: dict[str, Any], reason: str, message: str) -> None:
    stored = StoredObject(kind="ImageUpdateAutomation", key=KEY, document={}, status={})
    with pytest.raises(StalledError) as caught:
        snapshot = Snapshot(NO_SELECTIONS)
        prepare(stored, automation(**fields), snapshot.admitted(automation(**fields)), snapshot, NO_SELECTIONS)
    assert caught.value.reason == reason
    assert caught.value.message == message
