"""What policies selected, as statuses and setters are told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tagstream.domain.objects.model import Digest, ImageRef, NamespacedName, Revision
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.selections import Selection
from tagstream.reconcile.update.job import new_selections
from tagstream.reconcile.update.selected import Selected

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APP, WEB = NamespacedName("apps", "app"), NamespacedName("apps", "web")
ONE = Selection(
    policy=APP,
    ref=ImageRef(name="registry/app", tag="1"),
    previous=None,
    tags_revision=Revision("r"),
    policy_generation=1,
    selected_at=NOW,
    cause="",
)
OTHER = replace(ONE, policy=WEB, ref=ImageRef(name="registry/web", tag="2", digest=Digest("sha256:2")))
SELECTED = Selected({WEB: OTHER, APP: ONE})
OBSERVED = {
    "app": {"name": "registry/app", "tag": "1"},
    "web": {"name": "registry/web", "tag": "2", "digest": "sha256:2"},
}


def automation(observed: Document) -> StoredObject:
    return StoredObject(
        kind="ImageUpdateAutomation",
        key=NamespacedName("apps", "all"),
        document={},
        status={"observedPolicies": observed},
    )


def test_statuses_and_setters_are_told_of_each_policy() -> None:
    assert SELECTED.observed == OBSERVED
    assert SELECTED.refs == {APP: ONE.ref, WEB: OTHER.ref}


@pytest.mark.parametrize(
    ("observed", "new"),
    [
        (OBSERVED, ()),
        ({**OBSERVED, "gone": {"name": "registry/gone", "tag": "1"}}, ()),
        ({"app": OBSERVED["app"]}, (OTHER,)),
        ({**OBSERVED, "app": {"name": "registry/app", "tag": "0"}}, (ONE,)),
        ({}, (ONE, OTHER)),
    ],
)
def test_selections_are_new_unless_the_last_run_has_seen_them(observed: Document, new: tuple[Selection, ...]) -> None:
    assert new_selections(automation(observed), SELECTED) == new
