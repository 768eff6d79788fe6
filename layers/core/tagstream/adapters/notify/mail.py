"""Sends mail over SMTP: with TLS from the beginning or by STARTTLS, to a host whose address is checked first.

A login is never sent over a connection that is not encrypted.

Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (smtps on port 465).
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import urlsplit

from tagstream.adapters.http.address_guard import Reach, check_address
from tagstream.adapters.http.fault_text import capped, without_secrets
from tagstream.adapters.http.tls import tls_context
from tagstream.domain.notify.destination import Mail
from tagstream.errors import ImageAutomationError
from tagstream.ports.notices import DeliveryFailed, Route

SMTPS_PORT, SUBMISSION_PORT = 465, 587
MAX_TEXT = 300
LOOPBACK = ("localhost", "::1")


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
    """Looks where a connection leads before it sends anything."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connect: Callable[[str, int, float], socket.socket] = super()._get_socket  # type: ignore[misc]
        made = connect(host, port, timeout)
        is_written_out = host in LOOPBACK or host.startswith("127.")
        try:
            check_address(host, made.getpeername()[0], Reach.LOOPBACK if is_written_out else Reach.PRIVATE)
        except OSError:
            made.close()
            raise
        return made


class _GuardedSmtps(smtplib.SMTP_SSL, _GuardedSmtp):
    """The same; its class order lets the check happen before TLS begins."""


def _message(mail: Mail) -> EmailMessage:
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = mail.subject
    message["Message-ID"] = f"<{mail.message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
