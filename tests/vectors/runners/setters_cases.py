"""Defines the cases of setters_flux.json, which only has their names: the file before and after.

Source: the setters notes, 2 (what Flux honours) and 3 (where Flux damages or skips a value that tagstream sets).
"""

from __future__ import annotations

from collections.abc import Mapping

NEW = "reg/new:9.9.9"
MARKER = '# {"$imagepolicy": "ns:p"}'
DQ, SQ = f'"old"|"{NEW}"', f"'old'|'{NEW}'"

# The comment: which comments are markers.
COMMENTS: Mapping[str, str] = {
    "plain": "k: «old» M\n",
    "plain_nospace": "k: «old» #M\n".replace("#M", '#{"$imagepolicy": "ns:p"}'),
    "plain_manyhash": "k: «old» ##M\n",
    "tab_before_hash": "k: «old»\tM\n",
    "tab_in_comment": 'k: «old» #\t{"$imagepolicy":\t"ns:p"}\t\n',
    "json_nospace": 'k: «old» # {"$imagepolicy":"ns:p"}\n',
    "single_quoted_json": "k: old # {'$imagepolicy': 'ns:p'}\nl: «old» M\n",
    "extra_text_after": "k: old M text\n",
    "extra_text_before": 'k: old # text {"$imagepolicy": "ns:p"}\n',
    "two_markers": "k: old M M\n",
    "two_json": 'k: old # {"a": "b"}{"$imagepolicy": "ns:p"}\n',
    "extra_json_nonstr": 'k: old # {"$imagepolicy": "ns:p", "a": 1}\n',
    "extra_json_null": 'k: «old» # {"$imagepolicy": "ns:p", "a": null}\n',
    "dup_json_key": 'k: «old» # {"$imagepolicy": "ns:x", "$imagepolicy": "ns:p"}\n',
    "json_escape": 'k: «old» # {"$imagepolicy": "ns\\u003ap"}\n',
    "json_key_escape": 'k: «old» # {"\\u0024imagepolicy": "ns:p"}\nl: «old» M\n',
    "json_value_slash": 'k: old # {"$imagepolicy": "ns\\/p"}\n',
    "json_unknown_policy": 'k: old # {"$imagepolicy": "ns:x"}\n',
    "json_unknown_suffix": 'k: old # {"$imagepolicy": "ns:p:x"}\n',
    "json_case": 'k: old # {"$ImagePolicy": "ns:p"}\nl: «old» M\n',
    "json_space_in_ref": 'k: old # {"$imagepolicy": " ns:p"}\n',
    "json_array": 'k: old # [{"$imagepolicy": "ns:p"}]\n',
    "json_ref_form": 'k: old # {"$ref": "#/definitions/io.k8s.cli.setters.ns:p"}\nl: «old» M\n',
    "json_percent": 'k: old # {"$imagepolicy": "ns%3Ap"}\n',
    "json_ns_tilde": 'k: old # {"$imagepolicy": "ns~1p"}\n',
}
# The value: which scalars are set, and which part of them is replaced.
VALUES: Mapping[str, str] = {
    "dq": f"k: «{DQ}» M\n",
    "dq_escapes": f'k: «"o\\u006cd\\t\\"x\\""|"{NEW}"» M\n',
    "dq_multiline": f'k: «"old\n  more"|"{NEW}"» M\n',
    "sq_multiline": f"k: «'old\n\n  more'|'{NEW}'» M\n",
    "plain_multiline": "k: «old\n  more» M\n",
    "plain_multiline_mid": "k: old M\n  \nl: x\n".replace("old", "«old»"),
    "plain_hash_nospace": "k: «old#x» M\n",
    "empty_value_last": "k: M\n",
    "tilde_value": "k: «~» M\n",
    "float_value": "k: «1.10» M\n",
    "bool_value": "k: «true» M\n",
    "hex_value": "k: «0x1F» M\n",
    "octal": "k: «017» M\n",
    "bare_null": "a: null\nk: «null» M\n",
    "tagged_str": "k: !!str «1» M\n",
    "anchor_value": "k: &a «old» M\nl: *a\n",
    "alias_value": "a: &a old\nk: *a M\n",
    "anchor_tag": "k: &a !!str «old» M\nl: !!str &b «old» M\n",
    "merge_key": "a: &a {x: y}\nk:\n  <<: *a\n  t: «old» M\n",
    "literal_marker_inside": "k: |\n  image: old M\n",
    "literal_only_marker": "k: |\n  M\n",
    "literal_header_comment": f"k: «| {MARKER}\n  old|- {MARKER}\n  {NEW}»\nl: x\n",
    "folded_header_comment": f"k: «> {MARKER}\n  old\n  more|- {MARKER}\n  {NEW}»\nl: x\n",
    "literal_indent_ind": f"k: «|2 {MARKER}\n    old|- {MARKER}\n    {NEW}»\nl: x\n",
    "literal_keep": f"k: «|+ {MARKER}\n  old|- {MARKER}\n  {NEW}»\n\n\nl: x\n",
    "literal_tabs": "s: |\n  a\n  \tb\nk: «old» M\n",
    "flow_map": "k: {a: b} M\n",
    "flow_map_ml_nocomma": f'k: {{\n  a: «old|"{NEW}"» M\n}}\n',
    "flow_seq_ml": f'k: [\n  «old|"{NEW}"», M\n  b\n]\n',
    "flow_seq_one": "k: [a, b] M\n",
    "json_file": f'{{\n  "k": «{DQ}», M\n  "l": "x"\n}}\n',
    "flow_dq": f"k: {{\n  a: «{DQ}» M\n}}\n",
    "flow_spaces": "a: [1,2,  3]\nb: { x:  y }\nk: «old» M\n",
    "flow_multiline": "a: [\n  1,\n  2 ]\nk: «old» M\n",
    "comment_after_flow_key": f'k: {{a: M\n  «old|"{NEW}"»}}\n',
    "map_in_plain": "k: a: old M\n",
    "plain_colon_end": "k: «old:x» M\n",
    "plain_star": "k: «o*ld» M\n",
    "value_amp_only": "k: &a M\n",
    "backtick": "k: `old` M\n",
    "tag_at_sha": "k: «reg/old:1@sha256:00» M\n",
    "inline_cmd": "args: «--image=old» M\n",
    "env_seq": "env:\n- name: A\n  value: «old» M\n",
    "emoji_escape": 'e: "😀 \\U0001F600"\nk: «old» M\n',
}
# The place: to which scalar a comment belongs.
PLACES: Mapping[str, str] = {
    "seq_item": "k:\n- «old» M\n- b\n",
    "seq_map": "k:\n- a: «old» M\n  b: c\n",
    "seq_seq": "k:\n- - «old» M\n  - b\n",
    "seq_top_map": "- a: «old» M\n- «old» M\n",
    "head_key": "M\nk: old\n",
    "head_seq_item": "k:\n  M\n  - «old»\n  - b\n",
    "head_seq_item2": "k:\n  - a\n  M\n  - «old»\n",
    "head_key_first": "k:\n  M\n  a: old\n",
    "head_doc": "M\n\nk: old\n",
    "head_seq_map": "k:\n  M\n  - a: old\n",
    "next_line_comment": "k: old\nM\nl: x\n",
    "head_value_nextline": "k:\n  M\n  «old»\n",
    "foot_seq": "k:\n  - old\n  M\nl: x\n",
    "head_multi": "k:\n  # note\n  M\n  - old\n",
    "head_multi2": "k:\n  M\n  # note\n  - old\n",
    "scalar_doc": "old M\n",
    "value_next_line": "k:\n  «old» M\n",
    "value_next_line_dq": f"k:\n  «{DQ}» M\n",
    "key_comment_map": "k: M\n  a: old\n",
    "key_comment_seq": "k: M\n  - old\n",
    "marker_on_key_of_seq_scalar": "k: M\n- old\n",
    "map_comment_last": "k:\n  a: «old» M\nl: x\n",
    "explicit_key": "? k\n: «old» M\n",
    "quoted_key": "\"k\": «old» M\n'l': «old» M\n",
    "key_colon": "a:b: «old» M\n",
    "key_space": "a key: «old» M\n",
    "key_hash": "a#b: «old» M\n",
    "dup_keys": "k: «old» M\nk: «old» M\n",
    "key_template": '"{{ k }}": «old» M\n',
    "numeric_key": "5: «old» M\n",
    "commented_only": "# k: old M\n",
    "plain_multi_other": "a: some\n  text\nk: «old» M\n",
    "dash_spaces": "k:\n-   a: x\n    b: «old» M\n-   «old» M\n",
    "key_spaces": "k   :   «old»   M\n",
}
# The file: documents, objects, line ends and layout. tagstream keeps what Flux loses or rewrites.
DOCUMENTS: Mapping[str, str] = {
    "multi_doc_second": "a: 1\n---\nk: «old» M\n",
    "doc_start_comment": "# head\n---\nk: «old» M\n",
    "doc_end": "k: «old» M\n...\n",
    "doc_sep_comment": "--- # note\nk: «old» M\n--- # note\nl: «old» M\n",
    "doc_sep_content": "--- text\n---\nk: «old» M\n",
    "tag_directive": "%TAG !e! tag:example.com,2000:\n---\na: !e!x y\nk: «old» M\n",
    "comment_only_doc": "# nothing\n---\nk: «old» M\n---\n# nothing\n",
    "one_doc_invalid": "k: old M\n---\na: [\n",
    "list_kind": "apiVersion: v1\nkind: List\nitems:\n- kind: X\n  k: «old» M\n",
    "doc_anns": "metadata:\n  annotations: {}\nk: «old» M\n",
    "doc_anns_null": "metadata:\n  annotations:\nk: «old» M\n",
    "no_meta": "kind: X\nk: «old» M\n",
    "meta_null": "metadata:\nk: «old» M\n",
    "meta_seq": "metadata: [a]\nk: «old» M\n",
    "path_annotation": "metadata:\n  annotations:\n    config.kubernetes.io/path: x.yaml\nk: «old» M\n",
    "crlf_multi": "a: 1\r\n---\r\nk: «old» M\r\nl: x\r\n",
    "mixed_eol": "a: 1\r\nk: «old» M\nl: «old» M\r\n",
    "cr_only": "a: 1\rk: «old» M\rl: x\r",
    "many_final_nl": "k: «old» M\n\n\n\n",
    "bom": "\ufeffk: «old» M\n",
    "nonascii": "k: «öld» M\nl: ü\n",
    "nonascii_before": "ä: 'ö' # ü😀\nk: «old» M\n",
    "nel": "a: x\x85k: «old» M\x85",
    "nul": "a: \x00\nk: old M\n",
    "formfeed": "a: \x0c\nk: old M\n",
    "indent4": "a:\n    b:\n        k: «old» M\n",
    "seq_mixed": "a:\n- x\nb:\n  - y\nk: «old» M\n",
    "blank_lines": "\n\na: 1\n\n\nk: «old» M\n\n\n",
    "long_plain": f"a: {'word ' * 40}end\nk: «old» M\n",
    "folded_long": f"a: >\n  {'word ' * 40}end\nk: «old» M\n",
    "literal_blank_first": "a: |\n\n  x\nk: «old» M\n",
    "tail_comment": "k: «old» M\n# tail\n",
    "helm_template": "a: {{ .Values.x }}\nk: «old» M\n",
    "helm_value": "k: {{ .Values.x }} M\n",
    "helm_value_quoted": f'k: «"{{{{ .Values.x }}}}"|"{NEW}"» M\n',
    "unclosed_quote": 'a: "x\nk: old M\n',
    "undefined_alias": "a: *x\nk: old M\n",
    "conflict_markers": "<<<<<<< HEAD\nk: old M\n=======\nk: other M\n>>>>>>> x\n",
}
ENCODED: Mapping[str, bytes] = {
    "utf16": "k: old M\n".replace("M", MARKER).encode("utf-16-le"),
    "utf16be_bom": "\ufeffk: old M\n".replace("M", MARKER).encode("utf-16-be"),
    "latin1": "ä: x\nk: old M\n".replace("M", MARKER).encode("latin-1"),
}
# Invalid YAML files: they are reported and left alone as a whole.
INVALID = frozenset(
    {
        "backtick",
        "conflict_markers",
        "formfeed",
        "latin1",
        "map_in_plain",
        "nul",
        "one_doc_invalid",
        "unclosed_quote",
        "undefined_alias",
    }
)
# Flux does not read these files, since their bytes do not contain the marker's key.
UNSEEN = frozenset({"utf16", "utf16be_bom"})
TEXTS = {**COMMENTS, **VALUES, **PLACES, **DOCUMENTS}


