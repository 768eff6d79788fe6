"""What is kept of a repository: trees as they were, and objects to push, whole or as what changed."""

from __future__ import annotations

import pytest
from dulwich.object_store import MemoryObjectStore, commit_tree_changes
from dulwich.objects import Blob, ObjectID, ShaFile, Tree

from tagstream.adapters.git.objects import ObjectStore, StrictTree, WarmObjects
from tagstream.adapters.git.replies import BrokenReply, MissingObjects

BEFORE = b"".join(b"line %d\n" % number for number in range(500))
AFTER = BEFORE.replace(b"line 77\n", b"line 78\n")
ID = bytes(20)
NAMED_TWICE = b"100644 a\0" + ID + b"100644 a\0" + bytes(19) + b"\1"


def stored(store: ObjectStore, path: bytes, content: bytes) -> bytes:
    """A tree with one file; its id."""
    blob, tree = Blob.from_string(content), Tree()
    tree[path] = (0o100644, blob.id)
    store.add_object(blob)
    store.add_object(tree)
    return tree.id


def test_an_edited_file_is_sent_as_a_delta_where_that_is_shorter() -> None:
    store = ObjectStore()
    store.edited(stored(store, b"a", BEFORE), {b"a": AFTER})
    changed = next(one for one in store.to_send(thin=True) if one.delta_base is not None)
    assert changed.delta_base == Blob.from_string(BEFORE).sha().digest()
    assert sum(map(len, changed.decomp_chunks)) < 100


def test_a_server_that_takes_no_thin_packs_gets_whole_objects() -> None:
    store = ObjectStore()
    store.edited(stored(store, b"a", BEFORE), {b"a": AFTER})
    assert [one.delta_base for one in store.to_send(thin=False)] == [None] * 4


def test_a_known_object_is_not_made_again() -> None:
    store = ObjectStore()
    store.add_object(Blob.from_string(b"x"))
    store.add_object(Blob.from_string(b"x"))
    assert len(store.to_send(thin=True)) == 1


def test_what_the_server_has_got_is_not_sent_again() -> None:
    store = ObjectStore()
    root = stored(store, b"a", BEFORE)
    store.pushed(removes=False)
    store.edited(root, {b"a": AFTER})
    assert {one.obj_type_num for one in store.to_send(thin=False)} == {Blob.type_num, Tree.type_num}
    assert len(store.to_send(thin=True)) == 2


def test_what_a_removed_branch_may_have_led_to_is_sent_again() -> None:
    store = ObjectStore()
    stored(store, b"a", BEFORE)
    store.pushed(removes=True)
    assert len(store.to_send(thin=True)) == 2


def test_an_edit_of_a_file_that_is_not_there_changes_nothing() -> None:
    store = ObjectStore()
    root = stored(store, b"a", BEFORE)
    assert store.edited(root, {b"b": AFTER, b"a/c": AFTER}) == root


def test_a_tree_that_names_a_file_twice_is_refused_where_dulwich_loses_one() -> None:
    stock = MemoryObjectStore()
    stock.add_object(Tree.from_string(NAMED_TWICE))
    (root,) = stock
    written = commit_tree_changes(stock, root, [(b"b", 0o100644, ObjectID(b"1" * 40))])
    assert len(stock[written].as_raw_string()) < len(NAMED_TWICE) + len(b"100644 b\0" + ID)
    with pytest.raises(BrokenReply, match="a tree object is damaged"):
        tree_of(NAMED_TWICE)


@pytest.mark.parametrize("name", [b"a/b", b"..", b".", b""])
def test_a_name_that_is_a_path_is_refused_where_dulwich_takes_it(name: bytes) -> None:
    content = b"100644 %s\0" % name + ID
    assert name in Tree.from_string(content)
    with pytest.raises(BrokenReply, match="a tree object is damaged"):
        tree_of(content)


