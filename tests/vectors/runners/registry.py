"""Compares challenges, Link headers and pull secrets with answers that go-containerregistry's code gave."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tagstream.adapters.registry.challenge import parse_challenges
from tagstream.adapters.registry.link_header import InvalidLink, next_page
from tagstream.domain.objects.dockerconfig import InvalidDockerConfig, parse_keyring
from tagstream.domain.objects.image_name import parse_reference

CHALLENGES = "registry/www_authenticate.json"
LINKS = "registry/link_header.json"
PULL_SECRETS = "registry/dockerconfig_match.json"
FILES: tuple[str, ...] = (CHALLENGES, LINKS, PULL_SECRETS)

# tagstream follows links that name the registry's own host with another scheme, port or spelling, at the address that
# it already uses (Flux fails behind proxies: image-reflector-controller 343). And it follows the link with rel="next",
# not the first link.
_MENDED = {
    "http://r.example.com/v2/a/b/tags/list?last=x": "https://r.example.com/v2/a/b/tags/list?last=x",
    "https://r.example.com:443/v2/a/b/tags/list?last=x": "https://r.example.com/v2/a/b/tags/list?last=x",
    '/v2/a/b/tags/list?last=x>; rel="prev"': "https://r.example.com/v2/a/b/tags/list?last=y",
    "https://R.example.com/v2/a/b/tags/list": "https://R.example.com/v2/a/b/tags/list?last=x",
}

Case = tuple[str, Callable[[], tuple[object, object]]]


def cases(data: pathlib.Path, file: str) -> Iterator[Case]:
    """Yield one case for each recorded answer."""
    answer = {CHALLENGES: _challenge, LINKS: _link, PULL_SECRETS: _pull_secret}[file]
    for recorded in json.loads((data / file).read_bytes())["cases"]:
        yield recorded["name"], partial(answer, recorded)


def _challenge(recorded: Mapping[str, Any]) -> tuple[object, object]:
    found = [{"parameters": dict(one.parameters), "scheme": one.scheme} for one in parse_challenges(recorded["header"])]
    return {"challenges": found}, recorded["expected"]


def _link(recorded: Mapping[str, Any]) -> tuple[object, object]:
    try:
        found: dict[str, object] = {"next": next_page(recorded["url"], recorded["link"])}
    except InvalidLink as error:
        found = {"error": str(error)}
    return found, _expected_link(recorded)


def _expected_link(recorded: Mapping[str, Any]) -> object:
    for known, mended in _MENDED.items():
        if recorded["url"] == known or recorded["link"].startswith(f"<{known}"):
            return {"next": mended}
    return recorded["expected"]


def _pull_secret(recorded: Mapping[str, Any]) -> tuple[object, object]:
    try:
        keyring = parse_keyring([(".dockerconfigjson", json.dumps(recorded["config"]).encode())])
    except InvalidDockerConfig as error:
        return {"error": str(error)}, recorded["expected"]
    image = parse_reference(recorded["image"])
    matched = keyring.matching(image.registry, image.repository)
    found: dict[str, object] = {
        # In Go the list is nil, not empty, if there are no entries.
        "index": [key for key, _ in keyring.entries] or None,
        "matched_keys": [key for key, _ in matched],
        "target": str(image.canonical),
    }
    one = keyring.find(image.registry, image.repository)
    if one is None:
        return {**found, "anonymous": True}, recorded["expected"]
    secrets = {
        "username": one.username,
        "password": one.password,
        "identitytoken": one.identity_token,
        "registrytoken": one.registry_token,
    }
    return {**found, **secrets}, recorded["expected"]
