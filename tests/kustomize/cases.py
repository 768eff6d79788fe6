"""The repositories of ``tests/data/kustomize/cases.yaml``, and what kustomize said of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DATA = Path(__file__).parents[1] / "data" / "kustomize"
ROOT = "ROOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A repository by file, and the folder that is built."""

    name: str
    root: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Repository:
    """A Source in memory."""

    files: Mapping[str, str]

    def below(self, folder: str) -> Sequence[str]:
        """All files at or below a folder."""
        return sorted(one for one in self.files if not folder or one == folder or one.startswith(f"{folder}/"))

    def read(self, paths: Collection[str]) -> Mapping[str, bytes]:
        """The contents of files."""
        return {path: self.files[path].encode() for path in paths}


def cases() -> Sequence[Case]:
    """All repositories."""
    found: dict[str, dict[str, str]] = YAML(typ="safe", pure=True).load((DATA / "cases.yaml").read_text())
    return [
        Case(name=name, root=files.get(ROOT, ""), files={path: text for path, text in files.items() if path != ROOT})
        for name, files in found.items()
    ]


def answers() -> Mapping[str, Any]:
    """By case, the objects as kustomize printed them; null where it refused to build."""
    found: Mapping[str, Any] = json.loads((DATA / "answers.json").read_text())
    return found
