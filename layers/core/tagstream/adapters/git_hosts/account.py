"""Who we are on a Git host, and which repository is meant: what every adapter takes from a HostAccess."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from tagstream.errors import StalledError
from tagstream.ports.git import GitAccess
from tagstream.ports.pull_requests import INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A token, and the user whose it is where one is named."""

    token: str = field(repr=False)
    username: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The Authorization header of a user and a password, which hosts take for a user and a token too."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.token}".encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not come back in any text."""
        return (self.token, self.basic.removeprefix("Basic "))


def account_of(access: GitAccess) -> Account:
    """The token of an access: its bearer token, else its password, else the password in its URL.

    Raises:
        StalledError: InvalidPullRequest, it has none.
    """
    try:
        parts = urlsplit(access.url)
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        username, password = "", ""
    if access.bearer_token:
        return Account(token=access.bearer_token)
    if access.password:
        return Account(token=access.password, username=access.username or username)
    if password and not access.url.startswith("ssh://"):
        return Account(token=password, username=username)
    raise StalledError(
        "pull requests need a token: the secret has neither 'bearerToken' nor 'password'"
        " (annotation tagstream.dev/api-secret names a secret of their own)",
        reason=INVALID,
    )


def path_of(url: str) -> tuple[str, ...]:
    """The parts of a repository's path, without ``.git``; empty if the URL cannot be read."""
    try:
        path = unquote(urlsplit(url).path)
    except ValueError:
        return ()
    return tuple(one for one in path.strip("/").removesuffix(".git").split("/") if one)


def owner_and_name(url: str) -> tuple[str, str]:
    """The last two parts of a repository's path.

    Raises:
        StalledError: InvalidPullRequest, there are fewer.
    """
    parts = path_of(url)
    if len(parts) < 2:
        raise StalledError("the path of the repository's URL is not OWNER/NAME", reason=INVALID)
    return parts[-2], parts[-1]
