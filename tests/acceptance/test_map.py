"""The map, the scope and the sample: what people see and confirm before anything is written."""

from __future__ import annotations

from tests.acceptance.evidence import Json, Run
from tests.acceptance.reading import WRITES, crosswalk, custom, persons, rows_of, written
from tests.acceptance.runs import RENAMED
from tests.judge import texts
from tests.judge.refusals import LIVES_AT

NO_FIELDS = frozenset({"custom_fields", LIVES_AT})
"""Of a row of the account's true state: what is told by label, and what the simulator says of where it keeps the row."""


def _document(run: Run, look: str = "watch") -> Json:
    document: Json = run.looks[look].answers["/v1/map"]["document"]
    return document


def test_g_01_every_source_field_has_a_place_or_a_reason(api: Run) -> None:
    """G-01: each field of each kind has a target with a transform, or is not moved for a reason that is said."""
    known = {(one["source"], texts.squeeze(row["source"])) for one, row in rows_of(_document(api))}
    seen = {(kind, name) for kind, rows in api.source.rows.items() for row in rows.values() for name in row if name not in NO_FIELDS}
    labels = {label for row in api.source.of("lead").values() for label in row["custom_fields"]}
    seen |= {("lead", f"custom:{texts.squeeze(label)}") for label in labels}
    # An attachment is a file here: its manifest knows other things of it than the app does.
    assert not {place for place in seen - known if place[0] != "attachment"}
    for one, row in rows_of(_document(api)):
        assert row["transform"] != "none" if row["target"] else row["not_moved"], (one["source"], row["source"])


def test_g_04_the_schema_is_there_before_the_first_record(api: Run) -> None:
    """G-04: custom fields and their options exist when not a single record has been written."""
    look = api.looks["owners"]
    assert look.destination.of("contacts").keys() == api.before.of("contacts").keys()
    there = {(kind, each["title"]): set(each["enum"]) for kind, fields in look.fields.items() for each in fields}
    for wanted in look.report("scope")["fields_to_create"]:
        place = wanted["entity"], wanted["label"]
        assert place in there
        assert not wanted["choices"] or set(wanted["choices"]) <= there[place], place


def test_g_06_nothing_is_written_before_the_map_is_confirmed(api: Run) -> None:
    """G-06: at the map gate no call that writes has been made; the confirmation of that digest stands in the log before all writes."""
    assert not written(api.looks["map"].calls)
    assert written(api.looks["watch"].calls), "the pattern that finds writes finds some later"
    assert api.looks["map"].destination == api.before
    confirmed = next(each for each in api.audit if each["action"] == "gate.map.confirmed")
    assert confirmed["note"] == api.looks["map"].answers["/v1/map"]["digest"]
    assert confirmed["actor"] != "streamflow"
    writing = [each["seq"] for each in api.audit if each["action"].startswith(("probe.", "field.", "write."))]
    assert confirmed["seq"] < min(writing)


def test_g_07_the_proposal_can_be_reviewed(api: Run) -> None:
    """G-07: each proposed custom field shows confidence, reason, sample values and alternatives; how many are unsure is counted."""
    proposed = [row for _, row in rows_of(_document(api, "map")) if row["source"].startswith("custom:")]
    assert len(proposed) >= 10
    for row in proposed:
        assert 0 < row["confidence"] <= 1
        assert row["reason"] or row["not_moved"]
        assert row["samples"], row["source"]
    assert any(row["alternatives"] for row in proposed)
    assert all(each["confidence"] and each["reason"] for row in proposed for each in row["alternatives"])
    assert isinstance(api.looks["map"].report("scope")["compatibility"]["low"], int)


def test_g_11_the_map_is_adjusted_at_the_sample_and_only_the_last_one_is_used(api: Run) -> None:
    """G-11: sample, adjust, confirm, sample again; after that nothing follows the first version any more."""
    first, last = api.looks["map"].answers["/v1/map"]["digest"], api.notes["adjusted"]["digest"]
    assert api.notes["unconfirmed"] == "proposed", "an edit alone is not a confirmation"
    assert [each["note"] for each in api.audit if each["action"] == "gate.map.confirmed"] == [first, last]
    assert api.looks["watch"].answers["/v1/map"]["digest"] == last
    old = api.looks["sample"].destination.of("contacts").keys() - api.before.of("contacts").keys()
    assert old, "the first sample was moved for real"
    assert not old & api.looks["second sample"].destination.of("contacts").keys(), "the first sample is removed again"
    before, now = (name.removeprefix("custom:") for name in RENAMED)
    moved = persons(api).values()
    assert any(custom(person, now) for person in moved)
    assert not any(custom(person, before) for person in moved)


