"""Invented free text: messages, notes and mail bodies, plain and difficult."""

from __future__ import annotations

from typing import Final

from streamflow.sandbox.dice import Deck, Dice

_OPENINGS: Final = (
    "Spoke to the client", "Left a voicemail", "Customer wrote in", "Visited the site", "Asked for a second quote",
    "Wants to decide after pay day", "Compared our price with a neighbour's", "Confirmed the measurements",
)  # fmt: skip
_SUBJECTS: Final = (
    "about the 5 kW inverter", "about the kitchen tops", "on the roof leak", "about the pool pump",
    "on the R 12 500.00 deposit", "about the borehole", "on the warranty", "about delivery to the farm",
    "on the colour of the gates",
)  # fmt: skip
_CLOSINGS: Final = (
    "Try again on Friday.", "Will send photos.", "No budget until March.", "Very keen!", "Prefers e-mail.",
    "Dog on the property, phone first.", "Husband decides.", "Meeting at 14h30.", "50% now, 50% later; \"no rush\".",
)  # fmt: skip

NOTES: Final = Deck("notes", {
    "plain": 32, "html": 6, "crlf": 5, "unicode": 3, "twin": 3, "mention": 2, "empty": 2, "keeps_null": 2,
    "only_null": 1, "formula": 1, "script": 1, "over_30k": 1, "over_70k": 1,
})  # fmt: skip
"""How notes are written; `over_30k` and `over_70k` are ordinary in nine of ten runs, or they would be all the bytes."""

MESSAGES: Final = Deck("messages", {
    "plain": 8, "html": 3, "crlf": 2, "unicode": 1, "only_null": 1, "keeps_null": 1, "long": 1, "absent": 3,
})  # fmt: skip
MAILS: Final = Deck("mails", {
    "plain": 12, "html": 5, "empty_subject": 2, "secondary": 2, "inbound": 2, "unicode": 1, "list": 1,
})  # fmt: skip

_UNICODE: Final = (
    "Dankie 🙏🏽 tot môre", "‘Smart’ quotes – and a dash… €250", "नमस्ते, 谢谢, شكرا",
    "Zu\u0308rich (decomposed ü)",
)  # fmt: skip


def sentence(dice: Dice) -> str:
    """Give one plain sentence or two."""
    return f"{dice.pick(_OPENINGS)} {dice.pick(_SUBJECTS)}. {dice.pick(_CLOSINGS)}"


def paragraphs(dice: Dice, over_chars: int) -> str:
    """Give numbered paragraphs of more than *over_chars* characters; the numbers show when one is lost or doubled."""
    lines: list[str] = []
    length = 0
    while length <= over_chars:
        lines.append(f"[{len(lines) + 1}] {sentence(dice)} {sentence(dice)} {sentence(dice)}")
        length += len(lines[-1]) + 2
    return "\n\n".join(lines)


def text(dice: Dice, card: str) -> str:
    """Write a text of the kind *card* names; an unknown card gives plain sentences."""
    plain = sentence(dice)
    match card:
        case "html":
            return f"<p>{plain}<br>Call <b>after</b> 5 &amp; bring <a href=\"https://example.com/q\">the quote</a></p>"
        case "crlf":
            return f"{plain}\r\n\r\n{sentence(dice)}\r\n\t- item one\r\n\t- item two\r\n"
        case "unicode":
            return f"{plain} {dice.pick(_UNICODE)}"
        case "mention":
            return f"@[Pieter Nel](user:21) please look: {plain} @[all] a@[b"
        case "empty" | "absent":
            return ""
        case "keeps_null":
            return f"The old contract is null and void; account type: null. {plain} N/A for the garage."
        case "only_null":
            return "null"
        case "formula":
            return f"=HYPERLINK(\"https://evil.example\",\"x\") {plain}"
        case "script":
            return f"<script>alert('note')</script>{plain}"
        case "long":
            return paragraphs(dice, 1_500)
        case "over_30k":
            return paragraphs(dice, 30_000)
        case "over_70k":
            return paragraphs(dice, 70_000)
    return plain


def note_card(seed: int, ordinal: int, *, is_first: bool) -> str:
    """Give how the *ordinal*-th note of the account is written; a lead's first note can be nobody's twin."""
    card = NOTES.deal(seed, ordinal)
    huge_run = NOTES.run_of(ordinal) % 10 == 0
    if (card.startswith("over_") and not huge_run) or (card == "twin" and is_first):
        return "plain"
    return card


def subject(dice: Dice) -> str:
    """Give the subject line of a mail."""
    return f"{dice.pick(('Your quote', 'Re: Your quote', 'Fwd: photos', 'Site visit'))} {dice.pick(_SUBJECTS)}"
