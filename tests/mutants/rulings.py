"""
The modules whose rulings are put on trial, and the tests that are to hold each: those that take seconds.

Of these modules the functions that wait for nothing are tried; the others only carry out what these decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def _stages(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/stages/test_{name}.py" for name in names)


def _migration(*names: str) -> tuple[str, ...]:
    return tuple("tests/migration/test_{}.py{}{}".format(*name.partition("::")) for name in names)


_WRITES = _stages(
    "planning", "parents", "matched", "deals", "confirmation", "agreement", "disputes", "details", "types", "writing", "vanished",
)
"""Small accounts to which records of all kinds are written, and written again."""

_INTENTS: Mapping[str, Sequence[str]] = {
    "streamflow/stages/conflicts.py": _stages("planning", "disputes", "agreement", "matched", "details", "lists"),
    "streamflow/stages/confirmation.py": _stages("confirmation", "people", "types", "doubt", "late_feed"),
    "streamflow/stages/disposition.py": _stages("disposition", "confirmation", "matched", "people"),
    "streamflow/stages/doubt.py": _stages("planning", "doubt", "confirmation", "protocol_model", "protocol_changes"),
    "streamflow/stages/formerly.py": _stages("formerly", "confirmation", "doubt", "vanished", "following"),
    "streamflow/stages/gone.py": _stages("vanished", "matched", "moved", "parents", "kin"),
    "streamflow/stages/in_part.py": _stages("in_part", "doubt", "agreement", "deals"),
    "streamflow/stages/kept.py": _stages("kept", "planning", "agreement", "lists", "matched", "vanished"),
    "streamflow/stages/marks.py": _stages("doubt"),
    "streamflow/stages/meanwhile.py": _stages("late_feed", "meanwhile"),
    "streamflow/stages/overwritten.py": _stages("late_feed", "meanwhile"),
    "streamflow/stages/planning.py": _WRITES,
    "streamflow/stages/progress.py": (*_WRITES, *_stages("people", "unanswered", "doubt")),
    "streamflow/stages/questions.py": (*_stages("questions"), *_migration("unread")),
    "streamflow/stages/removed.py": _stages("doubt"),
    "streamflow/stages/stale.py": _stages("stale", "types", "parents", "writing", "meanwhile", "deals", "vanished"),
    "streamflow/stages/unanswered.py": _stages("unanswered"),
    "streamflow/stages/undecided.py": _stages("confirmation", "doubt", "writing", "people"),
    "streamflow/stages/unknown.py": _stages("unknown", "planning", "confirmation", "doubt"),
    "streamflow/stages/updating.py": (*_WRITES, *_stages("people", "lists")),
    "streamflow/stages/written.py": _stages("written"),
}
_LATENESS = tuple(f"horizon::test_{name}" for name in (
    "what_reads_did_not_show_is_late", "a_wall_clock_that_is_set_makes_nothing_late", "what_is_measured_never_shortens_what_is_configured",
    "what_tells_nothing_is_not_measured", "a_read_of_a_part_proves_nothing", "a_time_far_ahead_of_all_clocks_hides_no_lateness",
    "what_was_measured_once_stands_over_starts", "a_time_that_stays_is_looked_at_once", "a_window_proves_only_what_it_reaches_back_to",
    "streams_without_such_times_keep_what_is_configured", "more_is_allowed_than_was_measured", "an_hour_that_comes_twice_tells_nothing",
))  # fmt: skip
_CHECKPOINTS: Mapping[str, Sequence[str]] = {
    "streamflow/migration/freshness.py": _migration(
        "bounded::test_times_that_left_the_overlap_are_forgotten",
        "bounded::test_who_moved_on_since_the_last_pass_is_asked_and_nobody_else",
        "bounded::test_what_is_kept_of_moves_is_what_the_next_pass_looks_at",
        "bounded::test_a_source_is_shown_to_who_follows_before_anybody_has_it",
        "bounded::test_only_kinds_that_are_asked_by_parent_have_parents",
        "bounded::test_who_changed_just_at_the_edge_of_the_overlap_is_not_forgotten",
    ),
    "streamflow/migration/horizon.py": _migration(*_LATENESS),
    "streamflow/migration/round.py": _migration("late_writer_model", "cutover_model"),
    "streamflow/migration/settled.py": _migration(
        "settled::test_what_is_no_time_of_change_is_none",
        "settled::test_a_pass_knows_between_which_times_its_records_changed",
        "settled::test_of_a_whole_list_only_what_is_near_its_newest_is_kept",
        "settled::test_a_window_begins_an_overlap_before_the_mark_and_moves_it_behind_the_newest",
        "settled::test_a_window_never_moves_the_mark_back_and_a_whole_list_may",
        "settled::test_an_answer_has_to_hold_what_was_seen_and_nothing_older",
        "settled::test_without_a_mark_or_a_filter_there_is_no_window",
    ),
    "streamflow/stages/extract.py": _stages("extract", "moved", "rejected", "reading_in_parallel"),
    "streamflow/stages/tally.py": (*_stages("extract", "rejected", "resume_model", "following"), *_migration("waits", "unread")),
}
_CUTOVER: Mapping[str, Sequence[str]] = {
    "streamflow/migration/control.py": _migration("control"),
    "streamflow/migration/late_questions.py": _migration("late_writes", "late_writer_model"),
    "streamflow/migration/late_rulings.py": _migration("late_rulings", "late_writes", "late_writer_model"),
    "streamflow/migration/readiness.py": _migration(
        "readiness::test_readiness_is_about_lag_backlog_and_sweep", "readiness::test_the_lag_limit_leaves_room_in_the_deadline",
        "readiness::test_the_figures_are_told_as_far_as_they_are_known",
        "readiness::test_a_backlog_grows_when_it_has_risen_round_for_round", "readiness::test_what_is_just_in_time_is_in_time",
        "readiness::test_a_sweep_that_never_was_stands_against_nothing",
    ),
    "streamflow/migration/waits.py": _migration("waits"),
    "streamflow/stages/accepted.py": _migration("late_writes"),
}
HELD_BY: Mapping[str, Sequence[str]] = {**_INTENTS, **_CHECKPOINTS, **_CUTOVER}
"""Module -> tests: what rules on writes under way, on how far reading has come, and on the switch."""
