"""Which commit a checkout reference names, among the refs that a server lists.

Source: fluxcd/pkg git (reference precedence: commit > name > tag > semver > branch).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gocompat.semver.range import InvalidRange, parse_range
from tagstream.domain.objects.model import CommitId, GitRef, Revision
from tagstream.domain.objects.ref_name import PEELED
from tagstream.domain.select.ordering import InvalidValue, SemverOrdering
from tagstream.domain.update.destination import DEFAULT_BRANCH

_COMMIT_ID = re.compile("[0-9a-f]{40}")
_HEADS, _TAGS = b"refs/heads/", b"refs/tags/"


class InvalidReference(ValueError):
    """A commit that is no whole id, or a range that cannot be read."""


class ReferenceNotFound(LookupError):
    """No listed ref is the one that is named."""


def resolve_reference(ref: GitRef, refs: Mapping[bytes, CommitId]) -> tuple[CommitId, Revision]:
    """The commit and Flux's form of it, e.g. ``main@sha1:<commit>``; a commit need not be listed.

    Args:
        ref: of the checkout.
        refs: the server's, by their full names.

    Raises:
        InvalidReference: the reference itself is wrong.
        ReferenceNotFound: in the words of Flux's Git library.
    """
    if ref.commit:
        commit = CommitId(ref.commit.lower())
        if not _COMMIT_ID.fullmatch(commit):
            raise InvalidReference(f"'{ref.commit}' is no commit's whole id")
        return commit, Revision(f"{ref.branch}@sha1:{commit}" if ref.branch else f"sha1:{commit}")
    name, shown = _named(ref, refs)
    found = refs.get(name + PEELED.encode()) or refs.get(name)
    if found is None:
        raise ReferenceNotFound(f'couldn\'t find remote ref "{name.decode(errors="replace")}"')
    return found, Revision(f"{shown}@sha1:{found}")


def _named(ref: GitRef, refs: Mapping[bytes, CommitId]) -> tuple[bytes, str]:
    if ref.name:
        return ref.name.encode(), ref.name
    if ref.tag or ref.semver:
        tag = ref.tag or _newest(ref.semver, refs)
        return _TAGS + tag.encode(), tag
    branch = ref.branch or DEFAULT_BRANCH
    return _HEADS + branch.encode(), branch


def _newest(text: str, refs: Mapping[bytes, CommitId]) -> str:
    names = (name.removeprefix(_TAGS).decode(errors="replace") for name in refs if name.startswith(_TAGS))
    try:
        found = SemverOrdering(parse_range(text)).best(name for name in names if not name.endswith(PEELED))
    except (InvalidRange, InvalidValue) as error:
        raise InvalidReference(f"semver parse error: {error}") from error
    if found is None:
        raise ReferenceNotFound(f"no match found for semver: {text}")
    return found
