"""Writes secrets to Secrets Manager with the keys that Flux expects: ``tagstream create secret``.

Source: flux2 cmd/flux/create_secret_git.go, _oci.go, _tls.go, _proxy.go, _receiver.go; pkg/runtime/secrets.
"""

from __future__ import annotations

import base64
import getpass
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tagstream import wiring
from tagstream.cli.console import CommandFailed
from tagstream.cli.creation import check, labels_of
from tagstream.cli.files import read_file
from tagstream.cli.session import Session
from tagstream.cli.verbs.apply import secret_outcome
from tagstream.cli.yaml_text import as_yaml
from tagstream.ports.material import InvalidMaterial
from tagstream.reconcile.receive.paths import publish_receivers_of

TOKEN_BYTES = 32
SSH_PORT = 22
DOCKER_HUB = ("https://index.docker.io/v1/", "https://index.docker.io/v1")


def create_git(session: Session) -> int:
    """Create a secret for a Git server: ``create secret git NAME --url URL``.

    It holds a password, a bearer token and certificates for HTTP(S), or a private key and known hosts for SSH.
    """
    args = session.args
    scheme = args.url.partition("://")[0] if "://" in args.url else ""
    if not args.url:
        raise CommandFailed("url is required")
    if scheme == "ssh":
        return _store(session, _ssh(session))
    if scheme not in ("http", "https"):
        raise CommandFailed(f"git URL scheme '{scheme}' not supported, can be: ssh, http and https")
    data = _login(session) | _certificates(session)
    if args.bearer_token:
        data |= {"bearerToken": _given(session, args.bearer_token).encode()}
    if not data:
        raise CommandFailed("for Git over HTTP/S the username and password, or a bearer token is required")
    return _store(session, data)


def _ssh(session: Session) -> Mapping[str, bytes]:
    args = session.args
    if not args.private_key_file or not args.known_hosts_file:
        # flux asks the server for its host keys and trusts the answer. Here a person has to compare the keys.
        raise CommandFailed("for Git over SSH --private-key-file and --known-hosts-file are required")
    data = {
        "identity": read_file(Path(args.private_key_file)),
        "known_hosts": read_file(Path(args.known_hosts_file)),
    }
    if args.password:
        data["password"] = _given(session, args.password).encode()
    address = _ssh_address(args.url)
    checks = wiring.material_checks()
    with _checked(f"--private-key-file '{args.private_key_file}'"):
        checks.private_key(data["identity"], data.get("password", b""))
    with _checked(f"--known-hosts-file '{args.known_hosts_file}'"):
        checks.known_hosts(data["known_hosts"], *address)
    return data


def _ssh_address(url: str) -> tuple[str, int]:
    """Host and port of an ``ssh://`` URL.

    Raises:
        CommandFailed: the URL names no host, or has no valid port. ``ssh://git@host:org/repo`` is such a URL: a colon
            before the path belongs to the form without a scheme.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or SSH_PORT
    except ValueError:
        raise CommandFailed(f"--url '{url}' has no valid port; write a path as ssh://git@host/org/repo") from None
    if not host:
        raise CommandFailed(f"--url '{url}' names no host")
    return host, port


@contextmanager
def _checked(flag: str) -> Iterator[None]:
    """Turn an error about a key or a certificate into one that names the flag by which it was given."""
    try:
        yield
    except InvalidMaterial as error:
        raise CommandFailed(f"{flag} cannot be used: {error}") from error


def create_oci(session: Session) -> int:
    """Create a ``.dockerconfigjson`` secret: ``create secret oci NAME --url REGISTRY -u USER -p PASSWORD``."""
    args = session.args
    for name in ("url", "username", "password"):
        if not getattr(args, name):
            raise CommandFailed(f"--{name} is required")
    scheme, separator, _ = args.url.rpartition("://")
    # Docker Hub is the only registry that Docker writes to config.json with a scheme.
    if separator and args.url not in DOCKER_HUB:
        raise CommandFailed(f"--url '{args.url}' should not include URL scheme; remove '{scheme}://'")
    password = _given(session, args.password)
    auth = base64.b64encode(f"{args.username}:{password}".encode()).decode()
    entry = {"username": args.username, "password": password, "auth": auth}
    server = DOCKER_HUB[0] if separator else args.url.partition("/")[0]
    config = json.dumps({"auths": {server: entry}})
    return _store(session, {".dockerconfigjson": config.encode()}, "kubernetes.io/dockerconfigjson")


def create_tls(session: Session) -> int:
    """Create a TLS secret: ``create secret tls NAME --ca-crt-file F --tls-crt-file F --tls-key-file F``."""
    data = _certificates(session)
    if not data:
        raise CommandFailed("--ca-crt-file, or --tls-crt-file and --tls-key-file are required")
    return _store(session, data)


def create_proxy(session: Session) -> int:
    """Create a proxy secret: ``create secret proxy NAME --address URL``."""
    if not session.args.address:
        raise CommandFailed("address is required")
    return _store(session, {"address": session.args.address.encode(), **_login(session)})


def create_receiver(session: Session) -> int:
    """Create a Receiver's token secret: ``create secret receiver NAME``. A random token is made if none is given."""
    args = session.args
    token = _given(session, args.token) if args.token else secrets.token_hex(TOKEN_BYTES)
    data = {"token": token.encode()}
    if args.email_claim:
        data["email"] = args.email_claim.encode()
    return _store(session, data)


