"""What killed runs of the embedded AWS leave behind goes, wherever it is, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.embedded.scratch import LEFT_AFTER_S, LOG, PREFIX, locked_log, new_folder


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    """For a folder in memory and one on disk; which of them is taken depends on this machine."""
    for name in ("memory", "disk"):
        (tmp_path / name).mkdir()
    return tmp_path / "memory", tmp_path / "disk"


def _old(folder: Path) -> Path:
    """A folder whose log was written to long ago."""
    folder.mkdir()
    (folder / LOG).touch()
    long_ago = (folder / LOG).stat().st_mtime - 2 * LEFT_AFTER_S
    os.utime(folder / LOG, (long_ago, long_ago))
    return folder


def test_a_folder_left_behind_goes_also_from_where_the_new_one_is_not(homes: tuple[Path, Path]) -> None:
    left = [_old(home / f"{PREFIX}left") for home in homes]
    new = new_folder(*homes)
    assert [folder.exists() for folder in (*left, new)] == [False, False, True]


def test_a_folder_stays_that_is_in_use_or_new_or_somebody_elses(homes: tuple[Path, Path], tmp_path: Path) -> None:
    held, elsewhere, other = _old(homes[0] / f"{PREFIX}held"), _old(tmp_path / "elsewhere"), _old(homes[1] / "other")
    (homes[1] / f"{PREFIX}link").symlink_to(elsewhere)
    fresh, starting = homes[0] / f"{PREFIX}fresh", homes[1] / f"{PREFIX}starting"
    fresh.mkdir()
    (fresh / LOG).touch()
    starting.mkdir()
    with locked_log(held) as log:
        os.utime(log.fileno(), (0, 0))
        new_folder(*homes)
    assert [one for one in (held, elsewhere, other, fresh, starting) if not one.is_dir()] == []
    assert (elsewhere / LOG).is_file()
