"""Targets: rows of Leadtrekker all the way through the map, so that no value a source can hold stops a batch."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from hypothesis import strategies as st

from streamflow.mapping.compiled import Mapper
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.leadtrekker.doors import DOORS
from streamflow.platforms.rows.canon import Canon, Pass
from streamflow.platforms.rows.roster import Roster
from tests.fuzz.target import HARD, Target, json, scalars
from tests.mapping.builders import CHILDREN, SPELT, mapper

_KINDS = {"lead": {**SPELT, "custom_fields": SPELT["custom"]}, **{kind: CHILDREN[kind] for kind in ("note", "call", "email", "reminder")}}


@cache
def _mapper() -> Mapper:
    return mapper()


@cache
def _canon(kind: str) -> Canon:
    spec = DOORS.load_spec(SourceSettings(reader="api"))
    return Canon(spec.streams[kind], null_words=spec.null_words, region=spec.region, reader="api", decoders=DOORS.decoders)


def _rows() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """Give (kind, row): one that is well, with some of its values replaced."""

    def spoilt(kind: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        row = {name: value for name, value in _KINDS[kind].items() if name != "custom"}
        names = st.sampled_from([name for name in row if name != next(iter(row))])
        values = st.one_of(st.sampled_from(HARD), scalars, json, st.text(alphabet="<>&;@+-0123456789ab \n|/.:", max_size=40))
        return st.tuples(st.just(kind), st.dictionaries(names, values, min_size=1, max_size=4).map(lambda changes: {**row, **changes}))

    return st.sampled_from(sorted(_KINDS)).flatmap(spoilt)


def _drafts(drawn: tuple[str, dict[str, Any]]) -> None:
    """Every record is mapped or filtered with a reason; what is mapped can be sent and comes out the same again."""
    kind, raw = drawn
    record = _canon(kind).record(orjson.loads(orjson.dumps(raw)), roster=Roster(), memory=Pass())
    if record is None:
        return
    derived = _mapper().drafts(record)
    assert derived.drafts or derived.filtered or derived.issues
    orjson.dumps([draft.fields for draft in derived.drafts], default=str)
    assert derived == _mapper().drafts(record)
    _mapper().addresses(record)
    if kind == "lead":
        _mapper().person(record)
        _mapper().company_text(record)


TARGETS = (Target(name="records through the map", feed=_rows(), check=_drafts),)
