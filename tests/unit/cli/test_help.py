"""Every help text says what the words do and shows examples, and every example is a command that can be typed."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence

import pytest

from tagstream.cli.examples_table import EXAMPLES
from tagstream.cli.parser import MAX_EXAMPLES, SECTIONS, Parser, build_parser, example_command, parse


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and all parsers below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                yield from parsers(below)


EVERY = list(parsers(build_parser()))


def test_there_are_many_parsers() -> None:
    assert len(EVERY) > 80


@pytest.mark.parametrize("parser", EVERY, ids=lambda one: one.prog)
def test_a_help_text_has_a_description_and_examples(parser: argparse.ArgumentParser) -> None:
    text = parser.format_help()
    examples = text.partition("examples:\n")[2].splitlines()
    assert parser.description and parser.description in text
    assert parser.description[0].isupper()
    assert 1 <= len(examples) <= MAX_EXAMPLES
    assert all(f"{parser.prog}" in line for line in examples)


@pytest.mark.parametrize("parser", EVERY, ids=lambda one: one.prog)
def test_every_flag_has_a_help_text(parser: argparse.ArgumentParser) -> None:
    silent = [action.dest for action in parser._actions if not action.help]
    assert [dest for dest in silent if dest not in ("help", "==SUPPRESS==")] == []


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_a_command_that_the_parser_takes(line: str) -> None:
    words = shlex.split(example_command(line))
    assert words[0] == "tagstream"
    assert parse(words[1:]) is not None


def test_a_kind_without_examples_of_its_own_has_those_of_another() -> None:
    text = Parser(prog="tagstream annotate pigeon").format_help()
    assert text.endswith("examples:\n  tagstream annotate pigeon example note-\n")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one[0])
def test_a_section_names_the_verbs_that_it_adds(section: tuple[str, Sequence[str]]) -> None:
    for verb in section[1]:
        assert [*_verbs(build_parser(verb=verb))] == [*section[1]]


def test_all_sections_are_built_for_a_word_that_is_no_verb() -> None:
    assert [*_verbs(build_parser(verb="--stack"))] == [verb for _, names in SECTIONS for verb in names]


def _verbs(parser: Parser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices
