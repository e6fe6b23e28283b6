"""What each shipped profile must hold, and where each fault of the sandbox is met: in a profile, or in a test that is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from streamflow.sandbox.profiles import PLATFORMS, SHIPPED, read_profile
from tests.named import missing

NUTSHELL, LEADTREKKER, LEAD_PERFECTION = "nutshell", "leadtrekker", "lead_perfection"
TIES = "changes_of_one_time_over_many_pages"
"""Not a switch: so many changes bear one time that they fill several pages."""

FAILING = {
    "throttle seconds", "throttle date", "throttle none", "throttle garbled", "fail_5xx 500", "fail_5xx 502", "fail_5xx 503",
    "fail_5xx after",
    "hang", "hang after", "reset_before", "reset_after", "late_commit", "half_close", "drip", "garble_after", "odd_200 after", "html_200",
    "html_200 after", "blank_200 after",
}
LYING = {"empty_200", "error_200", "same_page", "no_paging", "no_filter", "moved_rows", "stamp_grain_s"}
SLOW = {"latency_ms", "delay_after", "drip"}
HOSTILE = {*FAILING, "swell", "deny 401", "deny 403", "stamp_grain_s"}

HELD: Mapping[str, Mapping[str, set[str]]] = {
    "calm": {platform: set() for platform in PLATFORMS},
    "slow": {
        NUTSHELL: SLOW | {"search_lag_s", "events_lag_s"}, LEADTREKKER: SLOW | {"late_visibility_s"},
        LEAD_PERFECTION: SLOW | {"late_visibility_s", "clock_skew_s behind"},
    },
    "flaky": dict.fromkeys(PLATFORMS, FAILING),
    "hostile": {
        NUTSHELL: HOSTILE | {"search_lag_s", "poison sticky", "hang sticky", "plan_limit", "clock_skew_s behind"},
        LEADTREKKER: HOSTILE | {"late_visibility_s", "poison sticky", "hang sticky", "clock_skew_s ahead"},
        LEAD_PERFECTION: HOSTILE | {"late_visibility_s", "slow", "expire_tokens", "clock_skew_s ahead"},
    },
    "lying": {
        NUTSHELL: LYING | {"search_lag_s", "events_late", "events_twice"},
        LEADTREKKER: LYING | {"late_visibility_s", "silent_edits", "order", "life_weights merge_leads", "life_weights delete_lead"},
        LEAD_PERFECTION: LYING | {"late_visibility_s", "silent_edits", "order", "life_weights merge", "life_weights delete_prospect"},
    },
}  # fmt: skip

EVERYWHERE = {*FAILING, *LYING, *SLOW, "swell", "deny 401", "deny 403", "poison sticky", "hang sticky"}
"""What each platform may do to us, whatever it is."""
SKEWED = {"clock_skew_s ahead", "clock_skew_s behind"}
ALONE: Mapping[str, set[str]] = {
    NUTSHELL: {"search_lag_s", "events_late", "events_twice", "plan_limit", "clock_skew_s behind"},
    LEADTREKKER: SKEWED | {"late_visibility_s", "silent_edits", "life_weights merge_leads", "life_weights delete_lead", TIES},
    LEAD_PERFECTION: SKEWED | {
        "late_visibility_s", "silent_edits", "life_weights merge", "life_weights delete_prospect", "expire_tokens", TIES,
    },
}
ELSEWHERE: Mapping[tuple[str, str], str] = {
    (LEADTREKKER, TIES): "`tests/platforms/test_leadtrekker_api.py::test_changes_of_one_time_that_fill_several_pages_are_all_read`",
    (LEAD_PERFECTION, TIES):
        "`tests/platforms/leadperfection/test_following.py::test_changes_of_one_time_that_fill_several_pages_are_all_read`",
    # Its rows come by the window, a page of them at a time: who cannot be shown spoils a page, and no rule can name whose it is.
    (LEAD_PERFECTION, "poison sticky"):
        "`tests/platforms/leadperfection/test_following.py::test_a_prospect_whose_row_spoils_each_answer_costs_one_question`",
    (LEAD_PERFECTION, "hang sticky"):
        "`tests/platforms/leadperfection/test_following.py::test_a_hole_proves_nothing_and_hides_nothing_but_itself_once_it_is_given_up`",
    # Worlds draw how far the source's clock is off.
    (LEADTREKKER, "clock_skew_s behind"): "`tests/simulate/test_worlds.py::test_a_world_ends_with_every_promise_kept`",
}  # fmt: skip


def faults(switches: Mapping[str, Any]) -> set[str]:
    """Give what a profile does to one platform, in words: the switch, and with it each form that a rule has it take."""
    return {word for name, value in switches.items() if value is not None for word in _words(name, value)}


def _words(name: str, value: Any) -> Iterator[str]:
    if name == "clock_skew_s":
        yield f"{name} {'ahead' if value > 0 else 'behind'}"
        return
    if name == "life_weights":
        yield from (f"{name} {deed}" for deed in value)
        return
    for rule in value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else [value]:
        forms = _forms(rule) if isinstance(rule, dict) else set()
        yield from {name, *(f"{name} {form}" for form in forms)}


def _forms(rule: Mapping[str, Any]) -> set[str]:
    status = rule.get("status", [])
    return {
        *map(str, status if isinstance(status, list) else [status]), *({rule["retry_after"]} if "retry_after" in rule else ()),
        *(word for word in ("after", "sticky") if rule.get(word)),
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_profile_holds_what_it_is_for(name: str, platform: str) -> None:
    """Who takes a fault out of a profile has to take it out of this table too; calm has none."""
    held = faults(read_profile(name)[platform])
    assert HELD[name][platform] - held == set()
    assert bool(held) is (name != "calm")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_fault_is_in_a_profile_or_in_a_test_that_is_named(platform: str) -> None:
    """Nothing that a platform may do to us is left to chance: a profile has it in whole runs, or the test is named that has it alone."""
    somewhere = {word for name in SHIPPED for word in faults(read_profile(name)[platform])}
    elsewhere = {word for each, word in ELSEWHERE if each == platform}
    assert (EVERYWHERE | ALONE[platform]) - somewhere == elsewhere
    assert missing(" ".join(ELSEWHERE.values())) == []
