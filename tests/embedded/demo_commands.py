"""The lines that `make demo KEEP=1` prints for a shell: how to push, deliver, look and end it all."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.embedded.push import MANIFEST

BIN = Path(__file__).parents[2] / ".venv" / "bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the demo runs.

    Attributes:
        environ: the variables by which the command line finds the stack.
        image: the image with its registry, without a tag.
        hook: the URL of the Receiver, as this machine reaches it.
        token: the Receiver's.
        git: the URL of the Git repository, with its login.
        bare: the folder of that repository.
        pids: the servers.
        folders: what they leave behind.
    """

    environ: Mapping[str, str]
    image: str
    hook: str
    token: str
    git: str
    bare: Path
    pids: Sequence[int]
    folders: Sequence[Path]


def commands(place: Place, *, old: str, new: str, has_skopeo: bool) -> list[str]:
    """Return the lines.

    Args:
        place: where the demo runs.
        old: a tag that the registry has.
        new: the tag to push.
        has_skopeo: whether skopeo can be used to push.
    """
    exports = [f"export {name}={shlex.quote(value)}" for name, value in place.environ.items()]
    return [
        "unset AWS_PROFILE AWS_SESSION_TOKEN",
        *exports,
        f'export PATH={shlex.quote(str(BIN))}:"$PATH"',
        f"tag={new}",
        "# Push: the same image under a new tag.",
        push(place.image, old, has_skopeo=has_skopeo),
        "# Deliver: what the registry would send, signed with the Receiver's token.",
        f'body=\'{{"image":"{place.image}","tag":"\'$tag\'"}}\'',
        f"signature=$(printf %s \"$body\" | openssl dgst -sha256 -hmac {place.token} | sed 's/.* //')",
        f'curl -sS -w "%{{http_code}}\\n" -H "X-Signature: sha256=$signature" -d "$body" {place.hook}',
        "# Look: what happened, what is selected, the commit.",
        "sleep 10; tagstream events",
        "tagstream get images all",
        f"git -C {place.bare} show main",
        f"git ls-remote {place.git}",
        end(place),
    ]


def push(image: str, old: str, *, has_skopeo: bool) -> str:
    """Return the command that gives the image ``old`` the tag ``$tag`` too."""
    if has_skopeo:
        insecure = "--src-tls-verify=false --dest-tls-verify=false"
        return f"skopeo copy -q {insecure} docker://{image}:{old} docker://{image}:$tag"
    host, _, name = image.partition("/")
    url = f"http://{host}/v2/{name}/manifests"
    put = f"curl -sSf -X PUT -H 'Content-Type: {MANIFEST}' --data-binary @- {url}/$tag"
    return f"curl -sSf -H 'Accept: {MANIFEST}' {url}/{old} | {put}"


def end(place: Place) -> str:
    """Return the line that says how to end it; it is a comment, so that a pasted block does not."""
    pids, folders = " ".join(str(one) for one in place.pids), " ".join(str(one) for one in place.folders)
    return f"# To end it: kill {pids}; sleep 3; rm -rf {folders}"
