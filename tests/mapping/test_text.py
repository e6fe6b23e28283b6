"""Free text: plain, whole and harmless; parts that reassemble; blocks that read back; markers."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.mapping.block import block
from streamflow.mapping.marker import field_marker, marker_in, text_marker
from streamflow.mapping.notes import Text, parts
from streamflow.mapping.split import pieces, units
from streamflow.mapping.text import defuse, fold, plain, squeeze, tidy

from .blocks import read_block

ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from("a \n\n\t\u0301\u200d👩🏽🇿🇦e")), max_size=400)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Quote for 5kW<br>please call", "Quote for 5kW\nplease call"),
        ("<p>Hi</p><p>there</p>", "Hi\n\nthere"),
        (
            '<p>Spoke<br>Call <b>after</b> 5 &amp; bring <a href="https://example.com/q">the quote</a></p>',
            "Spoke\nCall after 5 & bring the quote (https://example.com/q)",
        ),
        ("<ul><li>one</li><li>two</li></ul>done", "- one\n- two\n\ndone"),
        ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
        ("Left voicemail.\r\nTry Friday\rnow", "Left voicemail.\nTry Friday\nnow"),
        ("line one\nline <b>two</b>\nline three", "line one\nline two\nline three"),
        ("a < b and c > d & e", "a < b and c > d & e"),
        ("from <joe@example.com> and <Thandi>", "from <joe@example.com> and <Thandi>"),
        ("<b>x</b> from <joe@example.com>", "x from <joe@example.com>"),
        ("<script>alert('note')</script>Spoke", "alert('note')Spoke"),
        ("<style>p{color:red}</style><p>Hi</p>", "Hi"),
        ("AT&amp;T &lt;3", "AT&T <3"),
        ('<a href="mailto:a@example.org">a@example.org</a>', "a@example.org"),
        ("look @[Users:1] and a@[b", "look @ [Users:1] and a@ [b"),
        ("\x00zero\x0bline\u2028\ud800", "zero\nline\u2028\ufffd"),
        ("Zu\u0308rich 🙏🏽 “q”", "Zu\u0308rich 🙏🏽 “q”"),
        ("<td>a</td><td>b</td>", "a\tb\t"),
    ],
)
def test_text_is_made_plain(source: str, shown: str) -> None:
    """HTML becomes lines, links and lists; what only looks like it stays; mentions are defused."""
    assert plain(source) == shown


@given(ANY_TEXT)
def test_plain_text_never_fails_and_is_safe(text: str) -> None:
    """Whatever people type ends as text any JSON reader takes, without mentions and foreign line ends."""
    shown = plain(text)
    shown.encode("utf-8")
    assert "@[" not in shown
    assert "\r" not in shown


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1, max_size=20))
def test_no_word_of_html_is_lost(words: list[str]) -> None:
    """Every visible word of a page is in the text, in order."""
    shown = plain("<div><p>" + "</p>\n<p>".join(words) + "<br></p></div>")
    assert shown.split() == " ".join(words).split()


@given(ANY_TEXT)
def test_forms_for_comparing_are_stable(text: str) -> None:
    """Folding, squeezing, tidying and defusing twice change nothing more."""
    assert fold(fold(text)) == fold(text)
    assert squeeze(squeeze(text)) == squeeze(text)
    assert tidy(tidy(text)) == tidy(text)
    assert defuse(defuse(text)) == defuse(text)


@given(ANY_TEXT, st.integers(2, 60))
def test_pieces_reassemble_exactly(text: str, room: int) -> None:
    """No character is lost, added or moved by splitting, and each piece fits."""
    found = pieces(text, room)
    assert "".join(found) == text
    assert all(units(piece) <= room for piece in found)


@given(st.lists(st.sampled_from(["👩🏽‍🚀", "🇿🇦", "e\u0301", "a", " ", "ü", "\n"]), min_size=1, max_size=80), st.integers(20, 40))
def test_no_sign_is_parted(signs: list[str], room: int) -> None:
    """A cut never falls between a letter and its accent, inside a joined emoji or inside a flag."""
    for piece in pieces("".join(signs), room)[1:]:
        first = piece[0]
        assert not unicodedata.category(first).startswith("M")
        assert first not in "\u200d🏽"
    flags = pieces("🇿🇦" * 30, 22)
    assert all(len(piece) % 2 == 0 for piece in flags)


def test_cuts_prefer_paragraphs() -> None:
    """A long text is cut where a reader would cut: at a blank line, else a line end, else a blank."""
    assert pieces("a" * 20 + "\n\n" + "b" * 20, 30) == ["a" * 20 + "\n\n", "b" * 20]
    assert pieces("word " * 10, 22) == ["word word word word ", "word word word word ", "word word "]


@given(st.text(st.characters(codec="utf-8"), max_size=600), st.integers(120, 300))
def test_parts_fit_with_header_and_marker(body: str, limit: int) -> None:
    """Parts keep the limit with header and marker, and without these they are the whole text again."""
    text = Text(prefix="lt", kind="note", key="9913", header="[2026-05-12 08:05:00 +02:00 by P]", body=body)
    found = parts(text, limit)
    assert all(units(whole) <= limit for _, whole in found)
    if len(found) > 1:
        assert "".join(whole.split("\n", 1)[1].rsplit("\n", 1)[0] for _, whole in found) == body
        assert [part for part, _ in found] == ["", *(f"{n}/{len(found)}" for n in range(2, len(found) + 1))]
    assert all(marker_in(whole) == text_marker("lt", "note", "9913", part) for part, whole in found)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(categories=["L", "N"]), min_size=1).map(lambda label: f"{label} x"),
            st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], include_characters="\n")),
        )
    )
)
def test_blocks_read_back(pairs: list[tuple[str, str]]) -> None:
    """Labelled blocks are parseable: labels and values come back, line breaks in values included."""
    assert read_block(block(pairs)) == pairs


def test_markers_are_recognised_as_last_line_only() -> None:
    """The marker of a text is its last line; one that somebody quoted further up is not."""
    assert field_marker("lt", "lead", "48213", "lead") == "lt:lead:48213:lead"
    assert text_marker("lt", "note", "9913", "2/3") == "[sf:lt:note:9913:2/3]"
    assert marker_in("x\n[sf:lt:note:9913]\n") == "[sf:lt:note:9913]"
    assert marker_in("[sf:lt:note:9913]\nx") is None
