"""Owners whom the source names without an address: matched by the operator's file, by id or by a name that one alone has."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from streamflow.clock import SystemClock
from streamflow.errors import ConfigError
from streamflow.mapping.owning import name_key
from streamflow.migration.owners import UNOWNED, Owner, directory_of, match, tally, unmatched, unowned_changes, without_user
from streamflow.migration.owners_file import OwnersFile, read_file
from streamflow.model import Record, RecordState, Ref
from streamflow.stages.roles import roles_of
from streamflow.store.change import Reopen, ResolveItem
from streamflow.store.memory import MemoryLedger
from tests.mapping.porch import PORCH

USERS = [{"id": f"{n}-users", "email": f"u{n}@x.test", "enabled": True} for n in range(1, 6)]
REPS = [("87", "Ben Okafor"), ("~a1", "Ben Okafor"), ("88", "Ana Ruiz"), ("~b2", "Kim Lowe"), ("90", "Twin Name"), ("91", "Twin Name")]


def owners(counted: dict[str, int], file: OwnersFile | None = None, fallback: str | None = None) -> dict[str, Owner]:
    """Join that roster with what each name owns, and match it."""
    roster = [Record(kind="rep", key=key, data={"name": name}, digest="") for key, name in REPS]
    found = tally(roster, {name: Counter(quote=count) for name, count in counted.items()}, pair=PORCH)
    return {each.key: each for each in match(found, USERS, file or OwnersFile(), fallback)}


@pytest.mark.parametrize("text", ["Okafor, Ben", "Okafor, Ben - OFFICE", " ben  OKAFOR ", "Ben Okafor"])
def test_names_are_compared_whatever_their_form(text: str) -> None:
    """Order, case and the office behind a name do not matter."""
    assert name_key(text) == "ben okafor"


def test_a_rep_is_one_owner_however_records_name_them() -> None:
    """By id and by name the same person; whom the roster has twice, without an id too, is there once; twins stay apart."""
    found = owners({"87": 2, "Okafor, Ben": 3, "Kim Lowe": 1, "Twin Name": 1, "Nobody Known": 1})
    assert {key: each.total for key, each in found.items() if each.total} == {"87": 5, "~b2": 1, "Twin Name": 1, "Nobody Known": 1}
    assert "~a1" not in found


def test_the_file_matches_by_id_and_by_name(tmp_path: Path) -> None:
    """The columns of the platform are understood; lines without an id count by name; a name with two addresses counts for nobody."""
    path = tmp_path / "reps.csv"
    path.write_text(
        "lp_rep_id;lp_name;email\n87;Somebody Else;u1@x.test\n;Ruiz, Ana;U2@x.test\n;Kim Lowe;u3@x.test\n;Twin Name;u4@x.test\n"
        "99;twin name;u5@x.test\n;Nobody;\n"
    )  # fmt: skip
    found = owners({"Ben Okafor": 1, "88": 1, "Kim Lowe": 1, "Twin Name": 1, "91": 1}, read_file(path))
    assert {key: each.dest_id for key, each in found.items()} == {
        "87": "1-users", "88": "2-users", "~b2": "3-users", "90": None, "91": None, "Twin Name": None,
    }  # fmt: skip
    assert [each.via for each in found.values() if each.dest_id] == ["file"] * 3
    assert sorted(each.key for each in unmatched(found.values())) == ["91", "Twin Name"]


def test_a_name_tells_who_it_is_only_where_one_has_it() -> None:
    """Records that name their owner in words find the user; a name of several finds the fallback, which is never an author."""
    found = owners({}, OwnersFile(by_id={"87": "u1@x.test", "90": "u2@x.test", "91": "u3@x.test"}), fallback="u5@x.test")
    directory = directory_of(found.values(), roles_of(PORCH))
    assert directory.lookup(Ref("rep", "Okafor, Ben")) == "1-users"
    assert (directory.author("Ben Okafor"), directory.author("90")) == ("1-users", "2-users")
    assert (directory.lookup(Ref("rep", "Twin Name")), directory.author("Twin Name")) == ("5-users", None)


@pytest.mark.parametrize(("fallback", "via"), [(None, "unmatched"), ("u5@x.test", "fallback")])
def test_lp_19_the_scope_names_each_owner_without_a_user_and_counts_the_records(fallback: str | None, via: str) -> None:
    """Whom neither address nor file gives a user stands there with what belongs to them, most first; the fallback hides nobody."""
    told = without_user(owners({"87": 2, "88": 1, "Kim Lowe": 4}, OwnersFile(by_id={"88": "u2@x.test"}), fallback).values())
    assert told == {"with_records": 3, "records_without_user": 6, "unmatched": [
        {"owner": "~b2", "name": "Kim Lowe", "email": "", "via": via, "records": 4, "quote": 4},
        {"owner": "87", "name": "Ben Okafor", "email": "", "via": via, "records": 2, "quote": 2},
    ]}  # fmt: skip


def test_a_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    """A file that names nobody, or that is no text, is a fault of the configuration and says so."""
    path = tmp_path / "reps.csv"
    for bad in (b"lp_rep_id,phone\n1,2\n", b"email\na@x\n", b"", b"id,email\n\xff\xfe,a\n"):
        path.write_bytes(bad)
        with pytest.raises(ConfigError, match=r"reps\.csv"):
            read_file(path)


async def test_a_record_whose_owner_has_nobody_is_never_held_without_a_question() -> None:
    """Tried again while the owner still has no user, or with another one who has none: it is held again, and somebody is asked again."""
    ledger = MemoryLedger(clock=SystemClock())
    await ledger.stage([Record(kind="quote", key="1", data={}, digest="")], scan="read")
    for name in ("87", "87", "88"):
        [staged] = await ledger.pending("quote", limit=10)
        await ledger.commit(await unowned_changes(ledger, staged, name))
        [item] = await ledger.queue(cause=UNOWNED)
        assert (item.key, item.details["owner"]) == ("1", name)
        assert (await ledger.staged("quote", ["1"]))["1"].state is RecordState.HELD
        await ledger.commit([ResolveItem(id=item.id, decision="retry", by="uid:7"), Reopen(kind="quote", keys=("1",))])
