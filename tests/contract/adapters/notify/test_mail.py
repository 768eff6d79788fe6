"""Mail over a real SMTP server with TLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tagstream.adapters.notify.mail import SmtpMailer
from tagstream.domain.notify.destination import Mail
from tagstream.ports.connection import TlsMaterial
from tagstream.ports.notices import DeliveryFailed, Route
from tests.embedded.certificates import authority
from tests.embedded.loopback import free_port
from tests.embedded.smtp_server import PASSWORD, USER, MailServer, mail_server

ROUTE = Route(timeout_s=5.0, tls=TlsMaterial(ca_crt=authority().ca), secrets=(PASSWORD, USER))
MAIL = Mail(
    server="",
    sender="bot@example.com",
    recipients=("a@example.com", "b@example.com"),
    subject="imagepolicy/app.ns: selected",
    text="selected ü\n.\n",
    message_id="1@example.com",
    username=USER,
    password=PASSWORD,
)


@pytest.fixture(params=["smtps", "smtp"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[MailServer, Mail]]:
    """A server with TLS from the beginning or by STARTTLS, and a mail for it."""
    pair = authority().server
    for name, content in (("crt", pair.certificate), ("key", pair.key)):
        (tmp_path / name).write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    with mail_server(context, is_implicit=request.param == "smtps") as running:
        yield running, replace(MAIL, server=f"{request.param}://{running.address}")


@contextmanager
def dripping_server() -> Iterator[int]:
    """A server whose greeting goes on and on; over TLS it never gets so far."""
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        with suppress(OSError):
            made = listener.accept()[0]
            while not stop.wait(0.2):
                made.sendall(b"220-wait\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def failure(mail: Mail, route: Route = ROUTE) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        SmtpMailer().send(mail, route)
    assert PASSWORD not in str(caught.value)
    return caught.value


def test_a_mail_arrives_over_tls_after_a_login(server: tuple[MailServer, Mail]) -> None:
    running, mail = server
    SmtpMailer().send(mail, ROUTE)
    (found,) = running.mails
    assert running.recipients == ["a@example.com", "b@example.com"]
    assert running.logins == [(f"\0{USER}\0{PASSWORD}", True)]
    assert (found["From"], found["To"], found["Subject"]) == (mail.sender, "a@example.com, b@example.com", mail.subject)
    assert (found["Message-ID"], found["Auto-Submitted"]) == ("<1@example.com>", "auto-generated")
    assert found.get_content().replace("\r\n", "\n") == mail.text


def test_a_server_that_is_not_the_one_it_says_gets_no_login(server: tuple[MailServer, Mail]) -> None:
    running, mail = server
    error = failure(mail, replace(ROUTE, tls=None))
    assert "CERTIFICATE_VERIFY_FAILED" in error.message
    assert running.logins == []


def test_a_refusal_says_whether_a_later_try_may_help(server: tuple[MailServer, Mail]) -> None:
    running, mail = server
    running.refusals[:] = [b"450 later", b"550 never"]
    assert not failure(mail).is_final
    assert failure(mail).is_final
    assert failure(replace(mail, password="wrong-password")).is_final
    assert running.mails == []


def test_nobody_who_listens_is_a_failure_that_may_pass() -> None:
    assert not failure(replace(MAIL, server=f"smtps://127.0.0.1:{free_port()}")).is_final


def test_a_name_that_leads_to_this_machine_gets_no_mail(server: tuple[MailServer, Mail]) -> None:
    running, mail = server
    port = running.address.rpartition(":")[2]
    hidden = replace(mail, server=f"{mail.server.partition(':')[0]}://2130706433:{port}")
    assert "SSRF" in failure(hidden).message
    assert running.logins == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_that_drips_cannot_outlast_the_timeout(scheme: str) -> None:
    with dripping_server() as port:
        begun = time.monotonic()
        error = failure(replace(MAIL, server=f"{scheme}://127.0.0.1:{port}"), replace(ROUTE, timeout_s=1.0))
    assert time.monotonic() - begun < 5
    assert not error.is_final
