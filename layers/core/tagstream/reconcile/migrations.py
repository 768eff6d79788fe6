"""Brings the table of an older version up to date, in one pass of the first tick of the new version.

Each step may be repeated, and a tick that dies in it begins anew: the table is marked when all is done. Functions of
the version before still run meanwhile, so a step must leave what they can read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tagstream.domain.objects.kinds import STORED
from tagstream.ports.bundle import Ports
from tagstream.ports.schema import SCHEMA


def migrate(ports: Ports) -> None:
    """Do what the table lacks; nothing for one that is up to date, or that a newer version has marked."""
    found = ports.schema.version()
    if found >= SCHEMA:
        return
    for step in STEPS[found:]:
        step(ports)
    ports.schema.raise_to(SCHEMA)
    ports.log.info("table migrated", schema=SCHEMA, before=found)


def _index_objects(ports: Ports) -> None:
    """Versions before schema 1 had other indexes, or wrote an object and its index apart."""
    for kind in STORED:
        ports.objects.reindex(ports.objects.list(kind))


def _index_labels(ports: Ports) -> None:
    """Schema 1 had no entries of labels. Those that a function of that version misses, the hourly look writes."""
    ports.objects.put_index_right(ports.objects.list("ImagePolicy"))


def _index_writers(ports: Ports) -> None:
    """Schema 2 had no entries of GitRepositories and automations."""
    for kind in ("GitRepository", "ImageUpdateAutomation"):
        ports.objects.put_index_right(ports.objects.list(kind))


STEPS: Sequence[Callable[[Ports], None]] = (_index_objects, _index_labels, _index_writers)
"""The step at index n brings a table from schema n to n + 1."""
