"""What a record counts as once its plan is carried out, and why: plain decisions about a job."""

from __future__ import annotations

from collections.abc import Sequence

from streamflow.ledger_names import UNDONE
from streamflow.mapping.identity import Match, Merge
from streamflow.model import Disposition, RecordState
from streamflow.stages.batch import Write
from streamflow.stages.job import Job


def disposition_of(job: Job, writes: Sequence[Write]) -> Disposition:
    """Give what a record counts as once these writes are done; one that was created or updated stays so."""
    before = job.staged.disposition
    if job.main is not None and job.main.is_merged:
        return Disposition.MERGED
    if before in (Disposition.CREATED, Disposition.UPDATED):
        return before
    if isinstance(job.decision, Match) or (job.main is not None and job.main.is_matched):
        return Disposition.UPDATED if any(write.ref.part == "" for write in writes) else Disposition.MATCHED
    return Disposition.CREATED


def reason_of(job: Job) -> str:
    """Give what people are told of it: whom it was taken for, or what was known of it before."""
    if isinstance(job.decision, Merge | Match):
        return job.decision.reason
    reason = job.staged.reason if _goes_on(job) else ""
    if not reason and job.main is not None and job.main.is_merged and job.group:  # it changed while it was being joined
        return f"the same person as {job.staged.record.kind} {job.group[0]}"
    return reason


def ground_of(job: Job) -> str:
    """Give the ground it stands on, as long as what was known of it holds on."""
    return job.staged.ground if _goes_on(job) and not isinstance(job.decision, Merge | Match) else ""


def _goes_on(job: Job) -> bool:
    """
    Say whether a record that has its destination record is only changed: what was known of it holds on.

    That it was undone and stays away does not, once it is back.
    """
    return job.staged.state is not RecordState.HELD and job.main is not None and not job.staged.ground.startswith(UNDONE)
