"""Makes the folders to which the embedded AWS unpacks files: in memory if there is room, else on disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

SHARED_MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
PREFIX = "tagstream-aws-"
LOG = "ministack.log"
# A folder without a locked log is left over if it is older than this; a new one has no lock for a moment.
LEFT_AFTER_S = 60.0


def new_folder(memory: Path = SHARED_MEMORY, disk: Path | None = None) -> Path:
    """Make a folder for one embedded AWS.

    Args:
        memory: used if it has room.
        disk: used otherwise; by default the place of temporary files.
    """
    disk = disk or Path(tempfile.gettempdir())
    # Remove what killed runs have left in both places before looking for room: it may be what takes the room.
    for folder in [*memory.glob(f"{PREFIX}*"), *disk.glob(f"{PREFIX}*")]:
        if _is_left_behind(folder / LOG):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=memory if _has_room(memory) else disk))


def locked_log(folder: Path) -> BinaryIO:
    """Open the log for writing. It is locked while this process, or a child that inherits it, has it open."""
    log = (folder / LOG).open("wb")
    fcntl.flock(log, fcntl.LOCK_EX)
    return log


def _has_room(place: Path) -> bool:
    try:
        found = os.statvfs(place)
    except OSError:
        return False
    # Containers often mount this folder small, and with noexec, so that no library can be loaded from it.
    runs = not found.f_flag & os.ST_NOEXEC
    return runs and os.access(place, os.W_OK) and found.f_bavail * found.f_frsize >= ROOM_BYTES


def _is_left_behind(log: Path) -> bool:
    with contextlib.suppress(OSError), log.open("rb") as held:
        if time.time() - log.stat().st_mtime < LEFT_AFTER_S:
            return False
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
