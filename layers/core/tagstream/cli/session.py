"""What every verb gets: its arguments, the console, and ports that are made when they are first asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TextIO

from tagstream.cli.console import Console
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports

DEFAULT_NAMESPACE = "flux-system"


@dataclass(slots=True, kw_only=True)
class Session:
    """One invocation."""

    args: argparse.Namespace
    console: Console
    stdin: TextIO
    connect: Callable[[str], Ports]
    base_url: Callable[[str], str]
    read_logs: Callable[[str, datetime, datetime], Sequence[Mapping[str, object]]]
    who: Callable[[], str]
    _ports: Ports | None = field(default=None, repr=False)

    @property
    def ports(self) -> Ports:
        """Ports of the stack named by ``--stack``."""
        if self._ports is None:
            self._ports = self.connect(self.args.stack)
        return self._ports

    def webhook_base(self) -> str:
        """The address of the stack's webhook function."""
        return self.base_url(self.args.stack)

    def log_lines(self, since: datetime, until: datetime) -> Sequence[Mapping[str, object]]:
        """What the stack's functions wrote in a period."""
        return self.read_logs(self.args.stack, since, until)

    def caller(self) -> str:
        """Who runs this invocation: an ARN, or the name of the user on this machine."""
        return self.who()

    @property
    def namespace(self) -> str:
        """``--namespace``, else Flux's default."""
        found: str = self.args.namespace or DEFAULT_NAMESPACE
        return found

    def key(self, name: str) -> NamespacedName:
        """An object's name in the namespace of this invocation."""
        return NamespacedName(self.namespace, name)
