"""Lists the files of a folder that a commit can touch.

In a Git work tree these are the files that Git tracks and those that it would add, without submodules and ignored
files. In any other folder, and if git is not installed, they are all files except those of nested Git repositories.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tagstream.cli.console import CommandFailed

# A repository's own settings must not start a program, and its owner is often another user in a CI's container.
_LIST = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "ls-files", "-z", "-c", "-o", "--exclude-standard")
TIMEOUT_S = 60.0


def tree_names(repository: str) -> Sequence[str]:
    """Return the names of the files, relative to the folder, in no particular order.

    Raises:
        CommandFailed: the folder does not exist, or a folder in it cannot be read.
    """
    if not Path(repository).is_dir():
        raise CommandFailed(f'--repo "{repository}" is not a folder')
    listed = _listed(repository)
    if listed is None or not (listed or Path(repository, ".git").exists()):
        # Git lists nothing in an ignored folder. If it is named explicitly, list it like any other folder.
        return list(_walked(repository))
    linked = _behind_links(repository, {name.rpartition("/")[0] for name in listed})
    return [name for name in listed if name.rpartition("/")[0] not in linked] if linked else listed


def _listed(repository: str) -> list[str] | None:
    """Return the names that git lists; None if git is not installed or the folder is in no repository."""
    # A Git hook has variables that name its repository. They would override the folder that is asked about.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", repository, *_LIST], capture_output=True, check=False, timeout=TIMEOUT_S, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    names = os.fsdecode(done.stdout).split("\0")
    return list(dict.fromkeys(name for name in names if name and not name.endswith("/")))


def _behind_links(repository: str, folders: set[str]) -> set[str]:
    """Return the tracked folders that are symbolic links now: the files behind them are not part of the tree."""
    links: dict[str, bool] = {"": False}

    def is_linked(folder: str) -> bool:
        if folder not in links:
            links[folder] = is_linked(folder.rpartition("/")[0]) or Path(repository, folder).is_symlink()
        return links[folder]

    return {folder for folder in folders if is_linked(folder)}


def _walked(repository: str) -> Iterator[str]:
    """Yield the names of everything below a folder except folders and nested repositories."""
    folders = [(repository, "")]
    while folders:
        folder, below = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            raise CommandFailed(f"failed to read {folder}: {error.strerror}") from error
        if below and any(entry.name == ".git" for entry in entries):
            continue
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield below + entry.name
            elif entry.name != ".git":
                folders.append((entry.path, f"{below}{entry.name}/"))
