"""Parsers of the files that are edited, and of the templates of the commit messages about them."""

from __future__ import annotations

from datetime import UTC, datetime

from gocompat.json import decode
from gocompat.json_syntax import find_mistake
from gocompat.template.bounds import TooLarge
from gocompat.template.faults import CallError
from gocompat.time_layout import InvalidTime, parse_duration, parse_time, print_time
from gocompat.url import InvalidURL, parse_url, url_text
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.documents import plain_breaks
from tagstream.domain.setters.marker import misspelt, read_marker
from tagstream.domain.setters.plan import apply_edits, plan_file
from tagstream.domain.setters.quoting import needs_quotes, render
from tagstream.domain.setters.repair import repaired
from tagstream.domain.setters.value_check import value_warning
from tagstream.domain.update.message import TemplateError, check_template, try_template
from tests.fuzz.target import VECTORS, Shape, Target, files_in, text, texts_in

APP = NamespacedName("ns", "app")
REFS = {APP: ImageRef(name="host/app", tag="1.0.1", digest="sha256:" + "0" * 64)}
NOW = datetime(2026, 11, 27, tzinfo=UTC)
SETTERS = "tagstream.domain.setters."
MARK = b'# {"$imagepolicy": "ns:app"}'
LINE = b"a: b:1 " + MARK + b"\n"


def _file(data: bytes) -> None:
    """A file whose edits are applied has the same markers, and nothing left to edit."""
    plan = plan_file(b"f.yaml", data, REFS, (), "ns")
    edited = apply_edits(data, plan.edits)
    again = plan_file(b"f.yaml", edited, REFS, (), "ns")
    if apply_edits(edited, again.edits) != edited:
        raise AssertionError("a second update of the same file changes it again")


def _repair(data: bytes) -> None:
    repaired(data)
    misspelt(data)
    plain_breaks(data)


def _value(data: bytes) -> None:
    value = text(data)
    for in_flow in (False, True):
        needs_quotes(value, in_flow=in_flow)
        render(b"'old'", value, in_flow=in_flow)
    value_warning("ns:app", value, True)
    read_marker(value)


def _template(data: bytes) -> None:
    check_template(text(data))
    try_template(text(data), APP, {"cluster": "c"})


def _time(data: bytes) -> None:
    layout, _, value = text(data).partition("\n")
    for parse in (lambda: print_time(layout, parse_time(layout, value)), lambda: parse_duration(value)):
        try:
            parse()
        except (InvalidTime, TooLarge):
            continue


