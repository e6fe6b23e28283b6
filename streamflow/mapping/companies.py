"""
Companies made out of free text: one cluster for the spellings of one firm, different firms apart, everything else listed.

Rule 1: a cluster is what is left of a spelling without legal form, punctuation and case; its key depends on nothing else, so a
spelling that turns up later joins the cluster that is there.
Rule 2: similar is not equal: look-alikes are listed for a person and never joined by us.
Rule 3: a decision of a person goes before every rule.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

from rapidfuzz import fuzz

from streamflow.mapping.names import tokens
from streamflow.mapping.text import fold, squeeze
from streamflow.model import Key, Kind, Record

_LEGAL: Final = frozenset(
    "pty ltd limited proprietary cc inc incorporated llc plc npc npo rf bk bpk edms gmbh corp corporation co company sarl bv lda".split()
)
_TRADING: Final = re.compile(r"\s+(?:t\s*/\s*a|t\.a\.|trading\s+as|h/a|handeldrywend\s+as)[\s:]+", re.IGNORECASE)
_DOTTED: Final = re.compile(r"\b(?:[A-Za-z]\.){2,}(?=\W|$)|\b[A-Za-z](?:\.[A-Za-z])+\b")
_KEY: Final = re.compile(r"c[0-9a-f]{12}")
JUNK: Final = frozenset(
    (
        "none|no|na|n a|null|undefined|nil|not applicable|no company|private|privaat|personal|individual|home|house|self|me|"
        "myself|self employed|selfemployed|unemployed|retired|student|pensioner|geen|nvt|tbc|tba|unknown|residential|domestic|"
        "owner|homeowner|test|x|xx|xxx|pty ltd|cc"
    ).split("|")
)
"""Texts in a company cell that name no company, in folded form."""
_SIMILAR: Final = 90.0
_MAX_BLOCK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The spellings that stand for one firm."""

    key: Key
    name: str  # the commonest spelling, the earliest of equals
    spellings: tuple[tuple[str, int], ...]  # (text, how often), commonest first
    reason: str  # why these are one

    def record(self, kind: Kind = "company") -> Record:
        """Give it as a source record of this kind, so that it travels like any other."""
        data = {"name": self.name, "spellings": [text for text, _ in self.spellings]}
        digest = hashlib.sha256(repr((self.name, data["spellings"])).encode()).hexdigest()
        return Record(kind=kind, key=self.key, data=data, digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookalikes:
    """Two clusters that look alike and were not joined."""

    one: Key
    other: Key
    names: tuple[str, str]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One line of the company table people review: a raw text and what became of it."""

    text: str
    count: int
    cluster: Key | None
    name: str
    reason: str


@lru_cache(maxsize=4_096)
def normal_form(text: str) -> str:
    """Give the words that name the firm: "KAROO SOLAR (PTY) LTD t/a Karoo Online" → "karoo solar". Empty when nothing is left."""
    text = squeeze(text)
    legal_name = _TRADING.split(text, maxsplit=1)[0]
    joined = _DOTTED.sub(lambda match: match[0].replace(".", ""), legal_name.replace("&", " and ").replace("'", "").replace("’", ""))
    words = fold(joined).split()
    while len(words) > 1 and words[-1] in _LEGAL:
        words.pop()
    return " ".join(words)


def cluster_key(text: str) -> Key:
    """Give the stable key of the cluster a company text belongs to: "c" and 12 hexadecimal digits."""
    return _key_of(normal_form(text))


def why_none(text: str, own_name: str = "") -> str:
    """Say why a text names no company (blank, a word for nothing, no letters, the person's own name), or "" when it may."""
    bare = squeeze(text)
    if not bare:
        return "blank"
    folded = fold(bare)
    if folded in JUNK or normal_form(text) in JUNK:
        return "a word for no company"
    if not any(char.isalpha() for char in bare):
        return "no letters"
    if own_name and tokens(bare) and sorted(tokens(bare)) == sorted(tokens(own_name)):
        return "the person's own name"
    return ""


class Companies:
    """All company texts seen so far, and the clusters they form."""

    def __init__(self, decisions: Mapping[str, str] | None = None) -> None:
        self._decisions = {_decided(text): decision for text, decision in (decisions or {}).items()}
        self._spellings: dict[Key, dict[str, int]] = {}
        self._none: dict[tuple[str, str], int] = {}

    def __repr__(self) -> str:
        return f"<Companies clusters={len(self._spellings)} none={len(self._none)}>"

    def add(self, text: str, own_name: str = "", count: int = 1) -> Key | None:
        """Count a text of a lead whose person is called *own_name*; answer its cluster, or None when it names no company."""
        shown = squeeze(text)
        if (key := self.cluster_of(text, own_name)) is None:
            reason = self._decided_reason(shown) or why_none(text, own_name)
            self._none[shown, reason] = self._none.get((shown, reason), 0) + count
            return None
        spellings = self._spellings.setdefault(key, {})
        spellings[shown] = spellings.get(shown, 0) + count
        return key

    def cluster_of(self, text: str, own_name: str = "") -> Key | None:
        """Give the cluster of a text without counting it; None when it names no company."""
        decision = self._decisions.get(_decided(text))
        if decision is None:
            return None if why_none(text, own_name) else cluster_key(text)
        if decision == "none":
            return None
        if decision == "separate":
            return _key_of(f"separate:{_decided(text)}")
        if _KEY.fullmatch(decision):
            return decision
        return cluster_key(decision)

    def clusters(self) -> Iterator[Cluster]:
        """Give all clusters, in the order in which they were first seen."""
        for key, spellings in self._spellings.items():
            ordered = tuple(sorted(spellings.items(), key=lambda item: -item[1]))
            yield Cluster(key=key, name=ordered[0][0], spellings=ordered, reason=self._why(key, spellings))

    def cluster(self, key: Key) -> Cluster | None:
        """Give one cluster by its key."""
        spellings = self._spellings.get(key)
        if spellings is None:
            return None
        ordered = tuple(sorted(spellings.items(), key=lambda item: -item[1]))
        return Cluster(key=key, name=ordered[0][0], spellings=ordered, reason=self._why(key, spellings))

    def table(self) -> Iterator[TableRow]:
        """Give every raw text with its cluster or the reason it has none (the company table of the scope and data-quality reports)."""
        for cluster in self.clusters():
            for text, count in cluster.spellings:
                yield TableRow(text=text, count=count, cluster=cluster.key, name=cluster.name, reason=cluster.reason)
        for (text, reason), count in self._none.items():
            yield TableRow(text=text, count=count, cluster=None, name="", reason=reason)

    def keys(self) -> list[Key]:
        """Give the keys of all clusters, in the order in which they were first seen."""
        return list(self._spellings)

    def ambiguous(self) -> Iterator[Lookalikes]:
        """Give pairs of clusters that look alike and were not joined: one name begins with the other, or a few letters differ."""
        forms = {key: normal_form(next(iter(spellings))) for key, spellings in self._spellings.items()}
        found: dict[tuple[Key, Key], str] = {}
        for block_of in (_first_word, _last_word, _first_letters):   # one after the other, since each holds all clusters
            for keys in self._blocks(forms, block_of).values():
                for pair in combinations(sorted(keys[:_MAX_BLOCK]), 2):
                    if pair not in found and (reason := _alike(forms[pair[0]], forms[pair[1]])):
                        found[pair] = reason
        for one, other in sorted(found):
            yield Lookalikes(one=one, other=other, names=(self._name(one), self._name(other)), reason=found[one, other])

    def _blocks(self, forms: Mapping[Key, str], block_of: Callable[[str], str]) -> Mapping[str, list[Key]]:
        """Give the clusters that may be alike; those of which every spelling was decided are left out."""
        settled = {_decided(text) for text in self._decisions}
        blocks: dict[str, list[Key]] = defaultdict(list)
        for key, form in forms.items():
            if form and not all(_decided(text) in settled for text in self._spellings[key]):
                blocks[block_of(form)].append(key)
        return blocks

    def _name(self, key: Key) -> str:
        spellings = self._spellings.get(key) or {"": 0}
        return max(spellings, key=spellings.__getitem__)

    def _why(self, key: Key, spellings: Mapping[str, int]) -> str:
        if any(_decided(text) in self._decisions for text in spellings):
            return "decided by a person"
        if len(spellings) == 1:
            return "one spelling"
        return f'the same words without legal form, case and punctuation: "{normal_form(next(iter(spellings)))}"'

    def _decided_reason(self, text: str) -> str:
        return "decided by a person: no company" if _decided(text) in self._decisions else ""


def _alike(one: str, other: str) -> str:
    left, right = sorted((one.split(), other.split()), key=lambda words: (len(words), words))
    if one.replace(" ", "") == other.replace(" ", ""):
        return "the same letters, blanks apart"
    if right[: len(left)] == left:
        return "one name begins with the other"
    if min(len(one), len(other)) > 4 and fuzz.ratio(one, other) >= _SIMILAR:
        return "a few letters apart"
    return ""


def _first_word(form: str) -> str:
    return form.partition(" ")[0]


def _last_word(form: str) -> str:
    return form.rpartition(" ")[2]


def _first_letters(form: str) -> str:
    return form.replace(" ", "")[:6]


def _key_of(form: str) -> Key:
    return "c" + hashlib.sha256(form.encode()).hexdigest()[:12]


def _decided(text: str) -> str:
    return squeeze(text).casefold()
