"""Parsers of tags and of what orders them: versions, ranges, numbers, regular expressions."""

from __future__ import annotations

from gocompat.floats import InvalidNumber, are_whole_numbers, parse_float, parse_number
from gocompat.path_match import BadPattern, glob_match
from gocompat.regexp import InvalidPattern, compile_pattern, references
from gocompat.regexp_syntax import group_names, required_text, tokens
from gocompat.semver.range import InvalidRange, parse_range
from gocompat.semver.version import InvalidVersion, parse_tag, parse_version, prerelease_key
from tagstream.domain.objects.model import (
    ImagePolicy,
    Metadata,
    NamespacedName,
    PolicyChoice,
    TagFilter,
)
from tagstream.domain.select.advice import policy_advice
from tagstream.domain.select.filter import InvalidFilter, compile_filter
from tagstream.domain.select.ordering import InvalidPolicy, InvalidValue, compile_ordering
from tagstream.domain.select.pattern_words import finite_words
from tests.fuzz.target import Shape, Target, text, texts_in

KEY = NamespacedName("ns", "app")


def _version(data: bytes) -> None:
    for parse in (parse_version, parse_tag):
        try:
            prerelease_key(parse(text(data)).prerelease)
        except InvalidVersion:
            continue


def _range(data: bytes) -> None:
    wanted, _, version = text(data).partition("\n")
    constraint = parse_range(wanted)
    for one in ("1.2.3", "1.2.3-rc.1", "0.0.0", version):
        try:
            constraint.refusals(parse_version(one))
            constraint.admits(parse_version(one))
        except InvalidVersion:
            continue


def _number(data: bytes) -> None:
    are_whole_numbers(text(data).split("\n"))
    parse_number(text(data))
    parse_float(text(data))


def _pattern(data: bytes) -> None:
    pattern, _, rest = text(data).partition("\n")
    extract, _, tag = rest.partition("\n")
    list(tokens(pattern))
    group_names(pattern)
    required_text(pattern)
    references(extract)
    finite_words(pattern)
    compiled = compile_filter(TagFilter(pattern=pattern, extract=extract))
    compiled.values([tag, "v1.0.0"])
    compile_pattern(pattern)


def _advice(data: bytes) -> None:
    """Tags by lines, under every kind of policy."""
    tags = text(data).split("\n")
    for choice in (
        PolicyChoice(semver="*"),
        PolicyChoice(alphabetical="asc"),
        PolicyChoice(numerical="asc"),
    ):
        policy = ImagePolicy(metadata=Metadata(key=KEY), repository=KEY, policy=choice)
        policy_advice(policy, tags)
        try:
            compile_ordering(choice).best(tags)
        except InvalidValue:
            continue


TARGETS = (
    Target(
        name="version",
        parse=_version,
        modules=("gocompat.semver.version",),
        seeds=lambda: texts_in("semver_versions.json"),
        words=(b"v", b".", b"-", b"+", b"0", b"rc", b"9999999999999999999"),
        shapes=(Shape(b"1."), Shape(b"9"), Shape(b".a", b"1.0.0-a"), Shape(b"-", b"1.0.0"), Shape(b"+", b"1.0.0")),
    ),
    Target(
        name="version-range",
        parse=_range,
        modules=("gocompat.semver.range",),
        allowed=(InvalidRange,),
        seeds=lambda: texts_in("semver_constraint_parse.json"),
        words=(b">=", b"<", b"~", b"^", b"||", b",", b" ", b" - ", b"x", b"*", b"1.2.3", b"-0", b"=", b"!="),
        shapes=(Shape(b">=1 "), Shape(b"||"), Shape(b"1||"), Shape(b" "), Shape(b"~"), Shape(b"1 - "), Shape(b">=1,")),
    ),
    Target(
        name="number",
        parse=_number,
        modules=("gocompat.floats",),
        allowed=(InvalidNumber,),
        seeds=lambda: [b"1", b"0x1p-2", b"1e309", b"-0", b"1_000", b".5", b"Inf", b"NaN", b"9" * 30],
        words=(b"e", b"E", b"p", b"0x", b"_", b".", b"-", b"+", b"\n", b"inf"),
        shapes=(Shape(b"9"), Shape(b"9", b"1e"), Shape(b"1_"), Shape(b"0", b"0."), Shape(b"f", b"0x"), Shape(b"1\n")),
    ),
    Target(
        name="tag-filter",
        parse=_pattern,
        modules=(
            *("gocompat.regexp", "gocompat.regexp_syntax"),
            *("tagstream.domain.select.filter", "tagstream.domain.select.pattern_words"),
        ),
        allowed=(InvalidPattern, InvalidFilter),
        seeds=lambda: texts_in("goregexp.json"),
        words=(
            b"^",
            b"$",
            b"(?P<a>",
            b"(",
            b")",
            b"[",
            b"]",
            b"*",
            b"+",
            b"?",
            b"{2,5}",
            b"{1000}",
            b"|",
            b"\\d",
            b"\\pL",
            b"(?i)",
            b"[[:alpha:]]",
            b"\\Q",
            b"\\E",
            b"\n",
            b"$a",
            b"${1}",
            b"\\x{10FFFF}",
            b".",
        ),
        shapes=(
            Shape(b"("),
            Shape(b"(a)"),
            Shape(b"a|"),
            Shape(b"[a"),
            Shape(b"[a]"),
            Shape(b"a*"),
            Shape(b"(a*)*"),
            Shape(b"\\Q"),
            Shape(b"a?"),
            Shape(b"$a", b"a\n"),
            Shape(b"${", b"a\n"),
            Shape(b"a{2}"),
            Shape(b"(?i)"),
            Shape(b"[a-z]?"),
            Shape(b"(a|b)"),
            Shape(b"(a|", b""),
            Shape(b"a", b"(a*)*b\n$1\n"),
        ),
    ),
    Target(
        name="tag-advice",
        parse=_advice,
        modules=(
            "tagstream.domain.select.ordering",
            "tagstream.domain.select.tag_shapes",
            *tuple(
                f"tagstream.domain.select.advice{one}" for one in ("", "_extract", "_floating", "_numbers", "_versions")
            ),
        ),
        allowed=(InvalidPolicy,),
        seeds=lambda: [b"1.0.0\n1.0.1\n1.2", b"v1-alpine\nv2-alpine\nlatest", b"main-abc1234-1700000000\nmain-def-17"],
        words=(b"\n", b"v1.", b"-alpine", b"latest", b"main-", b"1700000000", b".", b"-", b"2026.01.02", b"sha-"),
        shapes=(
            Shape(b"1.0.1\n"),
            Shape(b"a-1\n"),
            Shape(b"1"),
            Shape(b"1-"),
            Shape(b"a.1"),
            Shape(b"main-abc1234-17000\n"),
        ),
    ),
    Target(
        name="glob",
        parse=lambda data: glob_match(*text(data + b"\n").split("\n")[:2]),
        modules=("gocompat.path_match",),
        allowed=(BadPattern,),
        seeds=lambda: [b"*.example.com\nr.example.com", b"[a-z]*\nabc", b"\\*\n*"],
        words=(b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"\n"),
        shapes=(Shape(b"*"), Shape(b"*a", b"", b"\n" + b"a" * 200), Shape(b"[a-", b""), Shape(b"a", b"*a*a*a*b\n")),
    ),
)
