"""A name that is no tag is refused and told; it poisons neither its repository nor its policies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tagstream.domain.objects.model import Digest
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import TagListing
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.reconciling import APP, Silent, document, reason, scan, selected


@dataclass
class Listing:
    """A registry that lists what it is told to."""

    tags: list[str] = field(default_factory=lambda: ["1.0.0", "1.1.0"])

    def list_tags(self, _image: Any, _access: Any, _deadline_s: float) -> TagListing:
        return TagListing(tags=tuple(self.tags), requests=1)

    def digest(self, _image: Any, tag: str, _access: Any, _deadline_s: float) -> Digest:
        return Digest(f"sha256:{tag}")


@pytest.mark.parametrize("odd", ["2.0.0\n", "x\u2028y", "a\x0bb", "a\tb", "9\t9", "a\x85b", "\ud800", "a\\nb"])
def test_an_odd_name_is_left_out_and_told_once(ports: Ports, silent: Silent, odd: str) -> None:
    listing = Listing()
    registry: Any = listing
    ports = replace(ports, registry=registry)
    ports.objects.put(document("ImageRepository", image="registry.example.com/app", interval="1m"))
    ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}))
    scan(ports)
    listing.tags.append(odd)
    scan(ports)
    scan(ports)
    stored = ports.objects.get("ImageRepository", APP)
    assert stored is not None
    assert stored.status["refusedTags"]["count"] == 1  # type: ignore[index]
    now = ports.clock.now()
    entries = ports.ledger.read(now - timedelta(minutes=5), now)
    assert [one.severity for one in entries if one.reason == "TagsRefused"] == ["error"]
    evaluate_policies([APP], Cause(text="test"), ports.clock.monotonic_s() + 30, ports)
    assert (selected(ports), reason(ports, "ImagePolicy")) == ("1.1.0", "Succeeded")
    listing.tags[:] = ["1.0.0", "1.1.0", "1.2.0"]
    scan(ports)
    after = ports.objects.get("ImageRepository", APP)
    assert after is not None
    assert "refusedTags" not in after.status
    assert selected(ports) == "1.2.0"
    assert silent.sent == []
