"""The AWS account that the check runs in; tests run the same steps in an embedded AWS that implements ``Site`` too."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
import requests
from botocore.config import Config

from tagstream.adapters.git.logins import RoleKeys, codecommit_login

TIMEOUT_S = 60
# IAM's simulator takes a few questions a second; invocations of the probes last up to a minute.
PATIENT = Config(retries={"mode": "standard", "max_attempts": 12}, read_timeout=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryPlace:
    """A repository of images.

    Attributes:
        image: its name in objects, without a tag.
        url: the URL of its registry.
        repository: its name on the registry.
        session: logged in.
        provider: ``aws`` if the functions log in with their role, else ``generic``.
    """

    image: str
    url: str
    repository: str
    session: requests.Session
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GitPlace:
    """A Git repository with a user's name and password.

    ``secret`` is what the functions log in with; None if it is their role.
    """

    url: str
    username: str
    password: str
    secret: Mapping[str, str] | None


class Site(Protocol):
    """An AWS account and region.

    Attributes:
        region: its region.
        environ: environment variables by which programs reach it.
        poll_s: how long to wait between two looks, in seconds.
        lacks: what this AWS does not have, with what the check does instead; empty for AWS itself. The names are
            ``ecr-events``, ``simulation-context`` and ``leading-keys``.
    """

    @property
    def region(self) -> str: ...

    @property
    def environ(self) -> Mapping[str, str]: ...

    @property
    def poll_s(self) -> float: ...

    @property
    def lacks(self) -> Mapping[str, str]: ...

    def client(self, service: str) -> Any:
        """Make a boto3 client."""

    def registry(self, repository_uri: str) -> RegistryPlace:
        """Log in to the registry of an ECR repository."""

    def git(self, repository: str) -> GitPlace:
        """Sign in to a CodeCommit repository; a signature is good for some minutes."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Deliver a webhook to a Function URL; return the status of the answer."""


class AwsSite:
    """The account of the usual AWS configuration: environment variables, profiles, instance roles.

    Raises:
        ValueError: no region is configured.
    """

    poll_s = 3.0
    lacks: Mapping[str, str] = {}

    def __init__(self) -> None:
        # boto3 itself reads AWS_DEFAULT_REGION only.
        self._session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        if not self._session.region_name:
            raise ValueError("no region is configured: set AWS_REGION, or a region in the profile")
        self.region = self._session.region_name
        self.environ = {**os.environ, "AWS_DEFAULT_REGION": self.region, "SAM_CLI_TELEMETRY": "0"}

    def client(self, service: str) -> Any:
        """Make a boto3 client."""
        return self._session.client(service, config=PATIENT)  # type: ignore[call-overload]

    def registry(self, repository_uri: str) -> RegistryPlace:
        """Log in with a token that ECR hands out."""
        given = self.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        username, _, password = base64.b64decode(given).decode().partition(":")
        session = requests.Session()
        session.auth = (username, password)
        host, _, name = repository_uri.partition("/")
        return RegistryPlace(
            image=repository_uri, url=f"https://{host}", repository=name, session=session, provider="aws"
        )

    def git(self, repository: str) -> GitPlace:
        """Sign the URL with the caller's own keys, as git-remote-codecommit does."""
        credentials = self._session.get_credentials()
        assert credentials is not None, "the first step has used them"
        frozen = credentials.get_frozen_credentials()
        keys = RoleKeys(access_key=frozen.access_key or "", secret_key=frozen.secret_key or "", token=frozen.token)
        metadata = self.client("codecommit").get_repository(repositoryName=repository)["repositoryMetadata"]
        url = metadata["cloneUrlHttp"]
        where = urlsplit(url)
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        username, password = codecommit_login(keys, self.region, (where.hostname or "", where.path), now)
        return GitPlace(url=url, username=username, password=password, secret=None)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post as a registry does."""
        return requests.post(url, data=body, headers=dict(headers), timeout=TIMEOUT_S).status_code
