"""Names that Git takes for refs.

Source: git-check-ref-format(1).
"""

from __future__ import annotations

import re

PEELED = "^{}"
"""Behind the name of an annotated tag: its commit, as ``git ls-remote`` lists it and Flux's ``ref.name`` takes it."""
_NEVER = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|^[./]|[./]$")


def is_ref_name(name: str) -> bool:
    """Whether Git would take it behind ``refs/heads/`` or ``refs/tags/``."""
    return bool(name) and not _NEVER.search(name)
