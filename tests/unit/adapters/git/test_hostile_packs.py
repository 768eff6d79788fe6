"""No pack takes a client's memory or time, whatever it says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.adapters.git.hostile_packs import ATTACKS, HONEST

MAX_SECONDS, MAX_MB = 2.0, 150


def read_apart(pack: bytes, folder: Path) -> tuple[str, float, int]:
    """What a process of its own, whose memory is limited, makes of a pack."""
    path = folder / "hostile.pack"
    path.write_bytes(pack)
    command = [sys.executable, "-m", "tests.unit.adapters.git.hostile_packs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    outcome, seconds, peak_mb = json.loads(done.stdout)
    return outcome, seconds, peak_mb


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_in_little_time_and_memory(name: str, tmp_path: Path) -> None:
    outcome, seconds, peak_mb = read_apart(ATTACKS[name](), tmp_path)
    assert outcome.startswith("refused: ")
    assert seconds < MAX_SECONDS
    assert peak_mb < MAX_MB


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_pack_is_read_however_odd_it_is(name: str, tmp_path: Path) -> None:
    outcome, seconds, _ = read_apart(HONEST[name](), tmp_path)
    assert outcome == "read"
    assert seconds < MAX_SECONDS