TARGETS = (
    Target(
        name="setter-file",
        parse=_file,
        modules=tuple(
            f"{SETTERS}{one}"
            for one in ("plan", "documents", "fast_reader", "exact_reader", "identity", "marker", "quoting")
        ),
        seeds=lambda: files_in(VECTORS / "setters", "*"),
        words=(
            *(
                MARK,
                LINE,
                b'# {"$imagepolicy": "ns:app:tag"}',
                b'# {"$imagepolicy": "ns:app:name"}',
                b"---\n",
                b"- ",
                b": ",
            ),
            *(
                b"'",
                b'"',
                b"|\n",
                b">-\n",
                b"{",
                b"}",
                b"[",
                b"]",
                b"\n",
                b"\r\n",
                b"  ",
                b"&a ",
                b"*a",
                b"!!str ",
                b"%TAG",
            ),
            *(b"\xef\xbb\xbf", b"kind: List\nitems:\n", b"\t", b"? ", b"#", b"\xc2\x85", b"\xe2\x80\xa8"),
        ),
        shapes=(
            *(Shape(LINE), Shape(b"- " + LINE), Shape(b"---\n" + LINE), Shape(b"[", LINE), Shape(b"- ", LINE)),
            *(Shape(b"# \n", LINE), Shape(b" ", LINE + b"a:", b"b"), Shape(b"'", LINE + b"a: "), Shape(b"\r\n", LINE)),
            *(
                Shape(MARK),
                Shape(b'{"$imagepolicy":', b"a: b # "),
                Shape(b"{", b"a: b # ", b'$imagepolicy": "ns:app"}'),
            ),
            *(Shape(b"a: |\n  x\n", LINE), Shape(b"!x ", LINE + b"a: "), Shape(b"\\x41", LINE + b'a: "', b'"\n')),
            *(Shape(b"? ", LINE), Shape(b"*a ", LINE + b"- "), Shape(b"  a: &a b\n", b"x:\n" + b"  " + LINE)),
        ),
    ),
    Target(
        name="marker-repair",
        parse=_repair,
        modules=(f"{SETTERS}repair", f"{SETTERS}marker"),
        seeds=lambda: [
            b"a: b # {$imagepolicy: ns:app}\n",
            b"a: b # $imagepolicy = 'ns:app'\n",
            b"a: true # " + MARK[2:],
        ],
        words=(b"# ", b"$imagepolicy", b"imagePolicy", b"ns:app", b":", b"=", b"'", b"{", b"}", b"\n", b"a: ", b" "),
        shapes=(
            *(
                Shape(b"a: b # {$imagepolicy: ns:app}\n"),
                Shape(b" ", b"a: b # $imagepolicy:"),
                Shape(b"a.", b"#$imagepolicy:"),
            ),
            *(
                Shape(b"#"),
                Shape(b"# $imagepolicy "),
                Shape(b"a-", b"# $imagepolicy: "),
                Shape(b"\t", b"#", b"$imagepolicy: a:b"),
            ),
        ),
    ),
    Target(
        name="setter-value",
        parse=_value,
        modules=(f"{SETTERS}quoting", f"{SETTERS}value_check", f"{SETTERS}marker"),
        seeds=lambda: [b"1.0", b"1e3", b"true", b"0x1F", b"a: b", b"- a", b"#x", b"2026-01-01", b"1:30", b"y"],
        words=(b": ", b" #", b"-", b"?", b"'", b'"', b"0x", b"_", b"~", b"null", MARK),
        shapes=(Shape(b"9"), Shape(b"1_"), Shape(b"'"), Shape(b": "), Shape(b"1:"), Shape(b"# {", b"")),
    ),
    Target(
        name="message-template",
        parse=_template,
        modules=(
            *(
                f"gocompat.template.{one}"
                for one in ("lexer", "parser", "nodes", "numbers", "evaluate", "calls", "values")
            ),
            *(
                f"gocompat.template.{one}"
                for one in ("bounds", "builtins", "printf", "printf_scalars", "signature", "faults")
            ),
            *("gocompat.render", "tagstream.domain.update.message", "tagstream.domain.update.message_data"),
            "tagstream.domain.setters.identity",
        ),
        allowed=(TemplateError,),
        seeds=lambda: (*texts_in("gotemplate.json"), *texts_in("templates.json")),
        words=(
            *(
                b"{{",
                b"}}",
                b"{{ range .Changed.Changes }}",
                b"{{ end }}",
                b"{{ if ",
                b"{{ with ",
                b"{{ define ",
                b"{{- ",
            ),
            *(
                b" -}}",
                b"{{/*",
                b"*/}}",
                b"`",
                b'"',
                b"(",
                b")",
                b"|",
                b".Values",
                b"$x",
                b":=",
                b"printf ",
                b"%v",
                b"%9999d",
            ),
            *(
                b"index ",
                b"repeat 999 ",
                b"list ",
                b"dict ",
                b"until ",
                b"regexReplaceAll ",
                b"toJson ",
                b"trunc ",
                b"nil ",
            ),
        ),
        shapes=(
            *(
                Shape(b"{{"),
                Shape(b"{{.}}"),
                Shape(b"("),
                Shape(b"(", b"{{"),
                Shape(b"{{if .}}"),
                Shape(b"{{/*"),
                Shape(b"a"),
            ),
            *(
                Shape(b"|print", b"{{1", b"}}"),
                Shape(b".a", b"{{", b"}}"),
                Shape(b"%d", b'{{printf "', b'"}}'),
                Shape(b"{{`"),
            ),
            *(Shape(b"{{- -}} "), Shape(b" 1", b"{{list", b"}}"), Shape(b"{{$x:=1}}"), Shape(b"9", b"{{", b"}}")),
            *(
                Shape(b'{{define "a"}}{{end}}'),
                Shape(b"{{range .Changed.Changes}}", b"", b""),
                Shape(b"\\x41", b'{{"', b'"}}'),
            ),
        ),
    ),
    Target(
        name="go-json",
        parse=lambda data: (find_mistake(data), decode(text(data))),
        modules=("gocompat.json", "gocompat.json_syntax"),
        allowed=(CallError,),
        seeds=lambda: [b'{"a":[1,2.5e3,null,true,"\\ud800"]}', b"[", b'{"a":}', b"-0"],
        words=(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\u", b"1e999", b"-", b"true", b"nul", b"\xff"),
        shapes=(
            Shape(b"["),
            Shape(b'{"a":'),
            Shape(b"9"),
            Shape(b"1,", b"[", b"1]"),
            Shape(b"\\u0061", b'"', b'"'),
            Shape(b" "),
        ),
    ),
    Target(
        name="go-time",
        parse=_time,
        modules=("gocompat.time_layout", "gocompat.time_instant", "gocompat.quote"),
        seeds=lambda: [b"2006-01-02T15:04:05Z07:00\n2026-11-27T00:00:00Z", b"Mon Jan _2\nFri Nov 27", b"\n1h2.5s"],
        words=(
            b"2006",
            b"01",
            b"Jan",
            b"_2",
            b"15",
            b".000",
            b".999",
            b"MST",
            b"-0700",
            b"Z07:00",
            b"PM",
            b"\n",
            b"__2",
        ),
        shapes=(
            Shape(b"2006", b"", b"\n1"),
            Shape(b"9", b"\n"),
            Shape(b"1h", b"\n"),
            Shape(b"0", b".0", b"\n"),
            Shape(b" "),
        ),
    ),
    Target(
        name="go-url",
        parse=lambda data: url_text(parse_url(text(data))),
        modules=("gocompat.url",),
        allowed=(InvalidURL, CallError),
        seeds=lambda: [b"https://u:p@host:1/a%20b?c=d#e", b"mailto:a", b"//[::1%25en0]/", b"%zz"],
        words=(b"://", b"@", b":", b"/", b"?", b"#", b"%", b"%25", b"[", b"]", b"\x7f"),
        shapes=(
            Shape(b"%41"),
            Shape(b"/"),
            Shape(b"@", b"//"),
            Shape(b":", b"//"),
            Shape(b"[", b"//"),
            Shape(b"%", b"//"),
        ),
    ),
)
