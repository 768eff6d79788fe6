"""The schema of the table: which version of tagstream has brought its items up to date."""

from __future__ import annotations

from typing import Protocol

LABELS = 2
"""From this schema on, every label of an ImagePolicy has an entry."""
WRITERS = 3
"""From this schema on, every GitRepository and every ImageUpdateAutomation has an entry by which it is found."""
SCHEMA = 3
"""What this version writes. A new number means that older items must be changed, or that older programs must not write.

Functions of two versions run side by side during a deployment and after a rollback, so each version must read what the
one before and the one after it write.
"""


class SchemaStore(Protocol):
    """One number in the table."""

    def version(self) -> int:
        """The schema of the table; 0 for a table that no version has marked yet."""

    def raise_to(self, version: int) -> None:
        """Mark the table, unless it is marked with this version or a newer one."""
