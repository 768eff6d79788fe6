"""Where the pages of commits are on Git hosts."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.git_host import GitHostKind
from tagstream.domain.update.commit_page import commit_page

COMMIT = "4f1c09e2" * 5


@pytest.mark.parametrize(
    ("kind", "url", "page"),
    [
        ("github", "https://github.com/org/apps", f"https://github.com/org/apps/commit/{COMMIT}"),
        ("github", "git@github.com:org/apps.git", f"https://github.com/org/apps/commit/{COMMIT}"),
        ("gitlab", "ssh://git@gitlab.com/a/b/c.git", f"https://gitlab.com/a/b/c/-/commit/{COMMIT}"),
        ("gitea", "http://git.example:3000/a/b.git", f"http://git.example:3000/a/b/commit/{COMMIT}"),
        ("forgejo", "https://codeberg.org/a/b", f"https://codeberg.org/a/b/commit/{COMMIT}"),
        ("bitbucket", "https://u@bitbucket.org/a/b.git", f"https://bitbucket.org/a/b/commits/{COMMIT}"),
        (
            "bitbucket-server",
            "https://git.example/scm/proj/app.git",
            f"https://git.example/projects/proj/repos/app/commits/{COMMIT}",
        ),
        (
            "bitbucket-server",
            "https://example.com/bb/scm/~ann/app.git",
            f"https://example.com/bb/users/ann/repos/app/commits/{COMMIT}",
        ),
        (
            "bitbucket-server",
            "ssh://git@git.example:7999/proj/app.git",
            f"https://git.example/projects/proj/repos/app/commits/{COMMIT}",
        ),
        ("azure", "https://dev.azure.com/o/p/_git/r", f"https://dev.azure.com/o/p/_git/r/commit/{COMMIT}"),
        ("azure", "git@ssh.dev.azure.com:v3/o/p/r", f"https://dev.azure.com/o/p/_git/r/commit/{COMMIT}"),
        (
            "codecommit",
            "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/apps",
            "https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/apps/commit/"
            f"{COMMIT}?region=eu-west-1",
        ),
    ],
)
def test_a_commit_has_a_page_on_its_host(kind: GitHostKind, url: str, page: str) -> None:
    assert commit_page(url, kind, COMMIT) == page


@pytest.mark.parametrize(
    ("kind", "url", "commit"),
    [
        (None, "https://git.example/a/b", COMMIT),
        ("github", "javascript://github.com/a", COMMIT),
        ("github", "file:///a/b", COMMIT),
        ("github", "https://github.com/a/b", "<script>"),
        ("codecommit", "https://git.example/v1/repos/apps", COMMIT),
        ("bitbucket-server", "https://git.example/app", COMMIT),
    ],
)
def test_what_is_not_known_has_no_page(kind: GitHostKind | None, url: str, commit: str) -> None:
    assert commit_page(url, kind, commit) == ""


def test_a_user_and_a_password_of_the_url_are_left_out() -> None:
    assert "s3cret" not in commit_page("https://bot:s3cret@github.com/a/b", "github", COMMIT)


def test_what_a_path_holds_is_quoted() -> None:
    page = commit_page('https://github.com/a/b"><script>', "github", COMMIT)
    assert page == f"https://github.com/a/b%22%3E%3Cscript%3E/commit/{COMMIT}"
