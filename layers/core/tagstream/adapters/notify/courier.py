"""Courier on the guarded HTTP session: one attempt, without redirects, and no error that shows an address.

A webhook's address is a secret, so its path and its query are never in a text; only its host is.

Source: notification-controller internal/notifier/client.go (202 and every other 2xx is success).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.http.fault_text import capped, without_secrets
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.retry import is_limit, requested_pause_s
from tagstream.adapters.http.session import Request, Sessions
from tagstream.domain.notify.destination import Call
from tagstream.errors import ImageAutomationError
from tagstream.ports.notices import DeliveryFailed, Route
from tagstream.ports.runtime import Clock

MAX_ANSWER = 65_536
MAX_TEXT = 300
# These say that a later try may succeed; every other 4xx says that none will.
REPEATED = frozenset({408, 409, 423, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCourier:
    """Sends over sessions that are shared by all Providers with the same certificates and proxy."""

    clock: Clock
    sessions: Sessions = field(default_factory=Sessions)

    def deliver(self, call: Call, route: Route) -> None:
        """Send one request.

        Raises:
            DeliveryFailed: any answer but a 2xx, or none.
        """
        host = urlsplit(call.url).netloc.rpartition("@")[2]
        request = Request(
            method=call.method,
            url=call.url,
            headers=call.headers,
            body=call.body,
            allowed=_allowed(call.url),
            secrets=route.secrets,
        )
        try:
            session = self.sessions.get(route.tls, route.proxy)
            with session.open(request, route.timeout_s) as (response, _):
                status = response.status
                answer = response.read(MAX_ANSWER, decode_content=True)
                is_throttled = is_limit(status, response.headers, answer.decode(errors="replace"))
                pause_s = requested_pause_s(429 if is_throttled else status, response.headers, self.clock.now())
        except ConnectionFault as fault:
            text = without_secrets(str(fault), route.secrets)
            raise DeliveryFailed(f"{call.method} to {host}: {capped(text, MAX_TEXT)}", is_final=False) from None
        except (HTTPError, OSError, ValueError) as error:
            raise DeliveryFailed(f"{call.method} to {host}: {type(error).__name__}", is_final=False) from None
        except ImageAutomationError as error:
            raise DeliveryFailed(f"{call.method} to {host}: {error.message}", is_final=False) from None
        if not 200 <= status < 300:
            is_final = 300 <= status < 500 and status not in REPEATED and not is_throttled
            words = f"{call.method} to {host}: status {status}{_words(answer, route.secrets)}"
            raise DeliveryFailed(words, is_final=is_final, retry_after_s=pause_s)
        if call.says_ok:
            _check_ok(answer, host)


def _allowed(url: str) -> Reach:
    """A name that looks public may be a private service's; loopback has to be written out."""
    host = (urlsplit(url).hostname or "").lower()
    is_written_out = host == "localhost" or host.startswith("127.") or host == "::1"
    return Reach.LOOPBACK if is_written_out else Reach.PRIVATE


def _words(answer: bytes, secrets: tuple[str, ...]) -> str:
    text = " ".join(without_secrets(answer.decode(errors="replace"), secrets).split())
    return f": {capped(text, MAX_TEXT)}" if text else ""


def _check_ok(answer: bytes, host: str) -> None:
    """chat.postMessage answers 200 to everything; ``ok`` and ``error`` say what became of it."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and found.get("ok") is True:
        return
    cause = str(found.get("error", ""))[:80] if isinstance(found, dict) else "an answer that is no JSON object"
    is_final = cause not in ("ratelimited", "fatal_error", "internal_error", "service_unavailable", "request_timeout")
    raise DeliveryFailed(f"POST to {host}: Slack responded with error: {cause}", is_final=is_final)
