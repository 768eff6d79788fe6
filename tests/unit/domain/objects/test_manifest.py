"""YAML is read as kubectl reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagstream.domain.objects.manifest import MAX_BYTES, InvalidDocument, plain_value, read_documents

HARVIS = Path(__file__).parents[3] / "data/harvis"
BOMB = b"".join(
    b"%c: &%c [%s]\n" % (97 + level, 97 + level, b",".join([b"*%c" % (96 + level) if level else b"x"] * 10))
    for level in range(8)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("On", True),
        ("y", True),
        ("NO", False),
        ("off", False),
        ("true", True),
        ("tRUE", "tRUE"),
        ("~", None),
        ("", None),
        ("Null", None),
        ("12", 12),
        ("-7", -7),
        ("1_000", 1000),
        ("010", 8),
        ("0o10", 8),
        ("0x1F", 31),
        ("0b101", 5),
        ("08", 8.0),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("2024-06-27", "2024-06-27"),
        ("12:30:45", "12:30:45"),
        ("v1", "v1"),
        ("_", "_"),
        ("-", "-"),
        ("18446744073709551616", 18446744073709551616.0),
    ],
)
def test_plain_scalars_mean_what_go_yaml_makes_of_them(text: str, value: object) -> None:
    found = plain_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("source", "values"),
    [
        (b"", []),
        (b"---\n---\n# nothing\n---\nfoo\n", ["foo"]),
        (b"a: 'yes'\nb: \"010\"\nc: |\n  text\n", [{"a": "yes", "b": "010", "c": "text\n"}]),
        (b"1: a\nnull: c\non: d\n", [{"1": "a", "null": "c", "true": "d"}]),
        (b"base: &b {x: 1, z: 1}\nmore:\n  <<: *b\n  z: 2\n", [{"base": {"x": 1, "z": 1}, "more": {"x": 1, "z": 2}}]),
        (b"a: {<<: [{x: 1}, {x: 2, z: 3}]}", [{"a": {"x": 1, "z": 3}}]),
        (b"'<<': 1", [{"<<": 1}]),
        (b"a: !!str 1\nb: !!int '2'\nc: !!float 3\nd: !!binary aGk=\ne: !local x", [
            {"a": "1", "b": 2, "c": 3.0, "d": "hi", "e": "x"}
        ]),
        (b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", [{"a": 1, "b": 2}]),
        (b'{"a": [1, 2.5, null, true], "b": {}}', [{"a": [1, 2.5, None, True], "b": {}}]),
        ("a: ü".encode("utf-16"), [{"a": "ü"}]),
        (b"&k a: 1\nb: *k", [{"a": 1, "b": "a"}]),
    ],
)  # fmt: skip
def test_documents_become_json_values(source: bytes, values: list[object]) -> None:
    assert [one.value for one in read_documents(source, "f.yaml")] == values


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"a: 1\nb: [\n", "f.yaml:3: not valid YAML: did not find expected node content (while parsing a flow node)"),
        (b"a: 1\n\tb: 2\n", "f.yaml:2: not valid YAML: found a tab character that violates indentation"),
        (b"a: b: c", "f.yaml:1: not valid YAML: mapping values are not allowed in this context"),
        (b"a: 1\nb: 2\na: 3\n", 'f.yaml:3: mapping key "a" already defined'),
        (b"a:\n  b: *gone\n", "f.yaml:2: unknown anchor 'gone' referenced"),
        (b"a: &a\n  b: *a\n", "f.yaml:2: unknown anchor 'a' referenced"),
        (b"? [x]\n: y\n", "f.yaml:1: a mapping key must be a scalar"),
        (b"\n\na: .inf", "f.yaml:3: unsupported value: .inf"),
        (b"a: !!int x", "f.yaml:1: cannot decode `x` as a !!int"),
        (b"a: !!binary '@'", "f.yaml:1: !!binary value contains invalid base64 data"),
        (b"a: {<<: 1}", "f.yaml:1: map merge requires map or sequence of maps as the value"),
        (b"a: 1\nb: '\xff'", "f.yaml:2: not valid YAML: invalid leading UTF-8 octet"),
        (b"[" * 5000, "f.yaml:1: nested deeper than 100 levels"),
        (b"- " * 5000 + b"x", "f.yaml:1: nested deeper than 100 levels"),
        (BOMB, "f.yaml:6: document contains excessive aliasing or too many values"),
        (b"#" * (MAX_BYTES + 1), f"f.yaml: the file has {MAX_BYTES + 1} bytes, more than {MAX_BYTES}"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(source: bytes, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_documents(source, "f.yaml")
    assert str(caught.value)[: len(message)] == message


def test_every_field_knows_its_line() -> None:
    (document,) = read_documents(b"# c\na:\n  b: 1\n  c:\n  - d\n  - e: 2\n    f: 3\n", "f.yaml")
    paths = ("a", "a.b", "a.c", "a.c[0]", "a.c[1]", "a.c[1].f", "a.c[1].gone.deeper", "a.c[7]", "other", "")
    assert [document.line_of(path) for path in paths] == [2, 3, 4, 5, 6, 7, 6, 4, 2, 2]


def test_documents_of_one_file_start_where_they_stand() -> None:
    source = (HARVIS / "k8s-manifests/flux-system/image-registry.yaml").read_bytes()
    assert [one.line for one in read_documents(source, "f")] == [3, 15, 27, 44, 61, 78]


@pytest.mark.parametrize("path", sorted(HARVIS.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_file_of_the_sample_is_read(path: Path) -> None:
    documents = read_documents(path.read_bytes(), path.name)
    assert all(isinstance(one.value, dict) and "kind" in one.value for one in documents)
