"""By what the automations of a branch are found among all others."""

from __future__ import annotations

import hashlib

from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation
from tagstream.domain.update.destination import default_checkout, own_branch

OF_SOURCE = "source"
OF_TEMPLATE = "template"


def branch_key(branch: str) -> str:
    """By what the automations are found that name a branch themselves.

    Two branches may have the same one, which is as unlikely as two equal hashes of 64 bits.
    """
    return f"branch#{hashlib.sha256(branch.encode(errors='replace')).hexdigest()[:16]}"


def checkout_key(repository: GitRepository) -> str:
    """``branch_key`` of the branch to which the automations of a GitRepository push that name none."""
    return branch_key(default_checkout(repository).branch)


def writer_key(automation: ImageUpdateAutomation) -> str | None:
    """By what an automation is found; None if it names no branch, and so pushes nothing.

    ``OF_SOURCE`` stands for the branch of its GitRepository, whichever that is, ``OF_TEMPLATE`` for all templates.
    """
    if automation.branch_template:
        return OF_TEMPLATE
    branch = own_branch(automation)
    if branch is None:
        return OF_SOURCE
    return branch_key(branch) if branch else None
