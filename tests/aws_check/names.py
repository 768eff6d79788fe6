"""What one run of the check makes, by its name: everything is found again by the name of the stack alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAMESPACE = "aws-check"
# Marks what the check has made, so that it deletes nothing else.
TAG = "tagstream-aws-check"
DESCRIPTION = "made by tagstream's make aws-check, which deletes it"
MANIFEST = "app.yaml"
RECEIVER_TOKEN = "hook-token"  # The name of a secret.
GIT_LOGIN = "git-login"

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of a run; ``account`` and ``region`` make the bucket's name unique in the world."""

    stack: str
    account: str
    region: str

    @property
    def repository(self) -> str:
        """The name of the throw-away repository, in ECR and in CodeCommit."""
        return f"{self.stack}-aws-check"

    @property
    def bucket(self) -> str:
        """The bucket that `sam deploy` puts the code into."""
        return f"{self.stack}-aws-check-{self.account}-{self.region}".lower()

    @property
    def probes(self) -> Mapping[str, str]:
        """The name of the function that tries calls with each role."""
        return {role: f"{self.stack}-aws-check-{role}" for role in ("scan", "webhook", "update")}

    @property
    def secret_prefix(self) -> str:
        """How the names of the secrets begin that the check has created."""
        return f"{self.stack}/{NAMESPACE}/"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        partition = "aws-cn" if self.region.startswith("cn-") else "aws-us-gov" if "-gov-" in self.region else "aws"
        return f"arn:{partition}:{service}:{self.region}:{self.account}:{resource}"


def manifest(image: str, tag: str) -> bytes:
    """Return the file that the automation edits."""
    return f'image: {image}:{tag} # {{"$imagepolicy": "{NAMESPACE}:app"}}\n'.encode()


def secrets(token: str, git_login: Mapping[str, str] | None) -> list[Document]:
    """Return the secrets to apply: the Receiver's token, and a login for Git where no role gives one."""
    found = [_secret(RECEIVER_TOKEN, {"token": token})]
    return found if git_login is None else [*found, _secret(GIT_LOGIN, git_login)]


def objects(image: str, git_url: str, provider: str) -> list[Document]:
    """Return the objects to apply.

    Args:
        image: the image's name, without a tag.
        git_url: the URL of the Git repository.
        provider: ``aws`` where the functions' roles log in to both, else ``generic``.
    """
    login = {"provider": "aws"} if provider == "aws" else {"secretRef": {"name": GIT_LOGIN}}
    source = {"kind": "GitRepository", "name": "app"}
    author = {"name": "aws-check", "email": "aws-check@example.com"}
    git = {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": author}, "push": {"branch": "main"}}
    image_api = "image.toolkit.fluxcd.io/v1"
    return [
        _object(image_api, "ImageRepository", image=image, interval="5m", provider=provider),
        _object(image_api, "ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": ">=1.0.0"}}),
        _object("source.toolkit.fluxcd.io/v1", "GitRepository", url=git_url, interval="5m", **login),
        _object(
            image_api,
            "ImageUpdateAutomation",
            interval="5m",
            sourceRef=source,
            git=git,
            update={"path": "./", "strategy": "Setters"},
        ),
        _object(
            "notification.toolkit.fluxcd.io/v1",
            "Receiver",
            type="generic-hmac",
            secretRef={"name": RECEIVER_TOKEN},
            resources=[{"kind": "ImageRepository", "name": "app"}],
        ),
    ]


def stream(documents: list[Document]) -> bytes:
    """Write documents for `tagstream apply -f -`; JSON is YAML."""
    return b"\n---\n".join(json.dumps(one).encode() for one in documents)


def _secret(name: str, data: Mapping[str, str]) -> Document:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)}


def _object(version: str, kind: str, **spec: Any) -> Document:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "app", "namespace": NAMESPACE}, "spec": spec}
