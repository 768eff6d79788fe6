"""Message templates in runs on a real repository: what is said once, what is refused, and whom it stops."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.update.automations import run_automations
from tests.contract.reconciling import APP, automated, message_of, reason, run, selection
from tests.embedded.git_server import git
from tests.embedded.single_writes import put_selection

OLD_TEMPLATE = "{{ range .Updated.Images }}{{ . }}{{ end }} {{ $.Changed.Changes | len }}"
KIND = "ImageUpdateAutomation"


def templated(ports: Ports, template: str, name: str = "app") -> None:
    """The automation, or another of its branch, with this template."""
    stored = ports.objects.get(KIND, APP)
    assert stored is not None
    document: Any = stored.document
    git_spec = document["spec"]["git"]
    commit = {**git_spec["commit"], "messageTemplate": template}
    spec = {**document["spec"], "git": {**git_spec, "commit": commit}}
    ports.objects.put({**document, "metadata": {"name": name, "namespace": "ns"}, "spec": spec})


def status(ports: Ports) -> Any:
    stored = ports.objects.get(KIND, APP)
    assert stored is not None
    return stored.status


def test_a_template_of_removed_fields_is_warned_of_once(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    automated(ports, url)
    templated(ports, OLD_TEMPLATE)
    begin = ports.clock.now() - timedelta(seconds=1)
    for before, tag in ((None, "v1.1.0"), ("v1.1.0", "v1.2.0")):
        put_selection(ports.selections, selection(tag), selection(before) if before else None)
        run(ports)
        assert git("log", "-1", "--format=%B", "main", folder=bare).strip() == f"app:{tag} 1"
        # Nothing is left to change: the template is not read, and what is known of it stays.
        run(ports)
        assert ["'.Updated'" in one for one in status(ports)["templateWarnings"]] == [True]
    told = [one for one in ports.ledger.read(begin, ports.clock.now()) if one.reason == "RemovedTemplateField"]
    assert ["'.Updated'" in one.message for one in told] == [True]


def test_a_template_that_was_mended_is_warned_of_no_longer(ports: Ports, repository: tuple[str, Path]) -> None:
    url, _ = repository
    automated(ports, url)
    templated(ports, OLD_TEMPLATE)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    templated(ports, "{{ .Changed.Changes | len }}")
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    run(ports)
    assert "templateWarnings" not in status(ports)


def test_a_template_that_fails_stops_its_own_automation_only(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    automated(ports, url)
    templated(ports, "from the other", name="other")
    templated(ports, "{{ .Values.a.b.c }}{{ .Nope }}")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run_automations([APP, NamespacedName("ns", "other")], "worker", ports.clock.monotonic_s() + 30.0, ports)
    assert git("log", "-1", "--format=%B", "main", folder=bare).strip() == "from the other"
    assert reason(ports, KIND) == "GitOperationFailed"
    assert message_of(ports, KIND) == (
        "failed to update source: failed to run template from spec: template: commit message:1:22: executing "
        '"commit message" at <.Nope>: can\'t evaluate field Nope in type source.TemplateData'
    )
