"""``tagstream create secret`` makes Flux's keys and shows no value."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tagstream.domain.objects.model import NamespacedName
from tests.embedded.certificates import authority
from tests.unit.cli.memory_ports import MemoryPorts, command

KEY = NamespacedName("flux-system", "s")
PASSPHRASE = b"pp"


def _ssh_key(passphrase: bytes) -> bytes:
    key = Ed25519PrivateKey.generate()
    locked = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, locked)


def _host_line(host: str) -> bytes:
    public = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return host.encode() + b" " + public + b"\n"


FILES = {
    "key": _ssh_key(PASSPHRASE),
    "open_key": _ssh_key(b""),
    "hosts": _host_line("g"),
    "other_hosts": _host_line("h"),
    "ca": authority().ca,
    "crt": authority().client.certificate,
    "crt_key": authority().client.key,
    "other_key": authority().server.key,
    "garbage": b"hello\n",
}


@pytest.mark.parametrize(
    ("words", "data"),
    [
        (("git", "--url=https://g", "-u=me", "-p=pw"), {"username": b"me", "password": b"pw"}),
        (("git", "--url=https://g", "--bearer-token=tok"), {"bearerToken": b"tok"}),
        (("git", "--url=https://g", "-u=me", "-p=-"), {"username": b"me", "password": b"typed"}),
        (
            ("git", "--url=ssh://git@g/x", "--private-key-file={key}", "--known-hosts-file={hosts}", "-p=pp"),
            {"identity": FILES["key"], "known_hosts": FILES["hosts"], "password": b"pp"},
        ),
        (("tls", "--ca-crt-file={ca}"), {"ca.crt": FILES["ca"]}),
        (("tls", "--tls-crt-file={crt}", "--tls-key-file={crt_key}"),
         {"tls.crt": FILES["crt"], "tls.key": FILES["crt_key"]}),
        (("proxy", "--address=http://p:1", "-u=a", "-p=b"),
         {"address": b"http://p:1", "username": b"a", "password": b"b"}),
        (("receiver", "--token=t", "--email-claim=a@b"), {"token": b"t", "email": b"a@b"}),
        (("generic", "--from-literal=a=b=c", "--from-file={key}", "--from-file=x={hosts}"),
         {"a": b"b=c", "key": FILES["key"], "x": FILES["hosts"]}),
    ],
)  # fmt: skip
def test_a_secret_has_the_keys_of_flux(words: tuple[str, ...], data: dict[str, bytes], tmp_path: Path) -> None:
    names = {name: tmp_path / name for name in FILES}
    for name, path in names.items():
        path.write_bytes(FILES[name])
    ports = MemoryPorts()
    filled = [one.format(**names) for one in words]
    done = command("create", "secret", filled[0], "s", *filled[1:], ports=ports, stdin="typed\n")
    assert ports.secrets.data == {KEY: data}
    assert done.out == ""
    assert done.err == "► secret 's' created in 'flux-system' namespace\n"


def test_registry_credentials_are_a_docker_config() -> None:
    ports = MemoryPorts()
    command("create", "secret", "oci", "s", "--url=ghcr.io/org/app", "-u=me", "-p=pw", ports=ports)
    assert json.loads(ports.secrets.data[KEY][".dockerconfigjson"]) == {
        "auths": {
            "ghcr.io": {"username": "me", "password": "pw", "auth": base64.b64encode(b"me:pw").decode()},
        }
    }


def test_a_token_is_made_up_when_none_is_given() -> None:
    ports = MemoryPorts()
    for name in ("a", "b"):
        command("create", "secret", "receiver", name, ports=ports)
    made = {data["token"] for data in ports.secrets.data.values()}
    assert len(made) == 2
    assert {len(token) for token in made} == {64}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("git",), "url is required"),
        (("git", "--url=https://g"), "username and password, or a bearer token"),
        (("git", "--url=ftp://g", "-u=a"), "git URL scheme 'ftp' not supported"),
        (("git", "--url=ssh://g"), "--private-key-file and --known-hosts-file are required"),
        (("git", "--url=https://g", "-p=b"), "a password needs a --username"),
        (("git", "--url=https://g", "-u=a", "-p=-"), "'-' reads a value from stdin, but there is none"),
        (("oci", "--url=g"), "--username is required"),
        (
            ("oci", "--url=https://ghcr.io", "-u=a", "-p=hunter2"),
            "--url 'https://ghcr.io' should not include URL scheme; remove 'https://'",
        ),
        (("receiver", "--token=-"), "'-' reads a value from stdin, but there is none"),
        (("receiver", "-n=Bad"), 'Secret/Bad/s metadata.namespace: Invalid value: "Bad"'),
        (("tls",), "--ca-crt-file, or"),
        (("tls", "--tls-crt-file=x"), "go together"),
        (("proxy",), "address is required"),
        (("generic",), "--from-literal or --from-file is required"),
        (("generic", "--from-literal=hunter2"), "--from-literal must be KEY=VALUE"),
        (("generic", "--from-file=/nowhere/x"), "failed to read /nowhere/x: No such file or directory"),
    ],
)
def test_what_is_missing_is_said_without_any_value(words: tuple[str, ...], message: str) -> None:
    done = command("create", "secret", words[0], "s", *words[1:], ports=MemoryPorts())
    assert done.code == 1
    assert message in done.err
    assert "hunter2" not in done.err


def test_a_name_that_no_object_can_refer_to_is_refused() -> None:
    ports = MemoryPorts()
    done = command("create", "secret", "generic", "Bad_Name", "--from-literal=a=hunter2", ports=ports)
    assert done.code == 1
    assert ports.secrets.data == {}
    assert "hunter2" not in done.err
    assert done.err.startswith('✗ Secret/flux-system/Bad_Name metadata.name: Invalid value: "Bad_Name": ')


def test_an_exported_secret_can_be_applied() -> None:
    ports = MemoryPorts()
    out = command("create", "secret", "git", "s", "--url=https://g", "-u=me", "-p=pw", "--export").out
    applied = command("apply", "-f", "-", ports=ports, stdin=out)
    assert applied.out == "secret/s created\n"
    assert ports.secrets.data[KEY] == {"username": b"me", "password": b"pw"}
    assert yaml.safe_load(out)["type"] == "Opaque"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("git", "--url=ssh://git@g/x", "--private-key-file={key}", "--known-hosts-file={hosts}"),
            "key' cannot be used: it is protected by a passphrase, and none was given",
        ),
        (
            ("git", "--url=ssh://git@g/x", "--private-key-file={key}", "--known-hosts-file={hosts}", "-p=hunter2"),
            "key' cannot be used: the passphrase does not open it",
        ),
        (
            ("git", "--url=ssh://git@g/x", "--private-key-file={garbage}", "--known-hosts-file={hosts}"),
            "garbage' cannot be used: it is not a private key in OpenSSH or PEM form",
        ),
        (
            ("git", "--url=ssh://git@g/x", "--private-key-file={open_key}", "--known-hosts-file={garbage}"),
            "garbage' cannot be used: knownhosts: line 1: expected hosts, a key type and a key",
        ),
        (
            ("git", "--url=ssh://git@g/x", "--private-key-file={open_key}", "--known-hosts-file={other_hosts}"),
            "other_hosts' cannot be used: it holds no key for g",
        ),
        (
            ("git", "--url=ssh://git@g:2222/x", "--private-key-file={open_key}", "--known-hosts-file={hosts}"),
            "hosts' cannot be used: it holds no key for [g]:2222",
        ),
        (
            ("git", "--url=ssh://git@g:org/x", "--private-key-file={open_key}", "--known-hosts-file={hosts}"),
            "--url 'ssh://git@g:org/x' has no valid port; write a path as ssh://git@host/org/repo",
        ),
        (("tls", "--ca-crt-file={garbage}"), "ca.crt is not a certificate in PEM form"),
        (("tls", "--tls-crt-file={garbage}", "--tls-key-file={crt_key}"), "tls.crt is not a certificate in PEM form"),
        (("tls", "--tls-crt-file={crt}", "--tls-key-file={garbage}"), "tls.key is not a private key in PEM form"),
        (
            ("tls", "--tls-crt-file={crt}", "--tls-key-file={other_key}"),
            "tls.key is not the key of the certificate in tls.crt",
        ),
    ],
)
def test_what_a_run_could_not_use_is_refused(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    names = {name: tmp_path / name for name in FILES}
    for name, path in names.items():
        path.write_bytes(FILES[name])
    ports = MemoryPorts()
    filled = [one.format(**names) for one in words]
    done = command("create", "secret", filled[0], "s", *filled[1:], ports=ports)
    assert done.code == 1
    assert message in done.err
    assert "hunter2" not in done.err
    assert ports.secrets.data == {}


def test_a_secret_is_created_configured_or_unchanged() -> None:
    ports = MemoryPorts()
    told = [
        command("create", "secret", "git", "s", "--url=https://g", "-u=me", f"-p={password}", ports=ports).err
        for password in ("one", "one", "two")
    ]
    assert [line.split()[3] for line in told] == ["created", "unchanged", "configured"]


def test_docker_hub_may_be_named_as_docker_writes_it() -> None:
    ports = MemoryPorts()
    command("create", "secret", "oci", "s", "--url=https://index.docker.io/v1/", "-u=me", "-p=pw", ports=ports)
    assert list(json.loads(ports.secrets.data[KEY][".dockerconfigjson"])["auths"]) == ["https://index.docker.io/v1/"]


# Types a value at a terminal when it is asked for, and prints all that the terminal shows.
TERMINAL = """
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.executable, [sys.executable, "-m", "tagstream.cli", *sys.argv[1:]])
shown = b""
while b"value: " not in shown:
    shown += os.read(terminal, 4096)
os.write(terminal, b"hunter2\\n")
try:
    while more := os.read(terminal, 4096):
        shown += more
except OSError:
    pass
os.waitpid(pid, 0)
print(shown.decode())
"""


def test_at_a_terminal_a_value_is_asked_for_and_not_shown_while_it_is_typed() -> None:
    words = ["create", "secret", "git", "s", "--url=https://g/x", "--username=bot", "--password=-", "--export"]
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL, *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("the secret value: ")
    assert base64.b64encode(b"hunter2").decode() in done.stdout
    assert "hunter2" not in done.stdout
