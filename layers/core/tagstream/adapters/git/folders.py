"""Trees that are edited again and again: a new one is the old one's bytes with other ids in them.

To parse a folder of a thousand entries takes a hundred times as long as to copy it, and a run makes a commit for each
of a thousand automations. This module never looks at what is in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dulwich.objects import Tree

ID_BYTES = 20


@dataclass(frozen=True, slots=True)
class Folder:
    """One tree.

    Attributes:
        content: of the tree, as Git writes it.
        places: the mode of each name, and where in the content its id begins.
    """

    content: bytes
    places: Mapping[bytes, tuple[int, int]]

    def __contains__(self, name: bytes) -> bool:
        return name in self.places

    def __getitem__(self, name: bytes) -> tuple[int, bytes]:
        """Mode and id (in hexadecimal digits) of an entry."""
        mode, start = self.places[name]
        return mode, self.content[start : start + ID_BYTES].hex().encode()

    def with_ids(self, ids: Mapping[bytes, bytes]) -> Folder:
        """The same tree with other ids (in hexadecimal digits) at these names."""
        content = bytearray(self.content)
        for name, one in ids.items():
            _, start = self.places[name]
            content[start : start + ID_BYTES] = bytes.fromhex(one.decode())
        return Folder(bytes(content), self.places)


def folder_of(tree: Tree) -> Folder:
    """A parsed tree, in the order and with the modes that Git writes."""
    parts, places, end = [], {}, 0
    for name, mode, one in tree.iteritems():
        head = b"%04o %s\0" % (mode, name)
        places[name] = (mode, end + len(head))
        parts += [head, bytes.fromhex(one.decode())]
        end += len(head) + ID_BYTES
    return Folder(b"".join(parts), places)
