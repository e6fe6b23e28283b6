"""The two whole runs: by API with every gate opened by hand while people work, and by files with gates that open by themselves."""

from __future__ import annotations

from urllib.parse import quote

from tests.acceptance.evidence import Json, Run, Witness, end_of, keep, read_audit, read_reports, start_of
from tests.flow.box import Box, sandbox
from tests.flow.daemon import Daemon, daemon
from tests.judge.marks import read_marks
from tests.judge.states import ask
from tests.security.canaries import leaks

LATECOMER = {"email": "sipho.k@example.co.za", "name": "Sipho Klipveld"}
"""The one active user of the source whom the destination does not know at first."""
RENAMED = ("custom:Group", "custom:Sales group")
"""What is adjusted in the map at the sample: a target before and after."""
SECRETS = ("sandbox-lt-key", "sandbox-key", "sandbox-impersonate-key")
LATE_NOTE = "Written after the freeze."


class Hands(Witness):
    """Opens the gates of the API run: lets a user be added at the owners gate, and adjusts the map at the sample."""

    def _open_owners(self) -> None:
        self.daemon.box.in_destination("add_user", values=LATECOMER)
        self.run.notes["owners after provisioning"] = self.order("owners", "recheck", path="/v1/owners/recheck")
        self.run.notes["contacts at owners gate"] = len(self.daemon.box.destination().of("contacts"))
        super()._open_owners()

    def _open_sample(self) -> None:
        if "adjusted" in self.run.notes:
            self.look("second sample", "/v1/sample", "/v1/map")
            super()._open_sample()
            return
        self.decide()
        document = self.daemon.ask("GET", "/v1/map")[1]["document"]
        for row in (row for one in document["objects"] for row in one["rows"]):
            if row["target"] == RENAMED[0]:
                row["target"] = RENAMED[1]
        edited = self.order(path="/v1/map/edit", document=document)
        self.run.notes["adjusted"] = edited
        self.run.notes["unconfirmed"] = self.daemon.ask("GET", "/v1/map")[1]["state"]
        self.order(path="/v1/map/confirm", digest=edited["digest"])
        self.order(path="/v1/sample/redo")


def by_api() -> Run:
    """Run the first one: everything as an operator would."""
    run = Run()
    switches = {"nutshell": {"email_activity_type": True}}
    with sandbox(records=230, seed=19, life=3, search_lag=0.2, switches=switches) as box:
        box.configure("watch_days = 0", "watch_days = 1")
        box.configure("sweep_every = 10", "sweep_every = 30")
        run.looks["start"] = start_of(box)
        with daemon(box) as one:
            operator = Hands(one, by_cli=False).watch_for(run)
            operator.drive("tail")
            ask(f"{box.source_admin}life", {"on": False})   # evening: what was done in the meantime is now to be caught up with
            _give_a_parent(operator, run)
            operator.settle()
            operator.look("tail")
            operator.cut_over()
            operator.until(lambda status: status["phase"] == "watch", "switch")
            _ask_more(operator, run)
            operator.look("watch", "/v1/map", "/v1/owners")
            keep(operator, one)
            run.notes["leaks"] = leaks(box, one, SECRETS)
            _write_late(operator, run, box)
            _close_the_watch(one, box)
            run.code = one.wait()
        run.looks["end"] = end_of(box)
        run.log = one.log.read_text(errors="replace")
        run.notes["leaks"] += leaks(box, one, SECRETS)
        run.notes["digests"] = {*box.archived().values()}
    return run


def by_files() -> Run:
    """Run the second one: gates open by themselves, the switch waits for an export made after the freeze, then all is taken back."""
    run = Run()
    with sandbox(records=200, seed=23, reader="files", gates="auto", search_lag=0.2) as box:
        box.configure("watch_days = 0", "watch_days = 1")
        box.configure("[owners]", '[leads]\nunqualified = "lead"\n\n[owners]')
        run.looks["start"] = start_of(box)
        with daemon(box) as one:
            operator = Witness(one, by_cli=False).watch_for(run)
            box.freeze()
            operator.until(lambda status: (status["gate"] or {}).get("name") == "export", "gate of the export")
            box.export()
            operator.until(lambda status: status["phase"] == "watch", "switch")
            operator.look("watch", "/v1/map", "/v1/owners")
            keep(operator, one)
            run.notes["planned"] = operator.order(path="/v1/rollback", dry_run=True)
            operator.order(path="/v1/rollback", confirm="sandbox")
            run.code = one.wait()
        run.looks["end"] = end_of(box)
        run.notes["audit at the end"] = read_audit(next(box.state.glob("*.sqlite")))
    return run


def _give_a_parent(operator: Witness, run: Run) -> None:
    """Put one activity whose lead is gone under another lead."""
    operator.settle()
    operator.daemon.ask("GET", "/v1/reports")
    orphan = next(item for item in operator.queue() if item["cause"] == "unknown_parent" and item["kind"] != "attachment")
    home = next(iter(operator.daemon.box.source().of("lead")))
    operator.order(path=f"/v1/queue/{quote(orphan['id'], safe='')}/resolve", decision=f"reparent:lead:{home}")
    run.notes["given a parent"] = {"kind": orphan["kind"], "key": orphan["key"], "lead": home}


def _ask_more(operator: Witness, run: Run) -> None:
    """Ask things twice that must answer alike, about single records, and for another read-back."""
    run.notes["spot checks"] = [_spot(operator) for _ in range(2)]
    run.notes["findings"] = operator.judge(run.before)
    run.notes["verify"] = operator.order(path="/v1/verify")
    given = run.notes["given a parent"]
    for kind, key in (("lead", given["lead"]), (given["kind"], given["key"])):
        run.traces[kind, key] = operator.daemon.ask("GET", f"/v1/records/{kind}/{key}")[1]


def _spot(operator: Witness) -> Json:
    operator.daemon.ask("GET", "/v1/reports")
    return read_reports(operator.daemon.box)["spot-check"]


def _write_late(operator: Witness, run: Run, box: Box) -> None:
    """Let somebody write to the source in spite of the freeze."""
    lead = next(iter(run.source.of("lead")))
    order = {"do": "create", "kind": "notes", "force": True, "values": {"leadid": lead, "userid": "21", "note": LATE_NOTE}}
    late = ask(f"{box.source_admin}act", order)
    run.notes["late"] = str(late["id"])
    operator.wait_for("after_freeze")
    operator.look("late")
    item = next(item for item in operator.queue() if item["cause"] == "after_freeze")
    run.notes["late decision"] = operator.order(path=f"/v1/queue/{quote(item['id'], safe='')}/resolve", decision="take")
    place = ("note", str(late["id"]))
    operator.until(lambda _: place in read_marks(box.destination()).identities(), "late note in the destination")


def _close_the_watch(one: Daemon, box: Box) -> None:
    """Stop the daemon within the days of watching, and start it again when they are over."""
    one.ask("POST", "/v1/stop")
    one.wait()
    box.configure("watch_days = 1", "watch_days = 0")
    one.start()