def create_generic(session: Session) -> int:
    """Create a secret with any keys: ``create secret generic NAME --from-literal K=V --from-file [K=]FILE``."""
    data: dict[str, bytes] = {}
    for text in session.args.from_literal:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise CommandFailed("--from-literal must be KEY=VALUE")
        data[key] = value.encode()
    for text in session.args.from_file:
        key, separator, path = text.rpartition("=")
        data[key if separator else Path(path).name] = read_file(Path(path))
    if not data:
        raise CommandFailed("--from-literal or --from-file is required")
    return _store(session, data)


def _login(session: Session) -> dict[str, bytes]:
    args = session.args
    if args.password and not args.username:
        raise CommandFailed("a password needs a --username")
    data = {"username": args.username.encode()} if args.username else {}
    if args.password:
        data["password"] = _given(session, args.password).encode()
    return data


def _certificates(session: Session) -> dict[str, bytes]:
    args = session.args
    if bool(args.tls_crt_file) != bool(args.tls_key_file):
        raise CommandFailed("--tls-crt-file and --tls-key-file go together")
    files = {"ca.crt": args.ca_crt_file, "tls.crt": args.tls_crt_file, "tls.key": args.tls_key_file}
    data = {key: read_file(Path(path)) for key, path in files.items() if path}
    with _checked("the certificate"):
        wiring.material_checks().certificates(*(data.get(key, b"") for key in files))
    return data


def _given(session: Session, value: str) -> str:
    """Return the value of a flag; for ``-``, one line of stdin, which unlike a flag shows in no process list.

    At a terminal it is asked for, and not shown while it is typed.

    Raises:
        CommandFailed: the line is empty; an empty secret protects nothing.
    """
    if value != "-":
        return value
    line = getpass.getpass("the secret value: ") if session.stdin.isatty() else session.stdin.readline().rstrip("\n")
    if not line:
        raise CommandFailed("'-' reads a value from stdin, but there is none")
    return line


def _store(session: Session, data: Mapping[str, bytes], kind: str = "Opaque") -> int:
    key = session.key(session.args.name)
    metadata: dict[str, object] = {"name": key.name, "namespace": key.namespace}
    labels = labels_of(session)
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata | ({"labels": labels} if labels else {}),
        "type": kind,
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }
    check(session, manifest, is_printed=session.args.export)
    if session.args.export:
        session.console.line("---\n" + as_yaml(manifest))
        return 0
    outcome = secret_outcome(key, data, session.ports)
    if outcome != "unchanged":
        session.ports.secrets.put(key, data)
        publish_receivers_of({key}, session.ports)
    session.console.action(f"secret '{key.name}' {outcome} in '{key.namespace}' namespace")
    return 0
