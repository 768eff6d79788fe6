"""The deployed functions understand every sample of events/ that docs/operations.md names for them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.system import System, documents
from tests.house.source_files import ROOT
from tests.unit.events.test_function_url import SAMPLES

PAGE = (ROOT / "docs/operations.md").read_text()
ROWS: dict[str, str] = dict(re.findall(r"^\| `events/(\w+)\.json` \| (\w+)Function \|", PAGE, re.MULTILINE))
# Google has not signed the token of this sample. Whether its keys can be fetched depends on the network.
ANSWERS = {"webhook_gcr": {404, 503}}


def receivers() -> list[dict[str, Any]]:
    """Return a Receiver and its token for each sample delivery, named as docs/operations.md says."""
    found: list[dict[str, Any]] = []
    for sample, (kind, sender, token, _) in SAMPLES.items():
        metadata = {"name": sample.replace("_", "-"), "namespace": "flux-system"}
        data = {"token": token, **({"email": "a@example.com", "audience": "b"} if kind == "gcr" else {})}
        found.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
        spec = {
            "type": kind,
            "secretRef": {"name": metadata["name"]},
            # No ImageRepository has this label, so that the scans which are asked for have no effect.
            "resources": [{"kind": "ImageRepository", "name": "*", "matchLabels": {"watched": "by-nobody"}}],
        }
        annotations = {"tagstream.dev/sender": sender} if sender else {}
        group = "notification.toolkit.fluxcd.io/v1"
        found.append(
            {
                "apiVersion": group,
                "kind": "Receiver",
                "metadata": {**metadata, "annotations": annotations},
                "spec": spec,
            }
        )
    return found


@pytest.fixture(scope="module")
def applied(stack: EmbeddedStack) -> EmbeddedStack:
    system = System(stack=stack, registry="")
    system.cli("apply", "-f", "-", stdin=documents(*receivers()))
    return stack


def test_the_page_has_a_row_for_every_sample() -> None:
    assert sorted(ROWS) == sorted(path.stem for path in (ROOT / "events").glob("*.json"))


@pytest.mark.parametrize("sample", sorted(path.stem for path in (ROOT / "events").glob("*.json")))
def test_a_sample_is_understood_by_its_function(applied: EmbeddedStack, sample: str) -> None:
    event = json.loads((ROOT / f"events/{sample}.json").read_bytes())
    answer = applied.invoke(ROWS[sample].lower(), event)
    if sample.startswith("webhook_"):
        assert answer["statusCode"] in ANSWERS.get(sample, {200})
    elif sample.startswith("widget_"):
        assert answer["markdown"] if sample == "widget_describe" else answer.startswith("<")
    else:
        assert answer == {"batchItemFailures": []}
