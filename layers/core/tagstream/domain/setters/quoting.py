"""Writes a new string in the style of the scalar that it replaces, so that every YAML reader gets that string.

Source: kyaml yaml.FormatNonStringStyle (YAML 1.1 by go-yaml v2); vectors setters/scalar-quoting.json,
setters_flux.json. Beyond Flux, floats out of range, sexagesimals, ``=`` and ``<<`` are quoted too.
"""

from __future__ import annotations

import re

# Plain scalars that some YAML 1.1 or 1.2 reader does not take for a string.
_NOT_A_STRING = re.compile(
    r"""(?ix: ~ | null | y | n | yes | no | on | off | true | false | << | =
    | [-+]?(?: 0b[01_]+ | 0o?[0-7_]+ | 0x[0-9a-f_]+ | [0-9][0-9_]* )
    | [-+]?(?: \.[0-9][0-9_]* | [0-9][0-9_]*(?:\.[0-9_]*)? )(?: e[-+]?[0-9_]+ )?
    | [-+]?\.inf | \.nan | [-+]?[0-9][0-9_]*(?: :[0-5]?[0-9] )+(?: \.[0-9_]* )?
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?: (?:[Tt]|[ \t]+).* )? )""",
    re.ASCII,
)
_INDICATORS = "!&*-?:,[]{}#|>@`\"'%=<"
_FLOW_INDICATORS = ",[]{}:?"


def needs_quotes(value: str, *, in_flow: bool = False) -> bool:
    """Whether a string must be quoted to be read back as that string.

    Args:
        value: the new value.
        in_flow: the scalar stands inside ``[…]`` or ``{…}``.
    """
    if not is_read_as_string(value):
        return True
    first, second = value[0], value[1:2]
    if first in _INDICATORS and not (first in "?:" and second > " "):
        return True
    if value != value.strip() or ": " in value or " #" in value or value.endswith(":") or not value.isprintable():
        return True
    return in_flow and any(one in value for one in _FLOW_INDICATORS)


def is_read_as_string(value: str) -> bool:
    """Whether every YAML reader takes these letters, written without quotes, for a string.

    Only the value's meaning counts here: indicators such as a leading ``*`` are another matter (``needs_quotes``).
    """
    if not value or _NOT_A_STRING.fullmatch(value):
        return False
    # go-yaml passes over underscores anywhere in what begins like a number.
    return value[0] not in "+-0123456789" or not _NOT_A_STRING.fullmatch(value.replace("_", ""))


def render(old: bytes, value: str, *, in_flow: bool = False) -> bytes:
    """The new value in the old one's quotes; plain stays plain where that is safe, else double quotes.

    Args:
        old: the old scalar as written, without tag and anchor.
        value: the new value.
        in_flow: the scalar stands inside ``[…]`` or ``{…}``.
    """
    if old[:1] == b"'" and value.isprintable():
        return b"'" + value.replace("'", "''").encode() + b"'"
    if old[:1] in (b'"', b"'") or needs_quotes(value, in_flow=in_flow):
        return b'"' + value.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
    return value.encode()
