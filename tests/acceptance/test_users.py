"""Owners, groups and rights: matched, gated, listed for people to set up."""

from __future__ import annotations

from tests.acceptance.evidence import Run
from tests.acceptance.runs import LATECOMER
from tests.flow.harness import FALLBACK

_OWNED = ("lead", "note", "call", "email", "reminder")


def _owned(run: Run, key: str) -> int:
    return sum(row.get("userid") == key for kind in _OWNED for row in run.source.of(kind).values())


def test_g_30_users_are_matched_by_email(api: Run) -> None:
    """G-30: case and blanks do not hinder the match; who has no user is listed with the number of their records."""
    shown = {each["key"]: each for each in api.looks["owners"].answers["/v1/owners"]["owners"]}
    for key, row in api.source.of("user").items():
        expected = api.looks["owners"].destination.user_by_email(row["email"]) if row["email"] else None
        assert shown[key]["match"] == expected, row["name"]
    untidy = next(key for key, row in api.source.of("user").items() if row["email"] != row["email"].strip().lower() and row["email"])
    assert shown[untidy]["how"] == "email"
    assert all(each["records"] > 0 for each in shown.values() if each["match"] is None and each["records"])
    assert api.looks["owners"].answers["/v1/owners"]["unmatched"] == sum(
        1 for each in shown.values() if each["match"] is None and each["records"]
    )


def test_lt_28_users_are_exported_with_name_email_and_role(api: Run) -> None:
    """LT-28: the owner table has name, e-mail, role and the destination user of every user."""
    rows = {row["key"]: row for row in api.tables["reconciliation.owners.owners"]}
    for key, row in api.source.of("user").items():
        assert (rows[key]["name"], rows[key]["role"]) == (row["name"], row["role"])
        assert api.after.user_by_email(row["email"]) in (rows[key]["destination_user"], None) or not row["email"]


def test_lt_30_nobody_is_invited_and_everybody_is_listed(api: Run) -> None:
    """LT-30: the list tells who is active and who is to be invited; the migration made no user."""
    rows = {row["key"]: row for row in api.report("invitations")["rows"]}
    assert set(api.source.of("user")) <= rows.keys()
    assert {row["status"] for row in rows.values()} <= {"to invite", "already active", "has left", "no e-mail"}
    added = api.after.of("users").keys() - api.before.of("users").keys()
    assert [api.after.of("users")[rid]["emails"] for rid in added] == [[LATECOMER["email"]]], "only the operator added somebody"
    assert not any("newUser" in name or "POST /rest/users" in name for name in api.looks["watch"].calls)


def test_lt_31_users_not_found_are_in_the_reconciliation(api: Run) -> None:
    """LT-31: who has no user of their own stands there with what they own, and to whom it went."""
    owners = api.report("reconciliation")["owners"]
    assert owners["fallback"] == FALLBACK
    fallen = [row for row in owners["owners"] if row["via"] == "fallback"]
    assert fallen
    assert all(row["total"] > 0 and row["destination_user"] == api.after.user_by_email(FALLBACK) for row in fallen)
    assert owners["summary"]["fallback"]["users"] == len(fallen)


def test_lt_32_no_person_is_moved_before_every_owner_has_a_user(api: Run) -> None:
    """LT-32: the gate holds with the list of owners, lets nothing past, counts again after a user was added, and opens in the end."""
    before = api.looks["owners"].answers["/v1/owners"]
    assert before["unmatched"] > 0
    assert api.notes["contacts at owners gate"] == len(api.before.of("contacts"))
    after = api.notes["owners after provisioning"]
    assert after["unmatched"] == before["unmatched"] - 1
    assert next(each for each in after["owners"] if each["email"] == LATECOMER["email"])["how"] == "email"
    opened = max(each["seq"] for each in api.audit if each["action"] == "phase" and each["note"] == "every owner has a user")
    first = min(each["seq"] for each in api.audit if each["action"] == "phase" and each["note"] == "every owner has a user")
    people = [each["seq"] for each in api.audit if each["action"] == "write.create.confirmed" and each["kind"] == "lead"]
    assert first < min(people)
    assert opened < max(people)


def test_lt_33_the_roster_of_groups_is_whole(api: Run) -> None:
    """LT-33: the table has a line for each member of each group."""
    lines = {(row["group_key"], row["member"]) for row in api.tables["groups"]}
    assert lines == {(key, member) for key, row in api.source.of("group").items() for member in row["members"]}


def test_lt_34_each_group_has_a_team_or_none_yet(api: Run) -> None:
    """LT-34: the mapping table names a team for each group, or says that there is none yet."""
    teams = {row["group_key"]: row for row in api.tables["groups.teams"]}
    assert teams.keys() == api.source.of("group").keys()
    assert all(row["destination_team"] for row in teams.values())


def test_lt_35_rights_to_set_by_hand_are_told(api: Run) -> None:
    """LT-35: each group shows its rights in the source and what to set in the destination."""
    for row in api.tables["groups.teams"]:
        assert row["permission"] == api.source.of("group")[row["group_key"]]["permission"]
        assert len(row["set_by_hand"]) > 20
