"""Every parser of outside bytes. A house test sees to it that no module which reads them is missing."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz import events, git_servers, http_answers, objects, registries, selections, setters
from tests.fuzz.target import Target

TARGETS: Mapping[str, Target] = {
    one.name: one
    for part in (events, registries, http_answers, git_servers, objects, selections, setters)
    for one in part.TARGETS
}
