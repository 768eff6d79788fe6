"""Names of refs are those of git-check-ref-format."""

from __future__ import annotations

import subprocess

import pytest

from tagstream.domain.objects.ref_name import is_ref_name

NAMES = (
    *("main", "release/1.x", "feature/a-b_c", "refs/heads/main", "a@b", "a.b", "v1.0.0+build", "%topic=x", "ü", "-x"),
    *("", " ", "a b", "a..b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "/a", "a/", "a//b", "a~1", "a^", "a:b", "a?"),
    *("a*", "a[b", "a\\b", "a@{b", "@", "a\tb", "a\x7fb", "a/@", "@/a", "a.lockx", "x/a.lock"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_where_git_takes_it(name: str) -> None:
    done = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False)
    assert is_ref_name(name) == (done.returncode == 0)
