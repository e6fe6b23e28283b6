"""The whole run by API: every gate opened from the command line while people work, then all of it taken back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.acceptance.evidence import Json, Run, Witness, end_of, keep, read_audit, start_of
from tests.flow.box import Box, sandbox
from tests.flow.daemon import Daemon, daemon
from tests.flow.sides import LEAD_PERFECTION
from tests.judge.guarding import Edit
from tests.judge.leadperfection.book import Book, Seen
from tests.judge.marks import read_marks
from tests.judge.states import Destination, Finding
from tests.security.canaries import leaks

RECORDS = 260
SAMPLE = 200
"""Fewer than there are, so that something is left to wait for the sample."""
SECRETS = ("sandbox-lp-password", "6f1c0d9e-0000-4000-8000-5a4db0c5a4db", "sandbox-key")
TITLE = "Head of the household"
"""What somebody writes on a person in the destination while the migration runs."""
MEANWHILE = "Called back about the gutters.\r\nWants a second quote."
_OFFICE = {"edit_visit": 15, "edit_figures": 15, "edit_userfield": 15, "mark_dnc": 10}
"""Reps and the office do more of what is rare, so that all of it happens in a run this short."""
_SWITCHES = {LEAD_PERFECTION.platform: {
    "order": "newest", "start_index": {"GetLead": "row"}, "appointment_end": "exclusive", "by_id": "object",
    "job_notes": "installer", "life_weights": _OFFICE,
}}  # fmt: skip
"""
What the contract leaves open is otherwise than usual: rows move between pages, one call counts rows where another counts pages, and a call
of their own tells the notes of jobs.
"""
_PAGES = "\n".join(f"[source.streams.{kind}.paging]\nsize = {size}" for kind, size in (("prospect", 10), ("job", 5)))
"""An account this small has a second page all the same."""
_JOB_NOTES = """[source.streams.note.list]
function = "Installer/GetInstallerJobNotes"
key_param = "jobid"
params = { apptdate = "" }"""
"""That call is asked once an operator names it."""


@dataclass(slots=True, kw_only=True)
class PairRun(Run):
    """A run of this pair, with the source's own book as it stood at the switch."""

    prefix: str = LEAD_PERFECTION.prefix
    book: Book = field(default_factory=lambda: Book(rows={}))
    edits: tuple[Edit, ...] = ()
    findings: list[Finding] = field(default_factory=list)    # of the independent comparison after the switch
    seen: Seen = field(default_factory=Seen)

    @property
    def contact(self) -> str:
        """Give the id of the person somebody worked on."""
        return self.edits[0].rid


def by_api() -> PairRun:
    """Make the run."""
    run = PairRun()
    with sandbox(pair=LEAD_PERFECTION.pair, records=RECORDS, seed=11, life=3, search_lag=0.5, switches=_SWITCHES) as opened:
        run.seen = replace(opened.seen, asks_jobs=True)
        box = replace(opened, seen=run.seen)
        box.configure("watch_days = 0", "watch_days = 1")
        box.configure("[owners]", f"[sample]\nsize = {SAMPLE}\n\n{_PAGES}\n\n{_JOB_NOTES}\n\n[owners]")
        job = next(key for key, row in box.source().of("job").items() if not row.get("stray"))
        box.in_source("create", "notes", job_id=job, note="Left the ladder in the yard.", enteredby="Ruizmar, Ana")
        run.looks["start"] = start_of(box)
        with daemon(box) as one:
            operator = Witness(one).watch_for(run)
            operator.drive("tail")
            _work(run, box)
            run.notes["paced"] = one.cli("pace", "lead_perfection", "40").body["rate_per_s"]
            operator.cut_over()
            operator.until(lambda status: status["phase"] == "watch", "switch")
            run.findings = operator.judge(run.before, edits=run.edits)
            run.notes["verify"] = one.cli("verify").body
            operator.look("watch", "/v1/map", "/v1/owners")
            keep(operator, one)
            run.book = box.source()
            run.notes["life"] = box.source_state()["life"]
            run.notes["leaks"] = leaks(box, one, SECRETS)
            _take_back(run, one)
        run.looks["end"] = end_of(box)
        run.notes["audit at the end"] = read_audit(next(box.state.glob("*.sqlite")))
        run.notes["leaks"] += leaks(box, one, SECRETS)
    return run


def _work(run: PairRun, box: Box) -> None:
    """Let somebody work on a person in the destination, and somebody else in the source."""
    contact = _somebody(box, run.before)
    box.in_destination("edit", kind="contacts", id=contact, values={"jobTitle": TITLE})
    run.edits = (Edit(rid=contact, field="jobTitle", value=TITLE),)
    book = box.source()
    corrected = next(key for key, row in book.of("prospect").items() if not row["email"])
    box.in_source("edit", "prospects", corrected, email="corrected@sunroof.example")
    run.notes["corrected"] = corrected
    leads = list(book.of("lead"))
    run.notes["meanwhile"] = box.in_source("create", "notes", lds_id=leads[3], note=MEANWHILE, enteredby="Ruizmar, Ana")
    job: Json = box.in_source("create", "jobs", lds_id=leads[5], grossamount="18250.0000", jbs_id="SC", jobstatus="Scheduled")
    run.notes["sold meanwhile"] = str(job["id"])


def _somebody(box: Box, before: Destination) -> str:
    """Give a person made of a prospect."""
    marks = read_marks(box.destination(), box.side.prefix)
    return next(
        str(row["id"]) for key in box.source().of("prospect") for _, (kind, row) in marks.of("prospect", key)
        if kind == "contacts" and row["id"] not in before.of("contacts")
    )  # fmt: skip


def _take_back(run: PairRun, one: Daemon) -> None:
    """Undo everything by one order, after a look at what it would do."""
    run.notes["planned"] = one.cli("rollback", "--dry-run").body
    run.notes["ordered"] = one.cli("rollback", "--confirm", "sandbox").code
    run.code = one.wait()
    run.notes["audit verify"] = one.cli("audit", "verify").code
