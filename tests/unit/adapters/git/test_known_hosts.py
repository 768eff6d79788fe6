"""Which host keys are known for which host, as golang.org/x/crypto and OpenSSH decide."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from tagstream.adapters.git.host_certificate import HostKeyRefused
from tagstream.adapters.git.known_hosts import MAX_BYTES, InvalidKnownHosts, Shown, parse_known_hosts


def wire(kind: str, body: bytes = b"key") -> bytes:
    return len(kind).to_bytes(4, "big") + kind.encode() + body


def line(hosts: str, kind: str = "ssh-ed25519", body: bytes = b"key", marker: str = "") -> bytes:
    text = base64.b64encode(wire(kind, body)).decode()
    return f"{marker + ' ' if marker else ''}{hosts} {kind} {text} a comment\n".encode()


def hashed(name: str) -> str:
    digest = hmac.new(b"salt", name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(b'salt').decode()}|{base64.b64encode(digest).decode()}"


def verdict(source: bytes, host: str = "git.example.com", port: int = 22, key: bytes | None = None) -> str:
    try:
        parse_known_hosts(source).check(host, port, Shown(key=key or wire("ssh-ed25519")))
    except HostKeyRefused as error:
        return str(error).removeprefix("knownhosts: ")
    return "known"


@pytest.mark.parametrize(
    ("hosts", "host", "port", "expected"),
    [
        ("git.example.com", "git.example.com", 22, "known"),
        ("git.example.com", "GIT.example.com", 22, "known"),
        ("git.example.com", "git.example.com", 2222, "key is unknown"),
        ("[git.example.com]:2222", "git.example.com", 2222, "known"),
        ("[git.example.com]:2222", "git.example.com", 22, "key is unknown"),
        ("[*.example.com]:2222", "git.example.com", 2222, "known"),
        ("*.example.com", "git.example.com", 22, "known"),
        ("*.example.com", "example.com", 22, "key is unknown"),
        ("gi?.example.com", "git.example.com", 22, "known"),
        ("*.example.com,!git.example.com", "git.example.com", 22, "key is unknown"),
        ("!git.example.com,*.example.com", "hub.example.com", 22, "known"),
        ("!git.example.com", "hub.example.com", 22, "key is unknown"),
        ("other.example.com,git.example.com", "git.example.com", 22, "known"),
        ("g[i]t.example.com", "git.example.com", 22, "key is unknown"),
        (hashed("git.example.com"), "git.example.com", 22, "known"),
        (hashed("git.example.com"), "git.example.com", 2222, "key is unknown"),
        (hashed("[git.example.com]:2222"), "git.example.com", 2222, "known"),
        ("192.0.2.1", "192.0.2.1", 22, "known"),
        ("[2001:db8::1]:2222", "2001:db8::1", 2222, "known"),
    ],
)
def test_a_line_is_for_the_hosts_it_names(hosts: str, host: str, port: int, expected: str) -> None:
    assert verdict(line(hosts), host, port) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (line("git.example.com", body=b"other"), "key mismatch"),
        (line("git.example.com", body=b"other") + line("git.example.com"), "known"),
        (line("git.example.com") + line("*", marker="@revoked"), "key is revoked"),
        (line("elsewhere", marker="@revoked") + line("git.example.com"), "key is revoked"),
        (line("git.example.com", body=b"other", marker="@revoked"), "key is unknown"),
        (
            line("*.example.com", marker="@cert-authority"),
            "key is unknown: the server shows no certificate of a @cert-authority",
        ),
        (b"\n# nothing\n", "key is unknown"),
    ],
)
def test_a_key_is_known_or_refused_with_its_reason(source: bytes, expected: str) -> None:
    assert verdict(source) == expected


def test_only_algorithms_of_known_keys_are_offered_and_rsa_with_its_newer_signatures() -> None:
    known = parse_known_hosts(
        line("git.example.com", "ssh-rsa") + line("git.example.com", "ssh-ed25519") + line("x", "ecdsa-sha2-nistp256")
    )
    assert known.algorithms("git.example.com", 22) == ("rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519")
    assert known.algorithms("nowhere", 22) == ()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"# fine\nhost ssh-ed25519\n", "knownhosts: line 2: expected hosts, a key type and a key"),
        (b"host ssh-ed25519 !!!\n", "knownhosts: line 1: the key is not base64"),
        (b"host ssh-rsa " + line("h").split()[2], "knownhosts: line 1: the key is not of the type in front of it"),
        (b"@ca host ssh-rsa AAAA", "knownhosts: line 1: unknown marker"),
        (line("|1|x"), "knownhosts: line 1: not a hashed host name"),
        (b"#" * (MAX_BYTES + 1), f"knownhosts: more than {MAX_BYTES} bytes"),
    ],
)
def test_a_line_that_is_none_is_refused_by_its_number(source: bytes, message: str) -> None:
    with pytest.raises(InvalidKnownHosts) as caught:
        parse_known_hosts(source)
    assert str(caught.value) == message
