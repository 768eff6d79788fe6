"""Renders the names of push branches from a template, one for each policy and tag.

A name is the same in every run. It must not depend on time or randomness: each run would leave a branch behind.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gocompat.quote import quote
from gocompat.render import parse_template, render
from gocompat.template.faults import ExecutionError
from gocompat.template.parser import InvalidTemplate
from gocompat.template.values import GoStruct, named, raw
from tagstream.domain.objects.branch_template import BRANCH_NAME, SCRATCH, SCRATCH_USE
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.objects.ref_name import is_ref_name

MAX_BRANCH_NAME = 200
"""A file system's name has at most 255 bytes, and Git adds to it; a branch of the Git host's commits has a prefix."""
_DATA = named("update.PushBranch", "struct")
_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)
_LATER = datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC)
_REFS = "refs/"
# An automation's policies are all of its own namespace.
_EXAMPLES = ((NamespacedName("default", "app"), "1.0.1"), (NamespacedName("default", "other"), "2.0.0"))


class InvalidBranchName(ValueError):
    """A template that cannot be read or run, or whose result is no name of a branch."""


def branch_name(template: str, policy: NamespacedName, tag: str) -> str:
    """The name of the branch on which a policy's tag is offered.

    Args:
        template: with ``.Policy``, ``.Namespace`` and ``.NewTag``.
        policy: the policy.
        tag: that it has selected.

    Raises:
        InvalidBranchName: says what is wrong, with the name and the policy.
    """
    name = _rendered(template, policy, tag, _ALWAYS, 0)
    if not name:
        raise InvalidBranchName(f"the {BRANCH_NAME} of policy '{policy}' is empty")
    if not is_ref_name(name) or len(name.encode()) > MAX_BRANCH_NAME:
        raise InvalidBranchName(f"{quote(name)} is no name of a Git branch (policy '{policy}', tag '{tag}')")
    return name


def check_branch_template(template: str) -> None:
    """Try a template with examples, at different times.

    Raises:
        InvalidBranchName: no example has a name, all have the same one, one is a full name of a ref or of a scratch
            branch, or it changes from run to run.
    """
    names = {branch_name(template, policy, tag) for policy, tag in _EXAMPLES}
    if len(names) < len(_EXAMPLES):
        raise InvalidBranchName(f"it is {quote(names.pop())} for every policy and tag: use .Policy or .NewTag")
    for name in sorted(names):
        if name.startswith(_REFS):
            raise InvalidBranchName(f"{quote(name)} is a full name of a ref: leave out refs/heads/")
        if name.startswith(SCRATCH):
            raise InvalidBranchName(f"{quote(name)}: names that begin with {SCRATCH} are {SCRATCH_USE}")
    policy, tag = _EXAMPLES[0]
    if branch_name(template, policy, tag) != _rendered(template, policy, tag, _LATER, 255):
        raise InvalidBranchName("it gives another name at every run: use neither the time nor random functions")


def _rendered(template: str, policy: NamespacedName, tag: str, now: datetime, byte: int) -> str:
    data = GoStruct(
        go_type=_DATA,
        fields=(("Namespace", policy.namespace), ("Policy", policy.name), ("NewTag", tag)),
    )
    try:
        text = render(parse_template(BRANCH_NAME, template), data, now=now, entropy=lambda size: bytes([byte]) * size)
    except (InvalidTemplate, ExecutionError) as error:
        raise InvalidBranchName(raw(str(error)).decode("utf-8", "replace")) from error
    return raw(text).decode("utf-8", "replace").strip()