def test_g_12_each_object_says_transform_lookup_and_schema(api: Run) -> None:
    """G-12: every object of the map tells how it is transformed, how references are resolved and which schema it needs."""
    for one in _document(api)["objects"]:
        assert all(isinstance(one[part], str) and one[part] for part in ("transform", "lookup", "schema")), one["source"]


def test_g_13_the_compatibility_summary_counts_the_map(api: Run) -> None:
    """G-13: "n of m objects", tags and rows are what counting the map by hand gives."""
    document, said = _document(api), api.report("scope")["compatibility"]
    tags = [one["cardinality"] for one in document["objects"]]
    assert {name: count for name, count in said["tags"].items() if count} == {tag: tags.count(tag) for tag in tags}
    assert said["objects"] == len(tags)
    assert said["supported"] == len(tags) - tags.count("reference-only")
    rows = [row for _, row in rows_of(document)]
    assert (said["rows"], said["moved"]) == (len(rows), sum(row["target"] is not None for row in rows))


def test_g_14_the_grade_shows_its_four_inputs(api: Run) -> None:
    """G-14: the scope names a grade and what it rests on, each between hard and easy."""
    grade = api.looks["map"].report("scope")["grade"]
    assert grade["letter"] in "ABCD"
    assert all(0 <= grade[name] <= 1 for name in ("compatibility", "clarity", "api", "volume"))


def test_g_15_how_long_it_takes_is_told_before_and_while_it_runs(api: Run) -> None:
    """G-15: the scope gives hours from counts; while it runs each kind tells the seconds left, nothing when it is done."""
    assert api.looks["map"].report("scope")["estimate"]["hours"] > 0
    for stream in api.looks["second sample"].status["streams"].values():
        assert stream["eta_s"] is None or stream["eta_s"] >= 0
    assert {stream["eta_s"] for kind, stream in api.looks["watch"].status["streams"].items() if not stream["backlog"]} <= {0.0, None}


def test_g_16_calls_hours_and_disk_follow_from_counts(api: Run) -> None:
    """G-16: the estimate is made of counts alone: records, calls by kind and side, hours, bytes."""
    scope = api.looks["map"].report("scope")
    found, said = scope["inventory"]["source"], scope["estimate"]
    assert said["records"] == sum(count for kind, count in found.items() if kind != "company")
    assert all(said["destination_calls"][kind] >= found[kind] for kind in ("lead", "note", "call", "email", "reminder"))
    assert all(said["source_calls"][kind] >= 1 for kind in found if kind != "company")
    assert said["hours"] == max(said["source_hours"], said["destination_hours"]) > 0
    assert said["disk_bytes"] > 0
    assert said["needs_override"] is False


def test_g_20_email_sequences_are_said_to_be_out_of_scope(api: Run) -> None:
    """G-20: scope and automation inventory both say that e-mail sequences cannot be exported."""
    for name in ("scope", "automations"):
        assert any("email sequences" in line for line in api.looks["map"].report(name)["out_of_scope"]), name


def test_g_34_a_representative_sample_comes_first(api: Run) -> None:
    """G-34: 200 to 500 records (or all there are) of every kind and status are moved and shown field by field."""
    look = api.looks["second sample"]
    shown, report = look.answers["/v1/sample"], look.report("sample")
    there = sum(count for kind, count in look.report("scope")["inventory"]["source"].items() if kind in ("lead", *_CHILDREN))
    assert min(200, 0.8 * there) <= shown["size"] <= 500
    kinds = {name.partition(":")[0] for name in shown["counts"]}
    assert {"lead", "company", *_CHILDREN} <= kinds
    for row in report["rows"]:
        assert row["field"]
        assert row["verdict"] in ("equal", "normalised", "lossy", "differs", "unreadable")
        assert "expected" in row
        assert "actual" in row
    assert shown["verdicts"] == {name: count for name, count in shown["verdicts"].items() if name in ("equal", "normalised", "lossy")}
    statuses = {custom(each, "Lead Status") for each in look.destination.of("contacts").values()} - {""}
    assert {row["name"] for row in api.source.of("status").values()} <= statuses


_CHILDREN = ("note", "call", "email", "reminder", "attachment")


def test_lt_09_the_threshold_is_part_of_the_confirmed_map(files: Run) -> None:
    """LT-09: what unqualified leads become, and by which rule, is configuration, confirmed with the map, shown with its count."""
    settings, rule = _document(files)["settings"], files.report("scope")["rule"]
    assert (settings["unqualified"], rule["unqualified"]) == ("lead", "lead")
    assert settings["rule"] == rule["text"] == "no company and no deal intent"
    concerned = [
        key for key, row in files.source.of("lead").items()
        if texts.firm(texts.present(row["company"])) in texts.JUNK_COMPANIES and not any(
            texts.present(row["custom_fields"].get(name)) for name in settings["intent_fields"])
    ]  # fmt: skip
    own_names = sum(1 for item in files.items("no_company") if "own name" in item["reason"])
    assert len(concerned) <= rule["leads_concerned"] <= len(concerned) + own_names


