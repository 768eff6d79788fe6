"""A push branch whose name is a template: one branch, and one pull request, for each policy that changes something."""

from __future__ import annotations

from collections.abc import Mapping

BRANCH_TEMPLATE = "tagstream.dev/push-branch-template"
"""Annotation of an ImageUpdateAutomation: replaces ``spec.git.push.branch``, which Flux then goes on using."""
BRANCH_NAME = "push branch"
"""The name of the template in error messages."""
SCRATCH = "tagstream-api/"
"""What the names of branches begin with on which a Git host makes commits before they are pushed to their branch."""
SCRATCH_USE = "of the branches on which a Git host makes commits, and tagstream removes them"
_OPENING = "{{"


def branch_template(notes: Mapping[str, str], push_branch: str) -> str:
    """The template of an automation's push branches; empty where all its changes go to one branch.

    Args:
        notes: the automation's annotations.
        push_branch: ``spec.git.push.branch``, which may be a template itself.
    """
    if BRANCH_TEMPLATE in notes:
        return notes[BRANCH_TEMPLATE]
    return push_branch if _OPENING in push_branch else ""


def fixed_beginning(template: str) -> str:
    """What the names of all branches of a template begin with."""
    return template.partition(_OPENING)[0]
