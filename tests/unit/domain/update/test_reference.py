"""Which commit a checkout reference names."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import CommitId, GitRef
from tagstream.domain.update.reference import InvalidReference, ReferenceNotFound, resolve_reference

A, B, C = (CommitId(letter * 40) for letter in "abc")
REFS = {
    b"refs/heads/master": A,
    b"refs/heads/main": B,
    b"refs/tags/v1.2.0": A,
    b"refs/tags/v1.10.0": C,
    b"refs/tags/v1.10.0^{}": B,
}


@pytest.mark.parametrize(
    ("ref", "commit", "revision"),
    [
        (GitRef(), A, f"master@sha1:{A}"),
        (GitRef(branch="main"), B, f"main@sha1:{B}"),
        (GitRef(semver="1.x", branch="main"), B, f"v1.10.0@sha1:{B}"),
        (GitRef(tag="v1.2.0", semver="1.x"), A, f"v1.2.0@sha1:{A}"),
        (GitRef(name="refs/heads/main", tag="v1.2.0"), B, f"refs/heads/main@sha1:{B}"),
        (GitRef(commit=C.upper(), name="refs/heads/main"), C, f"sha1:{C}"),
        (GitRef(commit=C, branch="main"), C, f"main@sha1:{C}"),
    ],
)
def test_the_precedence_is_fluxs_and_a_tag_stands_for_its_commit(ref: GitRef, commit: str, revision: str) -> None:
    assert resolve_reference(ref, REFS) == (commit, revision)


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (GitRef(branch="nope"), 'couldn\'t find remote ref "refs/heads/nope"'),
        (GitRef(semver=">=2.0.0"), "no match found for semver: >=2.0.0"),
    ],
)
def test_a_reference_that_is_not_listed_is_named_in_the_error(ref: GitRef, words: str) -> None:
    with pytest.raises(ReferenceNotFound) as raised:
        resolve_reference(ref, REFS)
    assert str(raised.value) == words


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (GitRef(commit="abc123"), "'abc123' is no commit's whole id"),
        (GitRef(semver="one"), "semver parse error: "),
    ],
)
def test_a_reference_that_cannot_be_one_is_refused(ref: GitRef, words: str) -> None:
    with pytest.raises(InvalidReference, match=words):
        resolve_reference(ref, REFS)
