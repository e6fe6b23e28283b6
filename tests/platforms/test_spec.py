"""The declarative spec: overrides are merged, every fault is reported at once, and no write function can be named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.errors import ConfigError
from streamflow.platforms.spec import CALL_NAME, DENIED_PREFIXES, is_write
from streamflow.platforms.spec_toml import load
from streamflow.sandbox.leadperfection.server import READS
from streamflow.sandbox.leadperfection.writes import WRITES

from .leadtrekker_rig import load_spec


def test_shipped_spec_loads_with_parents_before_children() -> None:
    """The shipped spec has no fault, and its streams come in the order in which they can be linked."""
    spec = load_spec(reader="api")
    order = list(spec.streams)
    assert order[:4] == ["user", "group", "source", "status"]
    assert order.index("lead") < min(order.index(kind) for kind in ("note", "call", "email", "reminder", "attachment"))
    assert [kind for kind, stream in spec.streams.items() if stream.parent == "lead"] == ["note", "call", "email"]


def test_overrides_are_merged_table_by_table() -> None:
    """What the operator names is replaced, what stands beside it stays, and other streams are untouched."""
    spec = load_spec({"lead": {"list": {"function": "fetchleads"}, "paging": {"size": 100}, "reader": "files"}}, reader="api")
    lead = spec.streams["lead"]
    assert lead.list is not None
    assert (lead.list.function, lead.list.records_at) == ("fetchleads", ("leads", "$"))
    assert (lead.paging.style, lead.paging.size, lead.reader) == ("page", 100, "files")
    assert spec.streams["note"].reader == "api"
    assert "fetchleads" in spec.calls()
    assert "getleads" not in spec.calls()


def test_operator_zone_and_date_formats_reach_every_stream() -> None:
    """Zone and formats set once hold everywhere, before the shipped formats."""
    spec = load_spec(timezone="Europe/Berlin", date_formats=["%d.%m.%Y"])
    assert {stream.timezone for stream in spec.streams.values()} == {"Europe/Berlin"}
    assert spec.streams["note"].date_formats[0] == "%d.%m.%Y"


def test_all_faults_come_at_once_with_their_paths() -> None:
    """One look at the message is enough to mend everything."""
    wrong: dict[str, dict[str, Any]] = {
        "led": {},
        "lead": {"key": 5, "pagin": {}, "paging": {"style": "pge", "size": 0}, "dates": {"timezone": "Mars/Olympus"}},
        "note": {
            "decode": {"note": "rot13"}, "text": ["nte"], "list": {"function": "a/../b"}, "rewritten": ["leadid"], "moved_by": ["creatd"],
        },
    }
    with pytest.raises(ConfigError) as caught:
        load_spec(wrong, reader="api")
    faults = "\n".join(caught.value.faults)
    for part in (
        "source.streams.led: unknown stream (did you mean 'lead'?)", "source.streams.lead.key: expected a text, not 5",
        "source.streams.lead.pagin: unknown key (did you mean 'paging'?)", "source.streams.lead.paging.style: expected one of none, page",
        "source.streams.lead.paging.size: expected 1 or more", "source.streams.lead.timezone: unknown time zone 'Mars/Olympus'",
        "source.streams.note.decode.note: expected one of none, base64", "'nte' is used and not listed (did you mean 'note'?)",
        "source.streams.note.list.function: expected a plain name", "source.streams.note.rewritten: 'leadid' is not one of same_by",
        "source.streams.note.moved_by: 'creatd' is not one of fields (did you mean 'created'?)",
    ):  # fmt: skip
        assert part in faults


def test_links_to_unknown_streams_and_readers_without_a_way_are_faults() -> None:
    """A spec that could not be read is refused before anything is asked."""
    shipped = """
        platform = "x"
        [streams.lead]
        key = "id"
        fields = ["id"]
        [streams.note]
        key = "id"
        fields = ["id"]
        parent = "leed"
        reader = "api"
        [streams.note.list]
        function = "getnotes"
    """
    with pytest.raises(ConfigError) as caught:
        load(shipped, {})
    faults = "\n".join(caught.value.faults)
    assert "source.streams.note.parent: no stream 'leed' (did you mean 'lead'?)" in faults
    assert "source.streams.note.list.key_param: expected the parameter" in faults
    assert "source.streams.lead.files.globs: reader is files" in faults


def test_faults_of_windows_proofs_and_files_of_records() -> None:
    """What could not be read by windows, proved or found as a file is refused with its path."""
    shipped = """
        platform = "x"
        [streams.visit]
        key = "id"
        reader = "api"
        fields = ["id"]
        [streams.visit.dates]
        fraction = "half"
        [streams.visit.paging]
        style = "offset"
        prove = true
        [streams.visit.window]
        from_param = "a"
        step_days = 1
        start = "yesterday"
        [streams.visit.list]
        function = "Visits/GetVisits"
        [streams.bell]
        key = "id"
        fields = ["id"]
        [streams.bell.window]
        from_param = "a"
        start = "2026-01-01"
        [streams.bell.files]
        globs = ["bells.csv"]
        [streams.shift]
        key = "id"
        fields = ["id"]
        [streams.shift.paging]
        style = "page"
        size_param = ""
        [streams.shift.window]
        from_param = "a"
        to_param = "b"
        step_days = 1
        start = "2026-01-01"
        [streams.shift.files]
        globs = ["shifts.csv"]
        [streams.paper]
        key = "id"
        role = "file"
        fields = ["id", "name"]
        [streams.paper.files]
        globs = ["attachments/*/*"]
        is = { id = "id", nam = "name", name = "title" }
    """
    with pytest.raises(ConfigError) as caught:
        load(shipped, {})
    assert sorted(caught.value.faults) == [
        "source.streams.bell.window.start: only a stretch that is read by windows has a start; set step_days",
        "source.streams.paper.fields: 'nam' is used and not listed (did you mean 'name'?)",
        "source.streams.paper.files.is.name: expected one of id, owner, name, size, sha256, path, not 'title'",
        "source.streams.paper.files.is: no field is the owner, size, sha256, path of a file",
        "source.streams.shift.paging.size_param: expected the parameter that asks for so many rows",
        "source.streams.visit.dates.fraction: expected one of nearest, cut, not 'half'",
        "source.streams.visit.paging.prove: there is nothing to prove where style is offset",
        "source.streams.visit.window.start: expected the day of the oldest record, such as 2009-01-01, not 'yesterday'",
        "source.streams.visit.window.to_param: expected the parameter that takes the end of a window",
    ]


@settings(deadline=None, max_examples=25)      # each loads a whole spec
@given(
    prefix=st.sampled_from(DENIED_PREFIXES), rest=st.text("abcXYZ019_", max_size=12), upper=st.booleans(), lead=st.sampled_from(["", "_"])
)
def test_no_write_name_gets_into_a_spec(prefix: str, rest: str, upper: bool, lead: str) -> None:
    """Whatever follows a write prefix, and however it is written, the name is refused as a read function."""
    name = lead + (prefix.upper() if upper else prefix) + rest
    assert is_write(name)
    with pytest.raises(ConfigError) as caught:
        load_spec({"lead": {"list": {"function": name}}}, reader="api")
    assert any("is named like a write" in fault for fault in caught.value.faults)


@pytest.mark.parametrize(
    "name",
    [
        "Leads/LeadAdd", "Customers/UpdateCustomer", "Customers/UpdateDNCStatus", "SalesApi/AddNotes", "Installer/AddJobImages", "LeadADD",
        "lead_add", "Leads/_SendMail", "createlead/now", "Leads/addLead", "Jobs/JobUpsert", "createlead/",
    ],
)
def test_a_write_is_known_by_its_words_wherever_they_stand(name: str) -> None:
    """A verb of writing at the end of a CamelCase name, behind a controller or before a slash, is found."""
    assert is_write(name)


def test_reads_and_writes_of_the_second_platform_are_told_apart() -> None:
    """Every call of Lead Perfection that writes is refused, and every documented read is allowed."""
    writes = [f"{controller}/{name}" for controller, names in WRITES.items() for name in names]
    reads = [f"{controller}/{name}" for controller, names in READS.items() for name in names]
    assert len(writes) > 10
    assert [name for name in writes if not is_write(name)] == []
    assert [name for name in reads if is_write(name) or not CALL_NAME.fullmatch(name)] == []
