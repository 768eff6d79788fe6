"""What is told of a Kustomization's fields."""

from __future__ import annotations

from tagstream.domain.objects.kinds import parse_object
from tests.unit.object_documents import document


def test_a_service_account_of_a_kustomization_is_a_warning() -> None:
    spec = {
        "interval": "1m",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "serviceAccountName": "tenant",
    }
    parsed = parse_object(document("Kustomization", spec), "default")
    assert parsed.value is not None
    assert [(one.path, one.is_warning) for one in parsed.problems] == [("spec.serviceAccountName", True)]
