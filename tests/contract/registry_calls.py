"""What tests of the registry client have in common.

It makes images, accesses and deadlines for a registry's address.
"""

from __future__ import annotations

import base64
import json
import time

from tagstream.domain.objects.image_name import ImageName, parse_repository_image
from tagstream.ports.registry import PullSecret, RegistryAccess
from tests.embedded.token_server import PASSWORD, USER

NAME = "team/app"


def image(address: str, name: str = NAME) -> ImageName:
    """A repository on a registry."""
    return parse_repository_image(f"{address}/{name}")


def soon(seconds: float = 20.0) -> float:
    """A deadline."""
    return time.monotonic() + seconds


def secret(address: str, **entry: str) -> PullSecret:
    """A pull secret with one entry, alice's password unless told otherwise."""
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = {"auths": {address: entry or {"auth": pair}}}
    return PullSecret(name="pull", data={".dockerconfigjson": json.dumps(config).encode()})


def with_secret(address: str, **entry: str) -> RegistryAccess:
    """Access by one pull secret."""
    return RegistryAccess(pull_secrets=(secret(address, **entry),))
