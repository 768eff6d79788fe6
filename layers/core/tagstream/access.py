"""What is passed through the ports to a registry or a Git server and back: credentials, listings, commits.

In: values of ``domain``. Out: values; ``ports.py`` re-exports every name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tagstream.domain.model import CommitId, Provider, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSecret:
    """One secret with registry credentials; ``data`` has ``.dockerconfigjson`` or ``.dockercfg``."""

    name: str
    data: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMaterial:
    """PEM bytes; the CA is added to the system's, never replaces it."""

    ca_crt: bytes = b""
    tls_crt: bytes = b""
    tls_key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """``address`` is an http, https or socks5 URL without credentials."""

    address: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """How to talk to one image's registry; secrets are already read."""

    provider: Provider = "generic"
    insecure: bool = False
    pull_secrets: tuple[PullSecret, ...] = field(default=(), repr=False)
    tls: TlsMaterial | None = field(default=None, repr=False)
    proxy: Proxy | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagListing:
    """A complete tag list, in the registry's order without duplicates.

    ``requests`` counts HTTP requests of this listing; ``warnings`` are sentences for the status.
    """

    tags: tuple[str, ...]
    requests: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAccess:
    """Where a repository is and how to authenticate; secret members never print, nor does ``url``: it may hold a login.

    ``app`` holds the secret of an application: its ``githubApp…`` members, or those of one in Azure.
    """

    url: str = field(repr=False)
    provider: Provider = "generic"
    timeout_s: float = 60.0
    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    identity: bytes = field(default=b"", repr=False)
    identity_passphrase: str = field(default="", repr=False)
    known_hosts: bytes = field(default=b"", repr=False)
    app: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    tls: TlsMaterial | None = field(default=None, repr=False)
    proxy: Proxy | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningMaterial:
    """A signing key's secret, by ``namespace/name``; type is ``gpg`` or ``ssh``."""

    type: str
    secret: str
    data: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What a reference means now; ``revision`` is ``branch@sha1:<commit>`` (Flux's form for the ref used)."""

    commit: CommitId
    branch: str
    revision: Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFile:
    """A regular file of a commit; ``blob`` is its object id as 40 hex bytes."""

    path: bytes
    blob: bytes
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitText:
    """Author is committer too; the message is stored byte for byte. ``sign`` maps the commit object to a signature."""

    author_name: str
    author_email: str
    message: bytes
    time: datetime
    sign: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefUpdate:
    """Move ``ref`` from ``old`` (None: it must not exist) to ``new``; refused when the remote is not at ``old``."""

    ref: bytes
    old: CommitId | None
    new: CommitId


class PushConflict(Exception):
    """The remote ref moved between reading and pushing; fetch again and repeat."""
