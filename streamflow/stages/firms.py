"""Companies of the source that are in the destination already, by their names."""

from __future__ import annotations

from collections.abc import Sequence

from streamflow.mapping.companies import normal_form
from streamflow.mapping.identity import Match, Review
from streamflow.model import Ref
from streamflow.stages.directory import Directory
from streamflow.stages.job import Job
from streamflow.stages.people import decided_match
from streamflow.store.base import Ledger


async def match_firms(jobs: Sequence[Job], ledger: Ledger, directory: Directory) -> None:
    """Give each new company the one of its name that is there and not taken; a person decides where there are several."""
    new = [job for job in jobs if job.main is None and job.drafts]
    forms = {job.staged.record.key: normal_form(str(job.drafts[0].fields.get("name", ""))) for job in new}
    found = await ledger.candidates("accounts", {"name": sorted(set(forms.values()))}, side="dest")
    taken = {link.dest_id for link in await ledger.links_to(sorted({each.id for each in found}))}
    for job in new:
        ids = sorted({each.id for each in found if each.value == forms[job.staged.record.key]} - taken)
        ref = Ref(job.staged.record.kind, job.staged.record.key)
        word, _ = directory.last_word(f"identity:{ref.kind}:{ref.key}")
        if (there := decided_match(ref, directory)) is not None:
            ids = [there]
        elif word == "separate":
            ids = []
        if len(ids) == 1:
            job.decision = Match(dest_id=ids[0], reason="a company of that name exists")
        elif ids:
            job.decision = Review(
                cause="several_companies", reason="more than one company of that name exists in the destination",
                decisions=(*(f"match:{each}" for each in ids), "separate"), suggested=f"match:{ids[0]}",
            )
