"""known_hosts of any bytes is read or refused; what is read agrees with ssh-keygen."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tagstream.adapters.git.host_certificate import HostKeyRefused
from tagstream.adapters.git.known_hosts import InvalidKnownHosts, Shown, parse_known_hosts
from tests.embedded.need import need

KEY = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00 " + bytes(32)
WORDS = st.sampled_from(
    ["@revoked", "@cert-authority", "|1|c2FsdA==|AAAA", "[h]:22", "h", "*,!h", "ssh-rsa", "ssh-ed25519", "#", "\n"]
)
TEXTS = st.lists(WORDS | st.just(base64.b64encode(KEY).decode()), max_size=20).map(" ".join)
# Where OpenSSH and golang.org/x/crypto agree: a pattern without a port is for port 22, one in brackets for another.
PLAIN = ["git.a.b", "*.a.b", "g?t.a.b", "!git.a.b", "!*.b", "*", "elsewhere"]
PORTED = ["[git.a.b]:2222", "[*]:2222", "[*.b]:2222", "![git.a.b]:2222", "[git.a.b]:22222", "elsewhere"]
QUESTIONS = st.one_of(
    st.tuples(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=3), st.just(22)),
    st.tuples(st.lists(st.sampled_from(PORTED), min_size=1, max_size=3), st.just(2222)),
)


@given(st.binary(max_size=300) | TEXTS.map(lambda text: text.encode("utf-8", "surrogateescape")))
def test_any_bytes_are_read_or_refused(source: bytes) -> None:
    try:
        known = parse_known_hosts(source)
    except InvalidKnownHosts:
        return
    known.algorithms("h", 22)
    try:
        known.check("h", 22, Shown(key=KEY))
    except HostKeyRefused:
        return


@settings(max_examples=60, deadline=None)
@given(QUESTIONS)
def test_a_host_is_found_where_ssh_keygen_finds_it(question: tuple[list[str], int]) -> None:
    hosts, port = ",".join(question[0]), question[1]
    source = f"{hosts} ssh-ed25519 {base64.b64encode(KEY).decode()}\n"
    name = "git.a.b" if port == 22 else f"[git.a.b]:{port}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "known"
        path.write_text(source)
        command = [need("ssh-keygen"), "-F", name, "-f", str(path)]
        theirs = subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0
    assert bool(parse_known_hosts(source.encode()).algorithms("git.a.b", port)) is theirs
