"""Free text of people: made plain, kept whole, and harmless to the destination's own markup."""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from html.parser import HTMLParser
from typing import Final

_NEWLINES: Final = re.compile(r"\r\n|\r|\x0b|\x0c|\x85")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_UNSAFE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\ud800-\udfff]")
_WORD_BREAKS: Final = re.compile(r"[\W_]+")

_PARAGRAPHS: Final = frozenset({"p", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol", "dl", "table"})
_LINES: Final = frozenset({"div", "tr", "li", "dt", "dd", "section", "article", "header", "footer", "address", "form", "body"})
_INLINE: Final = frozenset(
    "a abbr b big br center cite code del em font hr html i img ins kbd label mark q s samp script small span strike "
    "strong sub sup td th tbody thead tfoot tt u var wbr".split()
)
_UNSEEN: Final = frozenset({"style", "head", "title"})
_KNOWN: Final = _PARAGRAPHS | _LINES | _INLINE | _UNSEEN
_TAG: Final = re.compile(rf"</?(?:{'|'.join(sorted(_KNOWN | {'meta', 'link'}, key=len, reverse=True))})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_MENTION: Final = re.compile(r"@(?=\[)")


def tidy(text: str) -> str:
    """Unify line ends to LF and take out what no JSON reader likes (control characters, lone surrogates); all else stays as it is."""
    if not _UNSAFE.search(text):
        return text
    text = _NEWLINES.sub("\n", text)
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))


def squeeze(text: str) -> str:
    """Give one line without doubled or outer white space."""
    return " ".join(text.split())


def defuse(text: str) -> str:
    """Part "@" from "[", which the destination would read as a mention (nutshell.md 4.2)."""
    return _MENTION.sub("@ ", text) if "@[" in text else text


def is_html(text: str) -> bool:
    """Say whether the text holds a tag of HTML or a character entity; "a < b" and "<joe@example.com>" do not count."""
    if "<" in text and _TAG.search(text):
        return True
    return "&" in text and any(unescape(found) != found for found in _ENTITY.findall(text))


def literal(text: str) -> str:
    """Give what is one line by nature (names, labels, addresses, titles): every sign is meant as it stands, none of it is HTML."""
    return defuse(tidy(text))


def plain(text: str) -> str:
    """Give free text for a plain-text field: tidied, HTML as lines, links and lists, mentions defused. Line breaks of the source stay."""
    text = tidy(text)
    if ("<" in text or "&" in text) and is_html(text):
        reader = _Plain()
        reader.feed(text)
        reader.close()
        text = reader.result()
    return defuse(text)


def fold(text: str) -> str:
    """Give lower-case words without accents and punctuation, one blank between them: the form in which texts are compared."""
    if text.isascii():
        return _WORD_BREAKS.sub(" ", text.lower()).strip()
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    return _WORD_BREAKS.sub(" ", bare).strip()


class _Plain(HTMLParser):
    """Writes down what a reader of the page would see; unknown tags are text, since people write <like this>."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._lists: list[int | None] = []
        self._links: list[tuple[str, int]] = []
        self._unseen = 0
        self._after_break = False  # the source's own newline beside a block tag is layout, not a line break

    def result(self) -> str:
        """Give the text without the blank lines that block tags left at its ends."""
        return "".join(self._out).replace("\xa0", " ").strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _KNOWN and tag not in ("meta", "link"):
            self._put(self.get_starttag_text() or "")
        elif tag in _UNSEEN:
            self._unseen += 1
        elif tag in _PARAGRAPHS:
            self._gap(1 if self._lists and tag in ("ul", "ol") else 2)
            if tag in ("ul", "ol"):
                self._lists.append(0 if tag == "ol" else None)
        elif tag in _LINES:
            self._gap(1)
            if tag == "li":
                self._bullet()
        else:
            self._inline(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in _KNOWN and tag not in ("br", "hr", "img"):
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _KNOWN:
            if tag not in ("meta", "link"):
                self._put(f"</{tag}>")
        elif tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _PARAGRAPHS:
            if tag in ("ul", "ol") and self._lists:
                self._lists.pop()
            self._gap(1 if self._lists else 2)
        elif tag in _LINES:
            self._gap(1)
        elif tag == "a" and self._links:
            self._close_link()
        elif tag in ("td", "th"):
            self._put("\t")

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if self._after_break:
            data = re.sub(r"^[ \t]*\n[ \t]*", "", data)
        if data:
            self._put(data)

    def handle_pi(self, data: str) -> None:
        self._put(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self._put(f"<![{data}]>")

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._after_break = False

    def _gap(self, newlines: int) -> None:
        """Make sure that many line ends stand before what comes; none at the very start."""
        tail = "".join(self._out[-6:])
        if self._out and not tail.strip(" \t"):
            tail = "".join(self._out)
        if tail:
            bare = tail.rstrip(" \t")
            missing = newlines - (len(bare) - len(bare.rstrip("\n")))
            if missing > 0:
                self._out.append("\n" * missing)
        self._after_break = True

    def _bullet(self) -> None:
        depth = "  " * max(0, len(self._lists) - 1)
        if self._lists and (number := self._lists[-1]) is not None:
            self._lists[-1] = number + 1
            self._put(f"{depth}{number + 1}. ")
        else:
            self._put(f"{depth}- ")

    def _inline(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag == "br":
            self._out.append("\n")
            self._after_break = True
        elif tag == "hr":
            self._gap(1)
            self._put("---\n")
        elif tag == "img":
            shown = " ".join(part for part in (attrs.get("alt"), attrs.get("src")) if part)
            self._put(f"[image: {shown}]" if shown else "")
        elif tag == "a":
            self._links.append((attrs.get("href") or "", len(self._out)))

    def _close_link(self) -> None:
        href, start = self._links.pop()
        shown = "".join(self._out[start:]).strip()
        target = href.removeprefix("mailto:").removeprefix("tel:")
        if target and target != shown:
            self._put(f" ({target})" if shown else target)
