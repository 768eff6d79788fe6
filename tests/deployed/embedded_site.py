"""The embedded AWS as the place of `make aws-check`, with what stands for the services that it lacks.

moto keeps the CodeCommit repositories, and a Git server on loopback has their content. ECR and its registry are the
embedded AWS's own, but the registry has another host name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import requests

from tests.aws_check.site import GitPlace, RegistryPlace
from tests.embedded.aws import CREDENTIALS, REGION, EmbeddedStack
from tests.embedded.git_server import bare_repository
from tests.embedded.system import PASSWORD, USER

LACKS = {
    "ecr-events": "the push is announced by the webhook",
    "simulation-context": "questions that depend on a partition key are left out",
    "leading-keys": "the webhook's write to a foreign partition is not tried",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSite:
    """Site on a deployed stack of the embedded AWS.

    Args:
        stack: the stack.
        moto: the endpoint of moto's server.
        git_url: the URL of the Git server.
        git_root: the folder of its repositories.
    """

    stack: EmbeddedStack
    moto: str
    git_url: str
    git_root: Path
    region: str = REGION
    poll_s: float = 0.2

    @property
    def lacks(self) -> Mapping[str, str]:
        """What the embedded AWS lacks."""
        return LACKS

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of this process, but for its AWS."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        return {**kept, **self.stack.environ, "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1"}

    def client(self, service: str) -> Any:
        """Make a client of the embedded AWS; for CodeCommit, one of moto."""
        if service != "codecommit":
            return self.stack.client(service)
        return boto3.client(
            "codecommit",
            endpoint_url=self.moto,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def registry(self, repository_uri: str) -> RegistryPlace:
        """Name the embedded AWS's own address in place of ECR's host; it asks for no login."""
        name = repository_uri.partition("/")[2]
        host = urlsplit(self.stack.endpoint).netloc
        session = requests.Session()
        return RegistryPlace(
            image=f"{host}/{name}", url=f"http://{host}", repository=name, session=session, provider="generic"
        )

    def git(self, repository: str) -> GitPlace:
        """Return the repository of the Git server that stands for one of CodeCommit; make it at first."""
        self.client("codecommit").get_repository(repositoryName=repository)
        if not (self.git_root / repository).exists():
            bare_repository(self.git_root, repository, {})
        login = {"username": USER, "password": PASSWORD}
        return GitPlace(url=f"{self.git_url}/{repository}", username=USER, password=PASSWORD, secret=login)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to the embedded AWS with the Function URL's host in the Host header."""
        return self.stack.post(urlsplit(url).path, body, headers).status
