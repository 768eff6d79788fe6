"""The dashboard on a real table: it only reads, and how often does not depend on how many objects there are."""

from __future__ import annotations

from collections import Counter

from tagstream.dashboard.drill_down import read_policy_page
from tagstream.dashboard.overview import read_overview
from tagstream.domain.objects.model import ImageRef, NamespacedName, Revision
from tagstream.ports.bundle import Ports
from tagstream.ports.selections import Selection
from tagstream.ports.tags import TagRecord, TagState
from tests.contract.mortal_ports import Life
from tests.contract.reconciling import NOW, document
from tests.embedded.single_writes import put_selection

READS = frozenset(
    {
        *("objects.get", "objects.get_many", "objects.list", "objects.documents_of", "agenda.read", "freezes.read"),
        *("selections.get", "selections.list", "selections.waiting", "tags.tags", "ledger.read"),
        "deliveries.last_deliveries",
    }
)


def fleet(ports: Ports, numbers: range) -> None:
    """Repositories, each with a policy that has selected a tag."""
    for number in numbers:
        named = {"metadata": {"name": f"app-{number}", "namespace": "ns"}}
        key = NamespacedName("ns", f"app-{number}")
        reference = {"name": f"app-{number}"}
        ports.objects.put(document("ImageRepository", image=f"ghcr.io/a/app-{number}", interval="1m") | named)
        ports.objects.put(
            document("ImagePolicy", imageRepositoryRef=reference, policy={"semver": {"range": "1.x"}}) | named
        )
        state = TagState(
            revision=Revision("sha256:0"),
            tag_count=2,
            latest_tags=(),
            scanned_at=NOW,
            canonical_image=f"ghcr.io/a/app-{number}",
            exclusion_list=(),
        )
        tags = [TagRecord(tag=tag, first_seen_at=NOW) for tag in ("1.1.0", "1.0.0")]
        ports.tags.put(key, state, tags, None)
        selection = Selection(
            policy=key,
            ref=ImageRef(name=f"ghcr.io/a/app-{number}", tag="1.1.0"),
            previous=None,
            tags_revision=Revision("sha256:0"),
            policy_generation=1,
            selected_at=NOW,
            cause="schedule",
        )
        assert put_selection(ports.selections, selection, None)


def test_the_first_page_is_as_many_reads_for_thirty_objects_as_for_two(ports: Ports) -> None:
    counts = []
    for numbers in (range(1), range(1, 15)):
        fleet(ports, numbers)
        life = Life()
        view = read_overview("prod", None, life.ports(ports))
        assert [one.tag for one in view.policies] == ["1.1.0"] * len(view.policies)
        assert set(life.calls) <= READS
        counts.append(Counter(life.calls))
    assert counts[0] == counts[1]


def test_the_page_of_a_policy_reads_its_tags_once(ports: Ports) -> None:
    fleet(ports, range(1))
    life = Life()
    page = read_policy_page("prod", NamespacedName("ns", "app-0"), life.ports(ports))
    assert page is not None
    assert [(one.tag, one.verdict, one.seen_at) for one in page.tags] == [
        ("1.1.0", "selected", NOW),
        ("1.0.0", "candidate", NOW),
    ]
    assert set(life.calls) <= READS
    assert life.calls.count("tags.tags") == 1
