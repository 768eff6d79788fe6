"""Opens a page that shows what runs where: ``tagstream dashboard``. It only reads."""

from __future__ import annotations

import errno
import threading
import webbrowser
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus

from tagstream.cli.console import CommandFailed
from tagstream.cli.dashboard_site import Site
from tagstream.cli.loopback_server import HOST, LoopbackServer
from tagstream.cli.session import Session
from tagstream.dashboard.render import content_policy, overview_address


def dashboard(session: Session) -> int:
    """Run ``dashboard [-A] [--port N] [--no-browser]`` until it is interrupted, or ``dashboard -o html``.

    Raises:
        CommandFailed: there is no such stack, or the port is taken.
    """
    args = session.args
    # A stack that is not there is told here, before a browser opens.
    session.ports.clock.now()
    site = Site(
        stack=args.stack,
        ports=lambda: session.ports,
        alarms=lambda: session.operations.alarms(),
        period=timedelta(seconds=args.since),
        on_error=lambda error: session.console.failure(f"the page cannot be made: {type(error).__name__}"),
    )
    path = overview_address(None if args.all_namespaces else session.namespace)
    if args.output == "html":
        page = site.answer(path)
        session.console.line(page.html.decode().rstrip("\n"))
        return int(page.status != HTTPStatus.OK)
    with _listening(args.port, site) as server, suppress(KeyboardInterrupt):
        _serve(session, server, path)
    return 0


def _serve(session: Session, server: LoopbackServer, path: str) -> None:
    """Print the address, open it, and answer requests until ^C."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://{HOST}:{server.server_port}{path}"
        session.console.success(f"the dashboard of stack '{session.args.stack}' is at {url}")
        session.console.action("^C ends it")
        if not session.args.no_browser and not webbrowser.open(url):
            session.console.warning("no browser can be opened here: open the address yourself")
        thread.join()
    finally:
        server.shutdown()


def _listening(port: int, site: Site) -> LoopbackServer:
    try:
        return LoopbackServer(port, site.answer, content_policy())
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} is taken: another program, or another dashboard, listens there"
            raise CommandFailed(f"{why}; --port 0 takes one that is free") from error
        raise CommandFailed(f"cannot listen on port {port} of {HOST}: {error.strerror}") from error
    except OverflowError as error:
        raise CommandFailed(f"--port {port}: expected 0 to 65535") from error
