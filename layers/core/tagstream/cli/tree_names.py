"""Which files of a folder a commit can touch.

In a Git work tree these are the files that Git tracks, and those that it would add: no submodules, no ignored files.
In any other folder, and where git is not installed, they are all files but those of Git repositories inside.
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
    """The names of the files, from the folder on, in no order.

    Raises:
        CommandFailed: there is no such folder, or a folder in it cannot be read.
    """
    if not Path(repository).is_dir():
        raise CommandFailed(f'--repo "{repository}" is not a folder')
    listed = _listed(repository)
    if listed is None or not (listed or Path(repository, ".git").exists()):
        # An ignored folder that somebody names all the same is looked through like any other.
        return list(_walked(repository))
    linked = _behind_links(repository, {name.rpartition("/")[0] for name in listed})
    return [name for name in listed if name.rpartition("/")[0] not in linked] if linked else listed


def _listed(repository: str) -> list[str] | None:
    """The names that git gives; None where there is no git, or no repository."""
    # In a hook, git names the repository by variables that hold for the folder of the hook alone.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", repository, *_LIST], capture_output=True, check=False, timeout=TIMEOUT_S, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    return list(dict.fromkeys(os.fsdecode(one) for one in done.stdout.split(b"\0") if one and not one.endswith(b"/")))


def _behind_links(repository: str, folders: set[str]) -> set[str]:
    """The folders that a symbolic link has replaced since git last saw them: what is behind it is not in the tree."""
    links: dict[str, bool] = {"": False}

    def is_linked(folder: str) -> bool:
        if folder not in links:
            links[folder] = is_linked(folder.rpartition("/")[0]) or Path(repository, folder).is_symlink()
        return links[folder]

    return {folder for folder in folders if is_linked(folder)}


def _walked(repository: str) -> Iterator[str]:
    """The name of everything below a folder that is no folder, without nested repositories."""
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
