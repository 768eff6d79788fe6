"""What every verb is given: its arguments, the console, and the stack's ports, which are made on first use."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from tagstream.cli.console import CommandFailed, Console
from tagstream.cli.kinds import NAMESPACE, Target
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.schema import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime

    from tagstream.ports.bundle import Ports
    from tagstream.ports.operations import Operations


@dataclass(slots=True, kw_only=True)
class Session:
    """One run of the command line."""

    args: argparse.Namespace
    console: Console
    stdin: TextIO
    connect: Callable[[str], Ports]
    base_url: Callable[[str], str]
    read_logs: Callable[[str, datetime, datetime], Sequence[Mapping[str, object]]]
    who: Callable[[], str]
    operate: Callable[[str], Operations]
    _ports: Ports | None = field(default=None, repr=False)
    _schema: int | None = field(default=None, repr=False)
    _operations: Operations | None = field(default=None, repr=False)

    @property
    def ports(self) -> Ports:
        """The ports of the stack that ``--stack`` names.

        Raises:
            CommandFailed: a newer version of tagstream has changed the table, and this one might break it.
        """
        found, schema = self._connected(), self.table_schema()
        if schema > SCHEMA:
            raise CommandFailed(
                f"the table of stack '{self.args.stack}' has schema {schema}, and this tagstream knows {SCHEMA}:"
                " update the command line to the version of the stack"
            )
        return found

    def table_schema(self) -> int:
        """The schema of the stack's table, also of one that is too new for this program."""
        if self._schema is None:
            self._schema = self._connected().schema.version()
        return self._schema

    def _connected(self) -> Ports:
        if self._ports is None:
            self._ports = self.connect(self.args.stack)
        return self._ports

    @property
    def operations(self) -> Operations:
        """What AWS knows of the stack that ``--stack`` names."""
        if self._operations is None:
            self._operations = self.operate(self.args.stack)
        return self._operations

    @property
    def is_brief(self) -> bool:
        """Whether tables are fitted to a terminal: there is one, and ``-o wide`` is not given."""
        return self.console.width > 0 and getattr(self.args, "output", None) != "wide"

    def webhook_base(self) -> str:
        """Look up the URL of the stack's webhook function."""
        return self.base_url(self.args.stack)

    def log_lines(self, since: datetime, until: datetime) -> Sequence[Mapping[str, object]]:
        """Read the log lines that the stack's functions wrote in a period."""
        return self.read_logs(self.args.stack, since, until)

    def caller(self) -> str:
        """Say who runs the command: an ARN, or the name of the user on this machine."""
        return self.who()

    @property
    def namespace(self) -> str:
        """The namespace that ``--namespace`` or ``TAGSTREAM_NAMESPACE`` gives, or Flux's default."""
        found: str = self.args.namespace or self.args.usual_namespace
        return found

    def key_of(self, target: Target, name: str) -> NamespacedName:
        """Return the key of an object of a kind; a Namespace is in no namespace but its own."""
        return NamespacedName(name, name) if target == NAMESPACE else self.key(name)

    def key(self, name: str) -> NamespacedName:
        """Return the key of an object in the command's namespace."""
        return NamespacedName(self.namespace, name)
