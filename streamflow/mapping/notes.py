"""Notes as drafts: first line with time and author, the text in as many parts as it takes, marker as last line."""

from __future__ import annotations

from dataclasses import dataclass

from streamflow.mapping.marker import text_marker
from streamflow.mapping.split import pieces, units
from streamflow.model import Draft, Fields, Key, Kind, Ref

_WIDEST = " (999/999)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text to be written somewhere, and what it was made from."""

    prefix: str  # of markers: "lt"
    kind: Kind  # source kind
    key: Key
    header: str  # first line of every part
    body: str
    part: str = ""  # of the source record: "" or "merged"
    author: Key | None = None
    at_s: int | None = None  # its own time, where notes can carry one

    def marked(self, header: str, piece: str, part: str) -> str:
        """Put header, text and marker together; an empty piece leaves no empty line."""
        return "\n".join(line for line in (header, piece, text_marker(self.prefix, self.kind, self.key, part)) if line)


def parts(text: Text, max_chars: int) -> list[tuple[str, str]]:
    """
    Give (part, whole text) for each part a text takes, none longer than *max_chars* UTF-16 units.

    The first bears the plain part ("" or "merged"), further ones "2/3" ("merged:2/3"). Without headers and markers
    they reassemble to the text.
    """
    longest = text_marker(text.prefix, text.kind, text.key, f"{text.part}:999/999")
    room = max(2, max_chars - units(text.header) - len(_WIDEST) - units(longest) - 2)
    cut = pieces(text.body, room)
    if len(cut) == 1:
        return [(text.part, text.marked(text.header, text.body, text.part))]
    made: list[tuple[str, str]] = []
    for number, piece in enumerate(cut, 1):
        place = f"{number}/{len(cut)}"
        part = text.part if number == 1 else f"{text.part}:{place}" if text.part else place
        made.append((part, text.marked(f"{text.header} ({place})", piece, part)))
    return made


def note_drafts(text: Text, parent: Ref, max_chars: int) -> list[Draft]:
    """Give the notes on *parent* that hold the text."""
    return [note_draft(text, parent, part, body) for part, body in parts(text, max_chars)]


def note_draft(text: Text, parent: Ref, part: str, body: str) -> Draft:
    """Give one note of one part."""
    marker = text_marker(text.prefix, text.kind, text.key, part)
    fields: Fields = {"body": body, "link:parent": parent}
    if text.at_s is not None:
        fields["createdTime"] = text.at_s
    return Draft(kind="notes", part=part, fields=fields, author=text.author, marker=marker)
