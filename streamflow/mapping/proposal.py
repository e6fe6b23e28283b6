"""
A first map for an account: the shipped knowledge of the pair, what was observed, and what the destination has already.

The ladder for a custom field: known label → destination field of the same label → of the same words → of nearly the same
words → a new field.
Every step has its confidence and reason; what was not chosen stays as an alternative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rapidfuzz import fuzz

from streamflow.mapping.catalogue import DETAILS
from streamflow.mapping.document import Alternative, MapDocument, ObjectMap, Row
from streamflow.mapping.labels import label_key, merge_labels, target_label
from streamflow.mapping.observe import FieldSeen, Observation
from streamflow.mapping.pair import Pair, Role
from streamflow.mapping.schema import fit_to_limit
from streamflow.mapping.settings import settings_of
from streamflow.model import Kind

_FUZZY = 86.0
_MAX_ALTERNATIVES = 3
_PURPOSE_SURE = 0.8
_MOST_JOINED_CHOICES = 24
_SHARE_TO_BE_SURE = 0.02
_LINE_TARGETS = {"notes": "body", "activities": "description", "tasks": "description"}
_BLOCK_TARGETS = {"contacts": "description", "leads": DETAILS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingField:
    """A custom field the destination has already."""

    entity: Kind
    label: str
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a proposal rests on besides the pair."""

    observation: Observation
    existing: Sequence[ExistingField] = ()
    custom_field_limit: int | None = None  # the plan's, when the operator knows it
    settings: Mapping[str, Any] = field(default_factory=dict)
    companies: Mapping[str, str] = field(default_factory=dict)


def propose(pair: Pair, account: Account) -> MapDocument:
    """Make the proposal: every known and every observed field has a row with confidence, reason, samples, alternatives. Deterministic."""
    objects = tuple(_object(one, pair, account) for one in pair.objects)
    settings = settings_of(account.settings, pair)
    document = MapDocument(pair=pair.name, objects=objects, settings=settings, companies=dict(account.companies))
    if account.custom_field_limit is None:
        return document
    existing = [(one.entity, one.label) for one in account.existing]
    filled = {(kind, name): seen.filled for kind in pair.written for name, seen in account.observation.fields(kind).items()}
    return fit_to_limit(document, account.custom_field_limit, existing, filled)


def _object(one: ObjectMap, pair: Pair, account: Account) -> ObjectMap:
    seen = account.observation.fields(one.source)
    rows = [replace(row, samples=tuple(seen[row.source].samples)) if row.source in seen else row for row in one.rows]
    if pair.object(one.source) is not one:  # what the account shows is the business of the kind's main object
        return replace(one, rows=tuple(rows))
    taken = {row.source for row in rows}
    fresh = [name for name in seen if name not in taken]
    if one.takes_custom:
        own = [name for name in fresh if name.startswith("custom:") and pair.purpose(one.source, name[7:]) is None]
        rows += _CustomRows(one, pair, account).rows(own)
        rows += [_elsewhere(one, pair, seen[name]) for name in sorted(set(fresh) - set(own)) if name.startswith("custom:")]
        rows += _from_children(one, pair, account)
        fresh = [name for name in fresh if not name.startswith("custom:")]
    rows += [_unknown(one, seen[name]) for name in sorted(fresh)]
    return replace(one, rows=tuple(rows))


def _elsewhere(one: ObjectMap, pair: Pair, seen: FieldSeen) -> Row:
    """
    Say where a custom field goes whose purpose is another record's; a person may give it a target here instead.

    What the other record shows is one of several values, so each is kept beside its own as well.
    """
    label = seen.name.removeprefix("custom:")
    plan, purpose, home = pair.of(one.source), pair.purpose(one.source, label), _BLOCK_TARGETS.get(one.destination)
    why = f"goes to the {plan.parent} as {one.source}.{seen.name}: {purpose.reason if purpose is not None else ''}"
    row = Row(
        source=seen.name,
        target=None,
        transform="none",
        confidence=_PURPOSE_SURE,
        samples=tuple(seen.samples),
        alternatives=(Alternative(target=f"custom:{target_label(label)}", confidence=1 - _PURPOSE_SURE, reason="a field of this record"),),
    )
    if home is None:
        return replace(row, not_moved=why)
    return replace(row, target=home, transform="block", params={"label": target_label(label)}, reason=f"{why}; here as it was for this one")


