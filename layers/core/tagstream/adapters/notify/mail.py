"""Sends mail over SMTP: with TLS from the beginning or by STARTTLS, to a host whose address is checked first.

A login is never sent over a connection that is not encrypted.

Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (smtps on port 465).
"""

from __future__ import annotations

import smtplib
import socket
import time
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from tagstream.adapters.http.address_guard import Reach, check_address
from tagstream.adapters.http.fault_text import capped, without_secrets
from tagstream.adapters.http.timed_socket import TimedSocket
from tagstream.adapters.http.tls import tls_context
from tagstream.domain.notify.destination import Mail
from tagstream.errors import ImageAutomationError
from tagstream.ports.notices import DeliveryFailed, Route

SMTPS_PORT, SUBMISSION_PORT = 465, 587
MAX_TEXT = 300
LOOPBACK = ("localhost", "::1")
PIECE = 16_384
"""Bytes that are sent before the time is looked at again."""


class SmtpMailer:
    """Mailer on smtplib; a connection for each mail."""

    def send(self, mail: Mail, route: Route) -> None:
        """Send one mail.

        Raises:
            DeliveryFailed: the server does not take it, or there is none.
        """
        parts = urlsplit(mail.server)
        host = parts.hostname or ""
        try:
            with _connected(host, parts.scheme, parts.port, route) as server:
                if mail.username:
                    server.login(mail.username, mail.password)
                server.send_message(_message(mail), mail.sender, list(mail.recipients))
        except smtplib.SMTPNotSupportedError as error:
            raise DeliveryFailed(f"{host}: the server has no STARTTLS, or no login", is_final=True) from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            is_final = all(code >= 500 for code in codes)
            raise DeliveryFailed(f"{host}: recipients refused: {codes}", is_final=is_final) from error
        except smtplib.SMTPResponseException as error:
            answer = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
            words = without_secrets(answer.decode(errors="replace"), route.secrets)
            text = f"{host}: {error.smtp_code} {capped(words, MAX_TEXT)}"
            raise DeliveryFailed(text, is_final=error.smtp_code >= 500) from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            text = capped(without_secrets(str(error), route.secrets), MAX_TEXT)
            raise DeliveryFailed(f"{host}: {type(error).__name__}: {text}", is_final=False) from error
        except ImageAutomationError as error:
            raise DeliveryFailed(f"{host}: {error.message}", is_final=False) from error


def _connected(host: str, scheme: str, port: int | None, route: Route) -> smtplib.SMTP:
    context = tls_context(route.tls)
    if scheme == "smtps":
        return _GuardedSmtps(host, port or SMTPS_PORT, timeout=route.timeout_s, context=context)
    server = _GuardedSmtp(host, port or SUBMISSION_PORT, timeout=route.timeout_s)
    try:
        server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


class _GuardedSmtp(smtplib.SMTP):
    """Looks where a connection leads before it sends anything, and gives the whole talk the time of ``timeout``.

    smtplib's own time-out begins anew with every read, so that a server which sends a line now and then has no end.
    """

    def __init__(self, host: str, port: int, *, timeout: float, **options: Any) -> None:
        self._until = time.monotonic() + timeout
        super().__init__(host, port, timeout=timeout, **options)

    def getreply(self) -> tuple[int, bytes]:
        """As ``smtplib.SMTP.getreply``, within what is left of the time."""
        if self.sock is not None and self.file is None:
            timed = TimedSocket(self.sock)
            timed.settimeout(self._left_s())
            self.file = timed.makefile()
        reply = super().getreply()
        self._limit_next_wait()
        return reply

    def send(self, s: Any) -> None:
        """As ``smtplib.SMTP.send``, within what is left of the time."""
        data = s.encode(self.command_encoding) if isinstance(s, str) else s
        for at in range(0, len(data), PIECE):
            self._limit_next_wait()
            super().send(data[at : at + PIECE])

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        is_written_out = host in LOOPBACK or host.startswith("127.")
        failure: OSError = OSError(f"{host} has no address")
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                check_address(host, str(address[0]), Reach.LOOPBACK if is_written_out else Reach.PRIVATE)
                return socket.create_connection((str(address[0]), port), self._left_s())
            except OSError as error:
                failure = error
        raise failure

    def _limit_next_wait(self) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._left_s())

    def _left_s(self) -> float:
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise smtplib.SMTPServerDisconnected("timed out")
        return left_s


class _GuardedSmtps(_GuardedSmtp, smtplib.SMTP_SSL):
    """The same, with TLS as soon as the connection is made."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        try:
            plain.settimeout(self._left_s())
            return self.context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise


def _message(mail: Mail) -> EmailMessage:
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = mail.subject
    message["Message-ID"] = f"<{mail.message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
