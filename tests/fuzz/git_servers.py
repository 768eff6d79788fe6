"""Parsers of what Git servers answer, and of the keys and certificates that they are told apart by."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dulwich.errors import ChecksumMismatch, GitProtocolError, NotGitRepository, ObjectFormatException

from tagstream.adapters.git.host_certificate import HostKeyRefused, read_certificate
from tagstream.adapters.git.known_hosts import InvalidKnownHosts, Shown, parse_known_hosts
from tagstream.adapters.git.private_key import UnusableKey, read_private_key
from tagstream.adapters.git.remote import GitRepositorySession
from tagstream.adapters.git.replies import BrokenReply, MissingObjects, ServerRefused
from tagstream.adapters.http.tls import tls_context
from tagstream.adapters.material import CryptographyChecks
from tagstream.domain.objects.git_url import suggestion, url_problem, without_password
from tagstream.domain.objects.model import CommitId, GitRef
from tagstream.domain.objects.ref_name import is_ref_name
from tagstream.domain.update.destination import repository_name
from tagstream.domain.update.reference import InvalidReference, ReferenceNotFound, resolve_reference
from tagstream.errors import AuthenticationError, RetryableError, StalledError
from tagstream.ports.connection import TlsMaterial
from tagstream.ports.git import GitAccess, PushConflict, RefUpdate
from tagstream.ports.material import InvalidMaterial
from tests.embedded.certificates import authority
from tests.fuzz.target import Shape, Target, text
from tests.property.test_git_replies import (
    ADVERTISED,
    FETCHED,
    GREETING,
    HEAD,
    PACK,
    REFS,
    REPORT,
    URL,
    Answers,
    packet,
)
from tests.property.test_host_certificates import CERTIFICATES

GIT = "tagstream.adapters.git."
REFUSED = (
    *(BrokenReply, ServerRefused, MissingObjects, PushConflict, RetryableError, StalledError, AuthenticationError),
    *(InvalidReference, ReferenceNotFound, ChecksumMismatch, GitProtocolError, NotGitRepository, ObjectFormatException),
)
KEY = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00 " + bytes(32)
LINE = b"ssh-ed25519 " + base64.b64encode(KEY)
CERTIFICATE = b"ssh-ed25519-cert-v01@openssh.com"


def _session(*answers: bytes) -> GitRepositorySession:
    return GitRepositorySession(Answers(*answers), GitAccess(url=URL))


def _greeting(data: bytes) -> None:
    _session(data, REFS, FETCHED).resolve(GitRef(branch="main"))


def _refs(data: bytes) -> None:
    for ref in (GitRef(branch="main"), GitRef(tag="v1"), GitRef(semver=">=1"), GitRef(name="refs/heads/main")):
        try:
            _session(GREETING, data, FETCHED).resolve(ref)
        except REFUSED:
            continue


def _pack(data: bytes) -> None:
    """The pack of a fetch; whatever of it is read must be what its names say."""
    session = _session(GREETING, REFS, packet(b"packfile\n") + packet(b"\x01" + data[:60_000]) + b"0000")
    head = session.resolve(GitRef(branch="main")).commit
    session.read([one.blob for one in session.files(head, "")])


def _fetched(data: bytes) -> None:
    session = _session(GREETING, REFS, data)
    session.files(session.resolve(GitRef(branch="main")).commit, "")


def _report(data: bytes) -> None:
    session = _session(GREETING, REFS, ADVERTISED, data)
    head = session.resolve(GitRef(branch="main")).commit
    session.push([RefUpdate(ref=b"refs/heads/main", old=head, new=head)], {})


def _resolved(data: bytes) -> None:
    wanted, _, listed = data.partition(b"\n")
    refs = {one: CommitId("ab" * 20) for one in listed.split(b"\n")}
    for ref in (GitRef(semver=text(wanted)), GitRef(name=text(wanted)), GitRef(tag=text(wanted))):
        try:
            resolve_reference(ref, refs)
        except (InvalidReference, ReferenceNotFound):
            continue
    is_ref_name(text(wanted))


def _known_hosts(data: bytes) -> None:
    known = parse_known_hosts(data)
    known.algorithms("h", 22)
    known.check("h", 22, Shown(key=KEY))


def _pem(data: bytes) -> None:
    tls_context(TlsMaterial(ca_crt=data, tls_crt=data, tls_key=data))


def _checked(data: bytes) -> None:
    checks = CryptographyChecks()
    every: tuple[Callable[[], None], ...] = (
        lambda: checks.private_key(data, b"pass"),
        lambda: checks.known_hosts(data, "h", 22),
        lambda: checks.certificates(data, data, data),
    )
    for check in every:
        try:
            check()
        except InvalidMaterial:
            continue


def _url(data: bytes) -> None:
    url = text(data)
    url_problem(url)
    suggestion(url)
    without_password(url)
    repository_name(url)


def _private_keys() -> Iterator[bytes]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    for form in (PrivateFormat.OpenSSH, PrivateFormat.PKCS8):
        yield key.private_bytes(Encoding.PEM, form, NoEncryption())


def _certificates() -> Iterator[bytes]:
    issued = authority().client
    yield issued.certificate + issued.key


PEM_WORDS = (
    *(b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n", b"-----BEGIN OPENSSH PRIVATE KEY-----\n"),
    *(b"-----END OPENSSH PRIVATE KEY-----\n", b"-----BEGIN PRIVATE KEY-----\n", b"b3BlbnNzaC1rZXktdjEA", b"MII"),
    *(b"-----END PRIVATE KEY-----\n", b"-----BEGIN RSA PRIVATE KEY-----\n", b"-----END RSA PRIVATE KEY-----\n"),
)
PACKETS = (b"0000", b"0001", b"0002", b"0004", b"0005", b"ffff", b"\x01", b"\x02", b"\x03", b"\0", b" ", b"\n")

TARGETS = (
    Target(
        name="git-greeting",
        parse=_greeting,
        modules=(f"{GIT}clients", f"{GIT}bounded_answer", f"{GIT}replies", f"{GIT}server"),
        allowed=REFUSED,
        seeds=lambda: [
            GREETING,
            packet(HEAD + b" refs/heads/main\0side-band-64k symref=HEAD:refs/heads/main\n") + b"0000",
        ],
        words=(*PACKETS, b"000eversion 2\n", b"fetch=", b"ls-refs", b"object-format=sha256", HEAD, b"symref=HEAD:"),
        shapes=(Shape(packet(b"ls-refs\n")), Shape(packet(HEAD + b" refs/heads/a\n")), Shape(b" a", b"fff0a=")),
    ),
    Target(
        name="git-refs",
        parse=_refs,
        modules=(f"{GIT}server", f"{GIT}remote"),
        allowed=REFUSED,
        seeds=lambda: [
            REFS,
            packet(HEAD + b" refs/tags/v1\n") + packet(HEAD + b" refs/tags/v1^{} peeled:x\n") + b"0000",
        ],
        words=(*PACKETS, HEAD, b" refs/heads/main", b" refs/tags/v1", b" symref-target:", b" peeled:", b" HEAD"),
        shapes=(Shape(packet(HEAD + b" refs/tags/v1.0\n"), b"", b"0000"), Shape(b"0005a", b"", b"0000")),
    ),
    Target(
        name="git-pack",
        parse=_pack,
        modules=(f"{GIT}bounded_pack", f"{GIT}objects"),
        allowed=REFUSED,
        seeds=lambda: [PACK],
        words=(b"PACK", b"\0\0\0\2", b"\0\0\0\1", b"x\x9c", b"100644 a\0", b"40000 a\0", b"tree ", b"parent "),
        shapes=(Shape(b"\xff", PACK[:12]), Shape(PACK[12:-20], PACK[:12])),
    ),
    Target(
        name="git-fetch",
        parse=_fetched,
        modules=(f"{GIT}clients", f"{GIT}server"),
        allowed=REFUSED,
        seeds=lambda: [FETCHED],
        words=(*PACKETS, b"packfile\n", b"acknowledgments\n", b"shallow-info\n", b"NAK\n", b"ERR no"),
        shapes=(Shape(b"0005\x01", packet(b"packfile\n")), Shape(b"0006\x02a", packet(b"packfile\n")), Shape(b"0004")),
    ),
    Target(
        name="git-push-report",
        parse=_report,
        modules=(f"{GIT}clients", f"{GIT}replies"),
        allowed=REFUSED,
        seeds=lambda: [REPORT],
        words=(*PACKETS, b"unpack ok\n", b"ok refs/heads/main\n", b"ng refs/heads/main ", b"option ", b"rejected"),
        shapes=(Shape(packet(b"\x02progress\n")), Shape(packet(b"\x01" + packet(b"ok refs/heads/a\n")))),
    ),
    Target(
        name="git-reference",
        parse=_resolved,
        modules=("tagstream.domain.update.reference", "tagstream.domain.objects.ref_name"),
        seeds=lambda: [b">=1.0\nrefs/tags/v1.0\nrefs/tags/1.2-rc\nHEAD", b"refs/heads/main\nrefs/heads/main"],
        words=(b"refs/tags/", b"refs/heads/", b"^{}", b"\n", b"..", b"@{", b".lock"),
        shapes=(Shape(b"refs/tags/v1.0.1\n", b">=1\n"), Shape(b"/"), Shape(b".", b"refs/heads/")),
    ),
    Target(
        name="git-url",
        parse=_url,
        modules=("tagstream.domain.objects.git_url",),
        seeds=lambda: [b"https://host/a/b.git", b"ssh://git@host:22/a", b"git@host:a/b", b"https://u:p@host/"],
        words=(b"https://", b"ssh://", b"git@", b":", b"/", b".git", b"[", b"]", b"@", b"%"),
        shapes=(Shape(b"/"), Shape(b"@", b"https://"), Shape(b":", b"git@"), Shape(b"a/", b"https://h/")),
    ),
    Target(
        name="known-hosts",
        parse=_known_hosts,
        modules=(f"{GIT}known_hosts",),
        allowed=(InvalidKnownHosts, HostKeyRefused),
        seeds=lambda: [
            b"h " + LINE,
            b"@cert-authority *.h " + LINE,
            b"|1|c2FsdA==|AAAA " + LINE,
            b"[h]:22,*,!x " + LINE,
        ],
        words=(b"@revoked ", b"@cert-authority ", b"|1|", LINE, b"\n", b"*", b"?", b"!", b",", b"[h]:22", b"#"),
        shapes=(
            Shape(b"h " + LINE + b"\n"),
            Shape(b"*", b"", b"x " + LINE),
            Shape(b"h,", b"", b"h " + LINE),
            Shape(b"\n"),
        ),
    ),
    Target(
        name="host-certificate",
        parse=read_certificate,
        modules=(f"{GIT}host_certificate",),
        allowed=(HostKeyRefused,),
        seeds=lambda: [*CERTIFICATES, KEY],
        words=(b"\0\0\0\x20", CERTIFICATE, b"ssh-rsa-cert-v01@openssh.com", b"ssh-ed25519", b"\xff\xff\xff\xff"),
        shapes=(Shape(b"\0\0\0\x01a", b"\0\0\0\x20" + CERTIFICATE), Shape(b"\0")),
    ),
    Target(
        name="private-key",
        parse=lambda data: read_private_key(data, b"passphrase"),
        modules=(f"{GIT}private_key",),
        allowed=(UnusableKey,),
        seeds=_private_keys,
        words=PEM_WORDS,
        shapes=(Shape(b"-----BEGIN PRIVATE KEY-----\n"), Shape(b"AAAA", b"-----BEGIN OPENSSH PRIVATE KEY-----\n")),
    ),
    Target(
        name="tls-material",
        parse=_pem,
        modules=("tagstream.adapters.http.tls",),
        allowed=(AuthenticationError,),
        seeds=_certificates,
        words=PEM_WORDS,
        shapes=(
            Shape(b"-----BEGIN CERTIFICATE-----\n"),
            Shape(b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"),
        ),
    ),
    Target(
        name="secret-material",
        parse=_checked,
        modules=("tagstream.adapters.material",),
        seeds=lambda: [*_certificates(), *_private_keys(), b"h " + LINE],
        words=(*PEM_WORDS, LINE),
        shapes=(Shape(b"-----BEGIN "),),
    ),
)
