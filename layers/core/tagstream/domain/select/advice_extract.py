"""Advice on ``spec.filterTags``: references to groups that are not there, and values that cannot tell tags apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gocompat.regexp import Pattern, references
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.model import TagFilter
from tagstream.domain.select.filter import CompiledFilter

EXTRACT = "spec.filterTags.extract"
PATTERN = "spec.filterTags.pattern"
_OTHER_SYNTAX = re.compile(r"\\g<(\w+)>|\\([0-9])|\$\((\w+)\)|\$\{\{?\s*\.?(\w+)|\{\{\s*\.?(\w+)|%\{(\w+)\}|\{(\w+)\}")
"""How sed, Python and template languages refer to a group."""


def extract_advice(given: TagFilter, compiled: CompiledFilter) -> Iterator[Problem]:
    """What is wrong with a filter whatever the tags are.

    Args:
        given: the filter as written.
        compiled: the same filter.
    """
    pattern = compiled.pattern
    named = [name for name in pattern.names if name]
    if not given.extract:
        if named:
            text = f"the group {_quoted(named)} is not used: without {EXTRACT} the whole tag is compared"
            yield _about(PATTERN, given.pattern, text)
        return
    if not given.pattern:
        yield _about(EXTRACT, given.extract, f"without {PATTERN} there is no match to extract from: values are empty")
        return
    wanted = references(given.extract)
    unknown = [name for name in dict.fromkeys(wanted) if not _is_group(name, pattern)]
    for name in unknown:
        text = f"reads the group '{name}', which the pattern does not have{_hint(name, given.extract, pattern)}"
        yield _about(EXTRACT, given.extract, f"{text}; {_groups(pattern)}")
    foreign = _OTHER_SYNTAX.search(_without_references(given.extract))
    if not wanted:
        how = _instead(given.extract, foreign, pattern)
        yield _about(EXTRACT, given.extract, f"is the same text for every tag: {how}; {_groups(pattern)}")
    elif foreign:
        text = f"takes '{foreign.group()}' as text: a group is read by ${{name}}"
        yield _about(EXTRACT, given.extract, f"{text}; {_groups(pattern)}")


def value_advice(given: TagFilter, compiled: CompiledFilter, tags: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with a filter on these tags: it matches nothing, or a group takes no part in the match.

    Args:
        given: the filter as written.
        compiled: the same filter.
        tags: after exclusion.
    """
    found = compiled.values(tags)
    if tags and not found:
        yield _about(PATTERN, given.pattern, f"matches none of the {len(tags)} tags, such as '{tags[0]}'")
    if compiled.expansion is None or any(not _is_group(name, compiled.pattern) for name in references(given.extract)):
        return
    empty = [tag for tag, value in found if not value]
    if empty and references(given.extract) and given.pattern:
        text = f"is empty for {len(empty)} of {len(found)} tags, such as '{empty[0]}': the group takes no part there"
        yield _about(EXTRACT, given.extract, text)


def _about(path: str, value: str, text: str) -> Problem:
    return Problem(path=path, message=f"'{value}' {text}", is_warning=True)


def _is_group(name: str, pattern: Pattern) -> bool:
    if name.isascii() and name.isdigit() and (name == "0" or name[0] != "0"):
        return int(name[:10]) < len(pattern.names)
    return name in pattern.names


def _groups(pattern: Pattern) -> str:
    """The groups there are, as an extract refers to them."""
    found = [f"${{{name}}}" if name else f"${index}" for index, name in enumerate(pattern.names) if index]
    if not found:
        return "the pattern has no groups, only $0, the whole match"
    return f"its groups are {', '.join(found)}" if len(found) > 1 else f"its only group is {found[0]}"


def _hint(name: str, extract: str, pattern: Pattern) -> str:
    """What was probably meant by a reference to a group that is not there."""
    same = next((known for known in pattern.names if known and known.lower() == name.lower()), "")
    if same:
        return f" (a group's name is case-sensitive: ${{{same}}})"
    if f"${{{name}}}" in extract:
        return ""
    numbers = [str(index) for index in range(len(pattern.names))]
    known = max((one for one in (*pattern.names, *numbers) if one and name.startswith(one)), key=len, default="")
    return f" (write ${{{known}}}{name[len(known) :]} to read the group '{known}')" if known else ""


def _instead(extract: str, foreign: re.Match[str] | None, pattern: Pattern) -> str:
    name = next(filter(None, foreign.groups()), "") if foreign else ""
    if not name and _is_group(extract, pattern):
        name = extract
    if name and _is_group(name, pattern):
        return f"write ${{{name}}} to read the group '{name}'"
    return "it refers to no group"


def _without_references(extract: str) -> str:
    """The extract without ``${name}``, which otherwise looks like another language's ``{name}``."""
    return re.sub(r"\$\{\w+\}", "", extract)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
