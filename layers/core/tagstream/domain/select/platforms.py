"""Which platforms an image is for, as its index or its configuration says, and whether all that are wanted are there.

Source: OCI image-spec image-index.md (``platform``) and config.md; Docker's manifest list has the same members.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

from gocompat.quote import quote

PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9.]+)?", re.ASCII)
"""``os/architecture[/variant]``, as Docker and OCI write it."""
SYSTEMS = frozenset(
    {
        *("aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux", "netbsd", "openbsd"),
        *("plan9", "solaris", "wasip1", "windows"),
    }
)
"""The operating systems that images name (``go tool dist list``)."""
ARCHITECTURES = frozenset(
    {
        *("386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le"),
        *("riscv64", "s390x", "wasm"),
    }
)
"""The architectures that images name (``go tool dist list``)."""
_OTHER_NAMES = {"x86_64": "amd64", "aarch64": "arm64", "x86": "386", "i386": "386", "i686": "386", "armhf": "arm/v7"}
# BuildKit lists provenance and SBOMs beside the images, under this name.
UNKNOWN = "unknown"


def platform_doubt(platform: str) -> str:
    """Why there may be no image for a platform; empty for one whose names are known.

    Args:
        platform: as PLATFORM describes it; one that is not has no doubt of its own.
    """
    if not PLATFORM.fullmatch(platform):
        return ""
    system, architecture = platform.split("/")[:2]
    if system not in SYSTEMS:
        return f"{quote(system)} is no operating system that Go knows (GOOS)"
    if architecture in ARCHITECTURES:
        return ""
    other = _OTHER_NAMES.get(architecture)
    meant = f"did you mean {system}/{other}?" if other else "amd64 and arm64 are the usual ones"
    return f"{quote(architecture)} is no architecture that Go knows (GOARCH): {meant}"


class UnreadableManifest(ValueError):
    """A manifest or a configuration that is not what the specification says."""


def platforms_of_index(content: bytes) -> frozenset[str] | None:
    """The platforms of an index; None for a manifest of one image, whose configuration names its platform.

    Raises:
        UnreadableManifest: it is no JSON object, or its members are not of the right type.
    """
    document = _object(content)
    if "manifests" not in document:
        return None
    listed = document["manifests"]
    if not isinstance(listed, list):
        raise UnreadableManifest("the index lists no manifests")
    found = (one.get("platform") for one in listed if isinstance(one, dict))
    names = {_name(one) for one in found if isinstance(one, dict)}
    return frozenset(name for name in names if UNKNOWN not in name.split("/"))


def configuration_digest(content: bytes) -> str:
    """The digest of the configuration that a manifest of one image names.

    Raises:
        UnreadableManifest: it names none.
    """
    config = _object(content).get("config")
    digest = config.get("digest") if isinstance(config, dict) else None
    if not isinstance(digest, str):
        raise UnreadableManifest("the manifest names no configuration")
    return digest


def platforms_of_configuration(content: bytes) -> frozenset[str]:
    """The platform of one image.

    Raises:
        UnreadableManifest: it is no JSON object.
    """
    return frozenset({_name(_object(content))})


def missing(wanted: Collection[str], found: Collection[str]) -> list[str]:
    """The wanted platforms that are not there, sorted; one without a variant is there with any variant."""
    return sorted(one for one in wanted if not any(_is(one, other) for other in found))


def _is(wanted: str, found: str) -> bool:
    return found == wanted or (wanted.count("/") == 1 and found.startswith(f"{wanted}/"))


def _name(platform: Mapping[str, object]) -> str:
    members = (platform.get(name) for name in ("os", "architecture", "variant"))
    return "/".join(one for one in members if isinstance(one, str) and one)


def _object(content: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise UnreadableManifest("it is no JSON") from None
    if not isinstance(found, dict):
        raise UnreadableManifest("it is no JSON object")
    return found