def test_lt_41_the_inventory_equals_an_independent_count(files: Run) -> None:
    """LT-41: leads, activities, users, group members and custom fields are counted; rules and autoresponders have an inventory."""
    found, there = files.report("scope")["inventory"], files.source
    assert found["source"] == {**{kind: len(rows) for kind, rows in there.rows.items() if rows}, **_derived(found)}
    # In files a member is named by address: who has none cannot be.
    known = {key for key, row in there.of("user").items() if row["email"]}
    assert found["members"] == sum(len(known & set(row["members"])) for row in there.of("group").values())
    labels = {label for row in there.of("lead").values() for label, value in row["custom_fields"].items() if texts.present(value)}
    assert found["custom_fields"] in (len(labels), len({label for row in there.of("lead").values() for label in row["custom_fields"]}))
    assert {row["type"] for row in files.report("automations")["rows"]} >= {"assignment rule", "autoresponder"}


def _derived(found: Json) -> dict[str, int]:
    return {kind: count for kind, count in found["source"].items() if kind == "company"}


def test_lt_42_the_probe_tells_what_the_source_serves(api: Run) -> None:
    """LT-42: each kind is said to be readable or not before the map, and what no reader offers; the run keeps to the pace it told."""
    look = api.looks["map"]
    coverage = look.report("scope")["inventory"]["coverage"]
    assert {kind for kind, state in coverage.items() if state == "ok"} >= {"lead", "user", "group", "source", "status", *_CHILDREN}
    assert {kind for kind, state in coverage.items() if state != "ok"} == {"notification_preferences", "assignment_rules", "autoresponders"}
    told = {row["platform"]: row for row in look.report("scope")["platforms"]}
    assert told["leadtrekker"] == {"platform": "leadtrekker", "sign_in": "Apikey header", "calls_per_s_at_most": 100.0}
    assert told.keys() == {"leadtrekker", "nutshell"}
    for moment in ("map", "owners", "sample", "tail", "watch"):
        pace = api.looks[moment].status["pace"]
        assert pace.keys() == told.keys()
        for platform, row in told.items():
            assert 0 < pace[platform]["rate_per_s"] <= row["calls_per_s_at_most"], f"{platform} at {moment}"
    assert api.looks["watch"].status["pace"]["leadtrekker"]["rate_per_s"] >= look.status["pace"]["leadtrekker"]["rate_per_s"], (
        "what the probe found safe is gone on from")


def test_lt_43_every_kind_of_write_is_tried_before_the_run(api: Run) -> None:
    """LT-43: people, companies, leads, activities, notes and tasks are written once as a probe, and removed, before the first record."""
    calls = written(api.looks["owners"].calls)
    for kind in ("accounts", "contacts", "leads", "activities", "notes", "tasks"):
        assert calls.get(f"POST /rest/{kind}"), kind
    look = api.looks["owners"]
    for kind in ("accounts", "contacts", "leads", "activities", "notes", "tasks"):
        assert look.destination.of(kind).keys() == api.before.of(kind).keys(), f"a probe in {kind} was left behind"
    assert look.report("schema")["capabilities"]
    assert WRITES.pattern


def test_lt_44_the_scope_is_one_document(api: Run) -> None:
    """LT-44: counts, draft of the field map and what people do by hand stand in one report, before anything is confirmed."""
    scope = api.looks["map"].report("scope")
    assert scope["inventory"]["source"]["lead"] > 0
    assert scope["map"]["digest"] == api.looks["map"].answers["/v1/map"]["digest"]
    assert len(scope["map"]["rows"]) == scope["compatibility"]["rows"]
    assert scope["hand_off"]


def test_lt_45_fields_are_designed_and_shown_before_they_are_made(api: Run) -> None:
    """LT-45: the fields to come are listed with their types while none of them exists."""
    look = api.looks["map"]
    shown = {(each["entity"], each["label"]): each["family"] for each in look.report("scope")["fields_to_create"]}
    assert {"text", "long", "choice", "date", "money"} <= set(shown.values())
    assert not shown.keys() & {(kind, each["title"]) for kind, fields in look.fields.items() for each in fields}


def test_g_28_ids_can_be_followed_both_ways(api: Run) -> None:
    """G-28: the source id is on each destination record, and the exported crosswalk leads from each source id to its record."""
    lines = crosswalk(api, "lead")
    assert set(api.source.of("lead")) <= lines.keys()
    for line in api.tables["crosswalk"]:
        row = api.after.of(line["destination_kind"]).get(line["destination_id"])
        if line["relation"] != "ours" or row is None:
            continue
        told = custom(row, "Streamflow ID") or str(row.get("body") or row.get("description") or "")
        assert f"lt:{line['source_kind']}:{line['source_key']}" in told, line