def _from_children(one: ObjectMap, pair: Pair, account: Account) -> list[Row]:
    """Give roll-up rows for custom fields of what hangs on a kind that tell something of the record itself."""
    made: list[Row] = []
    taken = {row.target for row in one.rows}
    for kind in pair.hanging_on(one.source):
        if pair.of(kind).role is not Role.DEAL:
            continue
        for name, seen in sorted(account.observation.fields(kind).items()):
            purpose = pair.purpose(kind, name[7:]) if name.startswith("custom:") else None
            if purpose is None:
                continue
            label = target_label(name[7:])
            target = f"custom:{label}" if f"custom:{label}" not in taken else f"custom:{label} ({pair.of(kind).noun})"
            family = "text" if seen.family == "choice" else seen.family
            made.append(
                Row(
                    source=f"{kind}.{name}",
                    target=target,
                    transform="rollup",
                    params={"pick": purpose.pick},
                    family=family,
                    confidence=_PURPOSE_SURE,
                    reason=purpose.reason,
                    samples=tuple(seen.samples),
                )
            )
    return made


def _unknown(one: ObjectMap, seen: FieldSeen) -> Row:
    """Give a field nobody foresaw a home that loses nothing: a labelled line, or a field of its own on people."""
    label = target_label(seen.name.removeprefix("custom:").replace("_", " ").capitalize())
    target, home = _LINE_TARGETS.get(one.destination), _BLOCK_TARGETS.get(one.destination)
    family = "long" if seen.family == "long" else "text"
    row = Row(source=seen.name, target=None, transform="none", family=family, confidence=0.5, samples=tuple(seen.samples))
    if target is not None:
        return replace(row, target=target, transform="line", params={"label": label}, reason="not a known field; kept as a labelled line")
    if home is not None:
        where = "the description" if home == "description" else "a note"
        return replace(row, target=home, transform="block", params={"label": label}, reason=f"not a known field; kept in {where}")
    return replace(row, not_moved="not a known field, on a kind that is not written; kept in the ledger")