def tree_of(content: bytes) -> StrictTree:
    """A tree as the client reads it."""
    warm, made = WarmObjects(), ShaFile.from_raw_string(Tree.type_num, content)
    warm.put("", made.id, (Tree.type_num, content))
    return ObjectStore(warm).tree(made.id)


def test_what_one_repository_sent_is_not_shown_to_another() -> None:
    warm = WarmObjects()
    warm.put("https://a", b"1" * 40, (Blob.type_num, b"secret"))
    assert ObjectStore(warm, "https://a").blob(b"1" * 40) == b"secret"
    with pytest.raises(MissingObjects):
        ObjectStore(warm, "https://b").blob(b"1" * 40)


def test_of_what_a_container_has_seen_the_longest_unused_goes_first() -> None:
    warm = WarmObjects(limit=1000)
    for number in range(4):
        warm.put("", b"%040d" % number, (Blob.type_num, bytes(300)))
        warm.get("", b"%040d" % 0)
    assert warm.get("", b"%040d" % 0) is not None
    assert warm.get("", b"%040d" % 1) is None


class CountingStore(ObjectStore):
    """Counts how often a tree is parsed."""

    parsed = 0

    def tree(self, one: bytes) -> StrictTree:
        """Parse a tree and count it."""
        self.parsed += 1
        return super().tree(one)


def test_many_edited_files_of_one_folder_parse_its_tree_a_few_times() -> None:
    store = CountingStore()
    root = folder_of_a_thousand(store)
    edited = store.edited(root, {b"apps/%d.yaml" % number: AFTER for number in range(1000)})
    assert edited != root
    assert store.parsed < 10


def test_commits_on_top_of_each_other_parse_the_trees_once() -> None:
    store = CountingStore()
    root = folder_of_a_thousand(store)
    for number in range(100):
        root = store.edited(root, {b"apps/%d.yaml" % number: AFTER})
    assert store.parsed == 2
    edited = {file.path for file in store.files_below(root, b"") if store.blob(file.blob) == AFTER}
    assert edited == {b"apps/%d.yaml" % number for number in range(100)}


def folder_of_a_thousand(store: ObjectStore) -> bytes:
    """A tree with a folder of a thousand equal files; its id."""
    blob, folder, root = Blob.from_string(BEFORE), Tree(), Tree()
    for number in range(1000):
        folder[b"%d.yaml" % number] = (0o100644, blob.id)
    root[b"apps"] = (0o040000, folder.id)
    for made in (blob, folder, root):
        store.add_object(made)
    return bytes(root.id)


def test_an_edited_tree_is_the_one_that_git_writes() -> None:
    store, stock = ObjectStore(), MemoryObjectStore()
    old, new, inner, root = Blob.from_string(BEFORE), Blob.from_string(AFTER), Tree(), Tree()
    inner[b"run.sh"] = (0o100755, old.id)
    for name, mode, one in ((b"a", 0o040000, inner.id), (b"a.yaml", 0o100644, old.id), (b"link", 0o120000, old.id)):
        root[name] = (mode, one)
    for made in (old, inner, root):
        store.add_object(made)
        stock.add_object(made)
    expected = commit_tree_changes(stock, root.id, [(b"a/run.sh", 0o100755, new.id), (b"a.yaml", 0o100644, new.id)])
    assert store.edited(bytes(root.id), {b"a/run.sh": AFTER, b"a.yaml": AFTER}) == expected


def test_a_file_that_is_set_back_is_not_sent_as_a_change_of_itself() -> None:
    warm, blob, tree = WarmObjects(), Blob.from_string(BEFORE), Tree()
    tree[b"a"] = (0o100644, blob.id)
    for made in (blob, tree):
        warm.put("", bytes(made.id), (made.type_num, made.as_raw_string()))
    store = ObjectStore(warm)
    assert store.edited(store.edited(bytes(tree.id), {b"a": AFTER}), {b"a": BEFORE}) == tree.id
    whole = {one.sha() for one in store.to_send(thin=True) if one.delta_base is None}
    assert whole >= {blob.sha().digest(), tree.sha().digest()}