def document(name: str) -> tuple[bytes, bytes]:
    """Return a case's file before and after the update."""
    if name in ENCODED:
        return ENCODED[name], ENCODED[name]
    before, after = "", ""
    for index, part in enumerate(TEXTS[name].replace("M", MARKER).split("«")):
        span, closed, rest = part.partition("»")
        if index == 0:
            before, after = part, part
            continue
        assert closed, name
        before += _old(span) + rest
        after += _new(span) + rest
    return before.encode(), after.encode()


def spans(name: str) -> int:
    """Return how many values of a case change."""
    return TEXTS.get(name, "").count("«")


def _old(span: str) -> str:
    cut = _cut(span)
    return span if cut < 0 else span[:cut]


def _new(span: str) -> str:
    cut = _cut(span)
    if cut < 0:
        return NEW
    new = span[cut + 1 :]
    return span[0] + new if new.startswith("-") else new


def _cut(span: str) -> int:
    """Return where the new form begins; a ``|`` at the start belongs to a block scalar."""
    return span.find("|", 1)


STYLES: Mapping[str, str] = {
    "plain": "old",
    "dq": '"old"',
    "sq": "'old'",
    "int": "7",
    "null": "~",
    "empty": '""',
    "date": "2024-01-31",
    "bool": "true",
    "strtag": "!!str old",
}
