"""``tagstream backtest policy`` replays the sightings that a stack has kept."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagstream.domain.objects.model import NamespacedName
from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import MemoryPorts, command

PAGE = (ROOT / "docs/preview.md").read_text()
WEB = NamespacedName("flux-system", "web")


def manifest(kind: str, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "flux-system", "annotations": annotations or {}}
    return {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def policy(semver: str = "2.x", **annotations: str) -> dict[str, Any]:
    named = {f"tagstream.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
    choice = {"semver": {"range": semver}}
    return manifest("ImagePolicy", named, imageRepositoryRef={"name": "web"}, policy=choice)


def stack(**seen: str) -> MemoryPorts:
    """A stack with a policy and these tags (written ``v2_3_0``), each first seen on a day of December 2025."""
    ports = MemoryPorts()
    ports.objects.put(manifest("ImageRepository", image="ghcr.io/acme/web", interval="5m"))
    ports.objects.put(policy())
    ports.tags.seen = {tag[1:].replace("_", "."): moment(at) for tag, at in seen.items()}
    ports.tags.lists[WEB] = tuple(ports.tags.seen)
    return ports


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


SEEN = {"v2_3_0": "2025-12-01 00:00", "v2_3_1": "2025-12-10 14:05", "v2_4_0": "2025-12-18 09:30"}


def test_the_example_of_the_page_is_what_the_verb_prints(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[-1])
    (shown,) = re.findall(r"^\$ tagstream (backtest .*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    arguments = [str(tmp_path / one) if one == "policy.yaml" else one for one in shown[0].split()]
    done = command(*arguments, ports=stack(**SEEN))
    printed = [re.sub(r"\s*\t", "  ", line).strip() for line in (done.out + done.err).splitlines()]
    assert printed == [re.sub(r"  +", "  ", line).strip() for line in shown[1].splitlines()]


def test_a_policy_of_the_stack_is_replayed() -> None:
    done = command("backtest", "policy", "web", "-o", "json", ports=stack(**SEEN))
    found = json.loads(done.out)
    assert done.code == 0
    assert [(one["at"], one["tag"]) for one in found["turns"]] == [
        ("2025-12-01T00:00:00Z", "2.3.0"),
        ("2025-12-10T14:05:00Z", "2.3.1"),
        ("2025-12-18T09:30:00Z", "2.4.0"),
    ]
    assert found["notKept"] == "deleted tags are not in it, nor is what a tag contained before it was moved"


def test_since_leaves_out_what_was_before() -> None:
    done = command("backtest", "policy", "web", "--since", "20d", "-o", "json", ports=stack(**SEEN))
    assert [one["tag"] for one in json.loads(done.out)["turns"]] == ["2.3.1", "2.4.0"]


def test_a_repository_in_the_files_excludes_its_tags(tmp_path: Path) -> None:
    repository = manifest("ImageRepository", image="ghcr.io/acme/web", interval="5m", exclusionList=["^2.4"])
    (tmp_path / "new.yaml").write_text(yaml.safe_dump_all([repository, policy()]))
    done = command("backtest", "policy", "-f", tmp_path, "-o", "json", ports=stack(**SEEN))
    assert [one["tag"] for one in json.loads(done.out)["turns"]] == ["2.3.0", "2.3.1"]


def test_a_policy_that_selects_nothing_now_ends_with_one(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(policy("9.x")))
    done = command("backtest", "policy", "-f", tmp_path, ports=stack(**SEEN))
    assert done.code == 1
    assert "unable to determine latest version from provided list" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "a policy's name, or --filename is required"),
        (("gone",), "ImagePolicy 'gone' not found in flux-system namespace"),
        (("web", "--since", "never"), "invalid duration 'never'"),
    ],
)
def test_a_question_without_an_answer_is_refused(arguments: tuple[str, ...], message: str) -> None:
    done = command("backtest", "policy", *arguments, ports=stack(**SEEN))
    assert done.code == 1
    assert message in done.err


def test_without_tags_there_is_nothing_to_replay() -> None:
    done = command("backtest", "policy", "web", ports=stack())
    assert "no tags of ImageRepository/flux-system/web are stored" in done.err


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        (
            {"minimum-age": "1d"},
            "tags of the first scan count as old, because nobody knows when they were pushed: 2.3.0",
        ),
        ({"platforms": "linux/arm64"}, "what is known of images now counts for all times"),
        ({"skip-tags": "2.4.0"}, "skipped at all times: 2.4.0"),
        (
            {"pin": "2.3.0", "reason": "a test"},
            "a person's pin is not replayed: by the annotation tagstream.dev/pin: a test",
        ),
        ({"hold": "true"}, "a person's hold is not replayed: by the annotation tagstream.dev/hold"),
    ],
)
def test_a_replay_says_what_it_leaves_out_of_what_the_policy_asks_for(
    tmp_path: Path, annotations: dict[str, str], words: str
) -> None:
    new = policy()
    new["metadata"]["annotations"] = {f"tagstream.dev/{name}": text for name, text in annotations.items()}
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(new))
    assert f"► {words}" in command("backtest", "policy", "-f", tmp_path, ports=stack(**SEEN)).err
    found = json.loads(command("backtest", "policy", "-f", tmp_path, "-o", "json", ports=stack(**SEEN)).out)
    assert any(one.startswith(words) for one in found["caveats"])


def test_a_replay_of_a_plain_policy_has_no_caveats() -> None:
    done = command("backtest", "policy", "web", "-o", "json", ports=stack(**SEEN))
    assert json.loads(done.out)["caveats"] == []


def test_tags_without_a_kept_time_of_creation_are_named_and_many_are_counted(tmp_path: Path) -> None:
    new = policy()
    new["spec"]["policy"] = {"alphabetical": {"order": "asc"}}
    new["metadata"]["annotations"] = {"tagstream.dev/order-by": "created"}
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(new))
    many = stack(**{f"v1_{minor:02}": "2025-12-01 00:00" for minor in range(12)})
    (caveat,) = json.loads(command("backtest", "policy", "-f", tmp_path, "-o", "json", ports=many).out)["caveats"]
    assert caveat.startswith("12 tags are left out, because no time of creation is kept of them:")
    assert caveat.endswith(": 1.00, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07, 1.08, 1.09 and 2 more")
