"""Pins, holds and freezes whose end has passed are applied, and warned of with object, field and value."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.cli.memory_ports import MemoryPorts, command

OVER = "2026-01-02T08:00:00Z"
PAST = "2025-12-20..2026-01-03 Europe/Berlin (Christmas)"


def policy(**annotations: str) -> dict[str, object]:
    spec = {"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": "1.x"}}}
    return manifest("ImagePolicy", "image.toolkit.fluxcd.io/v1", annotations) | {"spec": spec}


def automation(**annotations: str) -> dict[str, object]:
    git = {"commit": {"author": {"email": "a@b"}}}
    spec = {"interval": "1m", "sourceRef": {"kind": "GitRepository", "name": "app"}, "git": git}
    return manifest("ImageUpdateAutomation", "image.toolkit.fluxcd.io/v1", annotations) | {"spec": spec}


def manifest(kind: str, version: str, annotations: dict[str, str]) -> dict[str, object]:
    named = {f"tagstream.dev/{key}": text for key, text in annotations.items()}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "app", "annotations": named}}


ENDED = pytest.mark.parametrize(
    ("document", "warning"),
    [
        (
            policy(pin="1.4.2", until=OVER),
            "ImagePolicy/flux-system/app metadata.annotations[tagstream.dev/until]:"
            f' "{OVER}" is over: the pin of 1.4.2 does nothing any more',
        ),
        (
            policy(hold="true", until=OVER),
            "ImagePolicy/flux-system/app metadata.annotations[tagstream.dev/until]:"
            f' "{OVER}" is over: the hold does nothing any more',
        ),
        (
            automation(freeze=f"{PAST}; 2998-12-20..2999-01-03"),
            "ImageUpdateAutomation/flux-system/app metadata.annotations[tagstream.dev/freeze]:"
            f' freeze "{PAST}" is over: it does nothing any more',
        ),
        (
            manifest("Namespace", "v1", {"freeze": PAST}),
            "Namespace/app/app metadata.annotations[tagstream.dev/freeze]:"
            f' freeze "{PAST}" is over: it does nothing any more',
        ),
    ],
    ids=["pin", "hold", "freeze", "freeze of a namespace"],
)


@ENDED
@pytest.mark.parametrize("dry_run", [(), ("--dry-run=client",)], ids=["stack", "offline"])
def test_apply_warns_of_an_end_that_has_passed(
    tmp_path: Path, document: dict[str, object], warning: str, dry_run: tuple[str, ...]
) -> None:
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump(document))
    done = command("apply", "-f", tmp_path, *dry_run, ports=MemoryPorts())
    assert done.code == 0, done.err
    assert [line for line in done.err.splitlines() if line.endswith(warning)], done.err
    assert done.err.count(" is over: ") == 1


@ENDED
def test_lint_warns_of_an_end_that_has_passed(tmp_path: Path, document: dict[str, object], warning: str) -> None:
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "tree").mkdir()
    done = command("lint", "--objects", tmp_path / "objects.yaml", "--repo", tmp_path / "tree")
    assert done.code == 0, done.err
    assert warning in done.out + done.err


@pytest.mark.parametrize("document", [policy(pin="1.4.2", until="2999-01-02T08:00:00Z"), policy(pin="1.4.2")])
def test_an_end_that_has_not_come_is_not_warned_of(tmp_path: Path, document: dict[str, object]) -> None:
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump(document))
    done = command("apply", "-f", tmp_path, ports=MemoryPorts())
    assert (done.code, " is over: " in done.err) == (0, False)


def test_annotate_warns_of_an_end_that_has_passed(tmp_path: Path) -> None:
    ports = MemoryPorts()
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump(policy()))
    assert command("apply", "-f", tmp_path, ports=ports).code == 0
    changes = ("tagstream.dev/pin=1.4.2", f"tagstream.dev/until={OVER}")
    done = command("annotate", "image", "policy", "app", *changes, ports=ports)
    assert done.code == 0, done.err
    assert f'"{OVER}" is over: the pin of 1.4.2 does nothing any more' in done.err
