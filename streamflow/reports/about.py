"""What each report is called and what its parts mean: texts for people, kept away from the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """One report as people see it."""

    title: str
    intro: str = ""
    main: str = ""  # path of the rows that become <name>.csv; "" = "rows", else the first ones
    order: int = 50  # place in the index
    notes: Mapping[str, str] = field(default_factory=dict)  # path of a part -> what it says
    heads: Mapping[str, str] = field(default_factory=dict)  # path of a part -> its heading, where the path does not say it well


LIST: Final = "list-"
"""What the names of the reports begin with that list a whole kind."""
_REPORTS: Final[Mapping[str, About]] = {
    "scope": About(
        title="Migration scope",
        order=10,
        main="map.rows",
        intro="What was found on both sides, the draft of the field map, what the migration will take, and what people do by hand.",
        notes={
            "map.rows": "Every source field with its target, or the reason why it is not moved. Low confidence is marked.",
            "owners.unmatched": "Owners of records without a user of their own in the destination: invite them, name them in the owners "
            "file, or let the fallback take over.",
        },
    ),
    "schema": About(
        title="Fields made in the destination",
        order=15,
        intro="Custom fields and reference data that were set up before the first record, and what only people can make.",
    ),
    "owners": About(
        title="Owners",
        order=20,
        main="owners",
        intro="Every user of the source with what belongs to them, and the destination user who takes it over.",
        notes={"unmatched": "Nothing goes past the owners gate while somebody stands here."},
    ),
    "invitations": About(
        title="Users to invite",
        order=21,
        intro="Who is active in the destination already and who has to be invited. The migration invites nobody.",
    ),
    "groups": About(
        title="Groups and teams",
        order=22,
        main="rows",
        intro="The full roster of groups, the team that stands for each, and the access rights to set by hand.",
        heads={"rows": "Members"},
        notes={
            "rows": "One line for each member of each group.",
            "teams": "Permission logic is not moved; the last column says what to set.",
        },
    ),
    "companies": About(
        title="Companies",
        order=25,
        main="rows",
        intro="Every company text of the people, the firm it was put to, and the record of that firm.",
        notes={"ambiguous": "Pairs that look alike and were not joined; a person decides or waives."},
    ),
    "sample": About(
        title="Sample, field by field",
        order=30,
        main="rows",
        intro="Some hundred records moved for real: what was expected, what was read back, and the verdict.",
        heads={"checks": "What was asked to be shown", "rows": "Fields"},
    ),
    "quality": About(
        title="Data quality", order=35, main="items", intro="What the source's data could not give cleanly, each with a suggestion."
    ),
    "reconciliation": About(
        title="Reconciliation",
        order=1,
        main="kinds",
        intro="Each source record ends in exactly one disposition, each written field is read back, and whatever is open is named.",
        notes={
            "kinds": "The seven dispositions add up to what was read. Pending records have none yet; the next tables say why.",
            "source_counts": "Counted in the source after the freeze, apart from the ledger: lists read once more, rows asked for by "
            "their parent as the last complete pass showed them. Expected: what its own screens show, as the operator gave it.",
            "reference": "Reference data is looked up, not written.",
            "reasons": "Why records were left out, flagged or refused. Numbers in reasons are shown as #.",
            "waiting": "What has not come to rest, and what it waits for.",
            "written": "Records of the destination that stand for source records. Merged source records share one.",
            "fields": "Each field is equal, normalised by the destination, less by design, different, unreadable, or not read back yet.",
            "null_rates": "How many records have each field filled, in the source and in the destination. Filled by rule: the map fills it "
            "where the source is silent. Missing ones that the review queue tells of are accounted for.",
            "sums": "The sum of every amount on both sides, for records with a destination record of their own.",
            "segments": "People by status, owner and month of creation on both sides.",
            "differences": "Every difference that was found, at most 1,000 are listed.",
            "links": "Each parent, company, owner and assignee that a written record names, looked up. "
            "Elsewhere: under another record or user than the source names now, because records were merged or owners matched anew.",
            "orphans": "Records whose parent or owner does not resolve. There should be none.",
            "unmapped": "Source fields without a place of their own in the confirmed map.",
            "drift": "Names that the source showed and its description does not know; kept as labelled text.",
            "touched": "Values that people changed or removed in the destination. Theirs were kept.",
            "lookalikes": "People and companies of the destination's own that stand beside one of ours: entered by hand while that kind "
            "was moved, or told of after it. Merge the two in the destination, or leave both.",
            "spot_check": "Persons picked by the seed, repeatably, with the source's value beside the expected and the actual one.",
        },
        heads={
            "summary": "Promises",
            "kinds": "Source records",
            "source_counts": "The source's own counts",
            "reference": "Reference data",
            "written": "Destination records",
            "writes": "Writes by outcome",
            "fields": "Fields read back",
            "null_rates": "Filled fields, source and destination",
            "sums": "Sums of amounts",
            "segments": "People by status, owner and month",
            "links": "Parents, companies, owners",
            "owners": "Owners",
            "owners.summary": "Owners by match",
            "owners.owners": "Owner table",
            "owners.unmatched": "Owners without a user",
            "unmapped": "Fields not moved",
            "drift": "Names unknown to us",
            "queue": "Review queue",
            "touched": "Touched by people",
            "lookalikes": "Beside one of ours",
            "queue_items": "Items of the review queue",
            "spot_check": "Spot check",
            "spot_check.rows": "Spot check, field by field",
        },
    ),
    "spot-check": About(
        title="Spot check of persons",
        order=3,
        intro="Persons picked by a seed, repeatably: source, expected and actual value of each field.",
    ),
    "crosswalk": About(
        title="Crosswalk", order=4, intro="Which destination record each source record became. The CSV file holds every line."
    ),
    "unmatched": About(
        title="Without a person",
        order=5,
        intro="Activities, enquiries and deals whose person could not be told, was not moved, or was deleted in the destination, and "
        "people who wait for such a company. Those with a question in the queue can be given a parent there and are then moved.",
    ),
    "deal-values": About(
        title="Deal values, side by side",
        order=6,
        main="rows",
        intro="Every deal with its value in the source and in the destination, for the team to compare.",
        heads={"rows": "Deals", "sums": "Sums by status and owner"},
    ),
    "lead-sources": About(
        title="Lead sources, side by side",
        order=7,
        main="rows",
        intro="How many people and deals each lead source has on both sides, for the team to compare.",
        heads={"rows": "Sources", "differences": "Records that differ"},
    ),
    "appointment-history": About(
        title="Appointments, side by side",
        order=8,
        main="rows",
        intro="Every appointment with its time on both sides and what became of it, for the team to compare.",
        heads={"rows": "Appointments", "months": "Appointments a month"},
        notes={"months": "Those to come are notes, so that nobody is invited; those without a person wait in the review queue."},
    ),
    "quality-score": About(
        title="Data quality score",
        order=34,
        main="rows",
        intro="How good the data of each kind is, by one formula, and which records are worth work.",
        heads={"rows": "Work list", "parts": "What the parts say", "scores": "Score by kind"},
        notes={"rows": "The records in most need of enrichment or of a look at duplicates come first."},
    ),
    "automations": About(
        title="Automation inventory",
        order=40,
        main="rows",
        intro="Rules and autoresponders are documented, never rebuilt. What the source does not show is filled in with the customer.",
        heads={"rows": "Rules and autoresponders"},
        notes={
            "rows": "To be filled in: the CSV has columns for condition, action and owner as well.",
            "observed": "Who the people of a source went to. A share near 100 % suggests an assignment rule.",
        },
    ),
    "notifications": About(
        title="Notification checklist",
        order=41,
        intro="Notification settings are not moved. One line for each user and channel, to be filled in and ticked off.",
    ),
    "repeats": About(title="Repeating tasks", order=42, intro="Tasks do not repeat by API. These patterns are to be set up by hand."),
    "audit": About(
        title="Audit summary",
        order=45,
        main="decisions",
        intro="Every operation, decision and command is in a hash-chained log; this is its sum.",
        notes={"decisions": "What people decided and what moved the migration on, latest last."},
    ),
    "cutover": About(title="Cutover", order=46, intro="The steps of the switch with their times, and the receipt."),
    "rollback": About(
        title="Rollback",
        order=47,
        main="spared",
        intro="What was removed and restored, and what was spared because people had touched it.",
        notes={
            "sources": "The lead sources that the migration made, and those of which it cannot know; one that is kept says why.",
            "probe_records": "What the write probes had left behind.",
            "unclear": "People's records that came while others were removed and hang on nothing: nobody can tell whether they did.",
        },
    ),
    "rollback-plan": About(
        title="Rollback plan",
        order=47,
        main="records",
        intro="What a rollback would remove, restore and spare if it were ordered now; nothing of it was done.",
        notes={
            "records": "What is to be removed, and what is to be restored with the fields that get their former values: the first 10,000.",
            "sources": "What would become of lead sources; one that is kept says why.",
        },
    ),
}


def about(name: str) -> About:
    """Give the texts of a report; phase reports and unknown ones get plain ones."""
    if name in _REPORTS:
        return _REPORTS[name]
    if name.startswith("phase-"):
        kind = name.removeprefix("phase-")
        return About(
            title=f"Phase report: {kind}",
            order=32,
            main="rows",
            intro=f"What became of the {kind} records. The seven dispositions add up to what was read once nothing is pending.",
        )
    if name.startswith(LIST):
        kind = name.removeprefix(LIST)
        return About(title=f"Reference list: {kind}", order=43, intro="What the destination has nothing like, listed whole.")
    return About(title=name.replace("-", " ").capitalize())


def heading(texts: About, path: str) -> str:
    """Give the heading of a part of a report."""
    return texts.heads.get(path) or ("Details" if path == "rows" else label(path))


def label(name: str) -> str:
    """Give a key as a heading: "waiting_on" → "Waiting on"."""
    words = name.replace("_", " ").replace(".", " · ").strip()
    return words[:1].upper() + words[1:]
