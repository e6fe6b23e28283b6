"""Checks of the sample that have a name of their own."""

from __future__ import annotations

from streamflow.migration.named import NamedChecks
from streamflow.model import Verdict
from streamflow.platforms.catalog import pair_of


def test_lp_35_the_sample_names_what_was_asked_to_be_shown() -> None:
    """Phone types, source concatenation, appointment linking and owner resolution have a line each; one that saw nothing is not ok."""
    found = NamedChecks(pair_of("lead_perfection", "nutshell").checks)
    found.add("prospect", ["altphones"], Verdict.EQUAL)
    found.add("prospect", ["phone1"], Verdict.NORMALISED)
    found.add("prospect", ["lead.source"], Verdict.DIFFERS)
    found.add("job", ["salesrepid", "rep"], Verdict.EQUAL)
    found.add("prospect", ["email", "email2"], Verdict.DIFFERS)
    rows = {row["check"]: row for row in found.rows()}
    assert list(rows) == ["phone types", "source concatenation", "appointment linking", "owner resolution"]
    assert (rows["phone types"]["compared"], rows["phone types"]["ok"]) == (2, True)
    assert (rows["source concatenation"]["differs"], rows["source concatenation"]["ok"]) == (1, False)
    assert (rows["appointment linking"]["compared"], rows["appointment linking"]["ok"]) == (0, False)
    assert (rows["owner resolution"]["compared"], rows["owner resolution"]["ok"]) == (1, True)