class _CustomRows:
    """Rows for the custom fields of a kind."""

    def __init__(self, one: ObjectMap, pair: Pair, account: Account) -> None:
        self._seen = account.observation.fields(one.source)
        self._pair = pair
        self._currency = str(settings_of(account.settings, pair)["currency"])
        self._total = max(1, account.observation.records.get(one.source, 1))
        self._existing = [each for each in account.existing if each.entity == one.destination]
        self._native = {
            label_key((row.target or "").removeprefix("custom:")): row for row in one.rows if (row.target or "").startswith("custom:")
        }
        self._together = account.observation.together

    def rows(self, names: list[str]) -> list[Row]:
        """Give a row for each custom field, heads of drifted labels before what joins them, in order of label."""
        moved = {
            name.removeprefix("custom:"): self._seen[name].filled
            for name in names
            if not self._pair.why_not_moved(name.removeprefix("custom:"))
        }
        heads = merge_labels(moved, self._together)
        made: dict[str, Row] = {}
        copies: list[Row] = []
        for name in sorted(names, key=lambda name: (heads.get(name[7:], (name[7:], 1.0))[0] != name[7:], name)):
            label = name.removeprefix("custom:")
            seen = self._seen[name]
            if reason := self._pair.why_not_moved(label):
                made[name] = Row(
                    source=name,
                    target=None,
                    transform="none",
                    not_moved=reason,
                    confidence=0.9,
                    samples=tuple(seen.samples),
                    alternatives=(Alternative(target=f"custom:{target_label(label)}", confidence=0.1, reason="a field of its own"),),
                )
                continue
            head, sure = heads[label]
            joins = head != label and self._can_join(seen, made[f"custom:{head}"])
            made[name] = self._joined(seen, made[f"custom:{head}"], head, sure) if joins else self._own(label, seen)
            known = self._pair.known(label)
            if known is not None and known.also_custom:
                copies.append(replace(self._as_custom(label, seen, "text"), reason="kept as it was written, besides"))
        return [*made.values(), *copies]

    @staticmethod
    def _can_join(seen: FieldSeen, head: Row) -> bool:
        """A choice field takes another label's values only while they stay few."""
        return head.family != "choice" or (not seen.is_capped and len(seen.distinct) <= _MOST_JOINED_CHOICES)

    def _joined(self, seen: FieldSeen, head: Row, head_label: str, sure: float) -> Row:
        how = "the same words" if sure > 0.9 else "nearly the same words"
        own = Alternative(
            target=f"custom:{target_label(seen.name.removeprefix('custom:'))}", confidence=1 - sure, reason="a field of its own"
        )
        return replace(
            head,
            source=seen.name,
            confidence=min(sure, head.confidence),
            samples=tuple(seen.samples),
            alternatives=(own,),
            params={**head.params, "choices": list(dict.fromkeys((*head.params["choices"], *seen.choices)))}
            if head.family == "choice"
            else head.params,
            reason=f"{how} as {head_label!r}: one field whose label drifted",
        )

    def _own(self, label: str, seen: FieldSeen) -> Row:
        samples = tuple(seen.samples)
        known = self._pair.known(label)
        if known is not None and known.target is not None:
            own = Alternative(target=f"custom:{target_label(label)}", confidence=0.3, reason="a field of its own")
            return Row(
                source=seen.name,
                target=known.target,
                transform=known.transform,
                family=known.family or "text",
                confidence=known.confidence,
                reason=known.reason,
                samples=samples,
                alternatives=(own,),
            )
        return self._as_custom(label, seen, known.family if known is not None and known.family else seen.family)

    def _as_custom(self, label: str, seen: FieldSeen, family: str) -> Row:
        """Give the custom field the ladder finds, with the other rungs as alternatives."""
        ladder = sorted(self._ladder(label, family, seen), key=lambda step: -step[1])
        (target, confidence, reason), *others = ladder
        existing = next((each for each in self._existing if f"custom:{each.label}" == target), None)
        family = existing.family if existing is not None else family
        if family == "choice" and not seen.choices:
            family = "text"
        return Row(
            source=seen.name,
            target=target,
            transform="text",
            params=self._params(family, seen),
            family=family,
            confidence=round(confidence, 2),
            reason=reason,
            samples=tuple(seen.samples),
            alternatives=tuple(
                Alternative(target=one, confidence=round(sure, 2), reason=why) for one, sure, why in others[:_MAX_ALTERNATIVES]
            ),
        )

    def _ladder(self, label: str, family: str, seen: FieldSeen) -> list[tuple[str, float, str]]:
        steps: list[tuple[str, float, str]] = []
        for each in self._existing:
            if label_key(each.label) in self._native:
                continue
            sure, how = _closeness(label, each.label)
            if sure and not _fits(family, each.family):
                sure, how = min(sure, 0.4), f"{how}, but it is {each.family} and the values look like {family}"
            if sure:
                steps.append((f"custom:{each.label}", sure, how))
        own = target_label(label)
        clash = self._native.get(label_key(own))
        if clash is not None:  # the label is one of ours: keep both apart
            own = f"{own} (form)"
        if not any(target == f"custom:{own}" for target, _, _ in steps):
            share = seen.filled / self._total
            sure = 0.85 if share >= _SHARE_TO_BE_SURE else 0.65
            note = "" if share >= _SHARE_TO_BE_SURE else "; rarely filled, perhaps not worth a field"
            steps.append((f"custom:{own}", sure, f"new {family} field of the same label{note}"))
        return steps

    def _params(self, family: str, seen: FieldSeen) -> dict[str, Any]:
        if family == "choice":
            return {"choices": list(seen.choices)}
        return {"currency": self._currency} if family == "money" else {}


def _closeness(label: str, other: str) -> tuple[float, str]:
    if label == other:
        return 0.98, "a field of the same label exists"
    if label_key(label) == label_key(other):
        return 0.92, "a field of the same words exists"
    ratio = fuzz.token_sort_ratio(label_key(label), label_key(other))
    return (round(0.4 + 0.28 * ratio / 100, 2), "a field with a similar label exists") if ratio >= _FUZZY else (0.0, "")


def _fits(family: str, existing: str) -> bool:
    return family == existing or existing in ("text", "long")
