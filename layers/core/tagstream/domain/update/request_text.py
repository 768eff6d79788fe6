"""Title and body of a pull request: from templates, or the defaults, with the changes as a Markdown table.

What comes from tags, files and values stands in code spans, so that it can make neither links nor mentions nor HTML.

Source: GitHub Flavored Markdown, "Tables" and "Code spans"; CommonMark, "Link reference definitions".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from tagstream.domain.objects.image_name import DEFAULT_REGISTRY, InvalidImage, parse_reference
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.objects.pull_request import BODY_NAME, TITLE_NAME
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.message import MessageData, TemplateError, render_message
from tagstream.domain.update.source_range import Ranges

MAX_CELL = 200
MAX_ROWS = 500
_HEADER = "| Image | Old | New | File |\n|---|---|---|---|\n"
# A link reference definition that nothing refers to: Markdown shows nothing of it.
_MARK = "[tagstream]: #"
_WITHDRAWN = f"{_MARK} (withdrawn by tagstream)"
_MARKER = re.compile(rf"^{re.escape(_MARK)} \(changes ([0-9a-f]{{16}})\)$", re.MULTILINE)
# A code span ends at a backtick, a cell at a bar; neither is a part of names, tags and paths that anybody uses.
_UNSAFE = re.compile(r"[`|\\]")
_QUAY, _GHCR, _ECR_PUBLIC = "quay.io", "ghcr.io", "public.ecr.aws"
_GOOGLE = re.compile(r"(?:[a-z]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """All changes that a push branch offers, of all its automations.

    ``named`` are the changes as templates see them; ``changes`` have whole paths. ``ranges`` are pages with the commits
    between the image that is replaced and the new one.
    """

    changes: tuple[Change, ...]
    named: tuple[Change, ...]
    refs: Mapping[NamespacedName, ImageRef]
    ranges: Ranges = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Sixteen hex digits, the same for the same new values in the same places, whatever they replace."""
        places = sorted({(one.file, one.setter, one.new_value) for one in self.changes})
        return hashlib.sha256(json.dumps(places).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestText:
    """A title of one line and a body of Markdown."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTemplates:
    """Templates (empty: the defaults), and how many characters the host takes."""

    title: str
    body: str
    max_title: int
    max_body: int


def request_text(templates: TextTemplates, data: MessageData, changes: ChangeSet) -> RequestText:
    """Title and body for a set of changes; the body ends with the identity of the changes, which no reader sees.

    Args:
        templates: as configured.
        data: as the commit message gets it; its changes are replaced by those of the set.
        changes: at least one.

    Raises:
        TemplateError: a template cannot be read or run, or the title is empty.
    """
    title = default_title(changes)
    if templates.title:
        rendered = render_message(templates.title, replace(data, changes=changes.named), TITLE_NAME)
        title = " ".join(rendered.text.split())
    if not title:
        raise TemplateError(f"the {TITLE_NAME} is empty")
    end = _marked_with(changes.identity)
    # The mark of a withdrawal has to fit behind any body.
    room = templates.max_body - len(end) - len(_WITHDRAWN) - 1
    if templates.body:
        whole = replace(data, changes=changes.named, table=changes_table(changes, room))
        body = render_message(templates.body, whole, BODY_NAME).text
    else:
        opening = f"Update of {_listed_images(changes)} by {_code(str(data.automation))}.\n\n"
        closing = "\n\nThis request is kept current by tagstream: it is replaced when newer tags are selected."
        body = opening + changes_table(changes, room - len(opening) - len(closing)) + closing
    return RequestText(title=_cut(title, templates.max_title), body=_cut(body.rstrip(), room) + end)


def _marked_with(identity: str) -> str:
    return f"\n\n{_MARK} (changes {identity})\n"


def shown_words(body: str) -> str:
    """A body without the marks that no reader sees."""
    return "\n".join(line for line in body.splitlines() if not line.startswith(_MARK))


def identity_in(body: str) -> str:
    """The identity of the changes that a request's body was written for; empty if it has none."""
    found = _MARKER.findall(body.replace("\r", ""))
    return found[-1] if found else ""


def is_withdrawn(body: str) -> bool:
    """Whether a body says that tagstream closes its request; whoever finds it closed knows by it who closed it."""
    return _WITHDRAWN in body


def withdrawn_body(body: str, limit: int) -> str:
    """A body with the mark of a withdrawal, which no reader sees, behind the identity of its changes.

    Args:
        body: as the host has it.
        limit: how many characters the host takes; what a person wrote may have to be cut for the mark.
    """
    identity = identity_in(body)
    end = f"{_WITHDRAWN}\n"
    if identity:
        end = _marked_with(identity) + end
    plain = without_withdrawal(body)
    words = _MARKER.sub("", plain).rstrip() if identity else f"{plain.rstrip()}\n\n"
    return _cut(words, limit - len(end)) + end


def without_withdrawal(body: str) -> str:
    """A body without the mark of a withdrawal."""
    return body.replace("\r", "").replace(f"{_WITHDRAWN}\n", "").replace(_WITHDRAWN, "")


def default_title(changes: ChangeSet) -> str:
    """``Update NAME to TAG`` for one image, ``Update A, B and 3 more`` for several."""
    images = _images(changes)
    if len(images) == 1:
        return f"Update {_short(images[0].name)} to {images[0].tag}"
    return f"Update {_listed_images(changes)}"


def changes_table(changes: ChangeSet, room: int) -> str:
    """A table of image, old and new value and file, with as many rows as there is room for (in characters)."""
    rows = list(dict.fromkeys(_row(change, changes) for change in changes.changes))
    text = _HEADER
    for index, row in enumerate(rows):
        more = f"\n… and {len(rows) - index} more"
        if index == MAX_ROWS or len(text) + len(row) + len(more) > room:
            return text.rstrip("\n") + "\n" + more
        text += row
    return text.rstrip("\n")


def _row(change: Change, changes: ChangeSet) -> str:
    ref = changes.refs.get(policy_of(change))
    old, new = change.old_value, change.new_value
    if ref is None:
        return f"| {_code(change.setter)} | {_code(old)} | {_code(new)} | {_code(change.file)} |\n"
    old, new = (one.removeprefix(f"{ref.name}:") for one in (old, new))
    page = registry_page(ref)
    image = f"[{_code(ref.name)}]({page})" if page else _code(ref.name)
    commits = changes.ranges.get((policy_of(change), change.old_value), "")
    value = f"[{_code(new)}]({commits})" if commits else _code(new)
    return f"| {image} | {_code(old)} | {value} | {_code(change.file)} |\n"


def registry_page(ref: ImageRef) -> str:
    """Where people look at an image; empty for registries that have no such page."""
    try:
        name = parse_reference(f"{ref.name}:{ref.tag}")
    except InvalidImage:
        return ""
    path, tag = quote(name.repository, safe="/"), quote(ref.tag, safe="")
    if name.registry == DEFAULT_REGISTRY:
        owner, _, image = path.partition("/")
        place = f"_/{image}" if owner == "library" else f"r/{path}"
        return f"https://hub.docker.com/{place}/tags?name={tag}"
    if name.registry == _QUAY:
        return f"https://quay.io/repository/{path}?tab=tags&tag={tag}"
    if name.registry == _ECR_PUBLIC:
        return f"https://gallery.ecr.aws/{path}"
    if name.registry == _GHCR or _GOOGLE.fullmatch(name.registry):
        # These lead from the image's own address to its page.
        return f"https://{name.registry}/{path}"
    return ""


def _images(changes: ChangeSet) -> list[ImageRef]:
    policies = {policy_of(change) for change in changes.changes}
    found = {changes.refs[key] for key in policies if key in changes.refs}
    return sorted(found, key=lambda ref: (ref.name, ref.tag))


def _listed_images(changes: ChangeSet) -> str:
    names = list(dict.fromkeys(_short(ref.name) for ref in _images(changes)))
    if not names:
        return f"{len(changes.changes)} values"
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return (", ".join(names[:2]) if more or len(names) == 1 else " and ".join(names)) + more


def _short(image: str) -> str:
    """The last part of a name, which people call the image by."""
    return image.rpartition("/")[2]


def policy_of(change: Change) -> NamespacedName:
    """The policy that a change's marker names."""
    namespace, _, rest = change.setter.partition(":")
    return NamespacedName(namespace, rest.partition(":")[0])


def _code(text: str) -> str:
    """A code span; what could end it, or the cell around it, is replaced."""
    plain = "".join(one if one.isprintable() else " " for one in _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text))
    return f"`{_cut(plain.strip(), MAX_CELL)}`" if plain.strip() else ""


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def text_identity(texts: Iterable[str] | Sequence[str]) -> str:
    """Sixteen hex digits that differ when one of these texts does."""
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()[:16]
