"""When a rule strikes: by request, count, window of time and seeded chance; and switches that hold for a time."""

from __future__ import annotations

from typing import Any

import pytest

from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.faults import Faults
from streamflow.sandbox.rules import Asked, SwitchError


def asked(path: str = "/rest/users", method: str = "GET", query: str = "", body: bytes = b"") -> Asked:
    """Make a request."""
    return Asked(method=method, path=path, query=query, body=body)


def struck(rule: Any, requests: list[Asked], *, seed: int = 7) -> list[int]:
    """Say which requests a rule strikes, by their place."""
    faults = Faults(clock=ManualClock(), seed=seed)
    faults.merge({"reset_before": rule})
    return [place for place, request in enumerate(requests) if faults.fires("reset_before", request) is not None]


REQUESTS = [
    asked(), asked("/rest/contacts", query="page[limit]=5"), asked("/rest/contacts/customfield", "POST"),
    asked("/rest/contacts", "POST", body=b"Ann"),
    asked("/rest/contacts", "POST", body=b"Bob"), asked("/api/v1/json", "POST", body=b"findUsers"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "places"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"match": "/rest/contacts"}, [1, 2, 3, 4]),
        ({"match": ["page[limit]", "json"]}, [1, 5]),
        ({"path": "POST /rest/contacts"}, [3, 4]),
        ({"path": ["POST /rest/*", "GET /rest/users"]}, [0, 2, 3, 4]),
        ({"body": ["Ann", "findUsers"]}, [3, 5]),
        ({"path": "POST *", "unless": ["Ann", "find"]}, [2, 4]),
        ({"skip": 2}, [2, 3, 4, 5]),
        ({"every": 2}, [1, 3, 5]),
        ({"skip": 1, "every": 2, "times": 1}, [2]),
        ({"times": 0}, []),
        ([{"path": "GET /rest/users"}, {"body": "Bob"}], [0, 4]),
        (None, []),
    ],
)  # fmt: skip
def test_a_rule_strikes_what_it_names(rule: Any, places: list[int]) -> None:
    """Lines, paths, bodies and counts choose; a list of rules strikes where any of them does."""
    assert struck(rule, REQUESTS) == places


def test_a_rule_holds_in_its_window() -> None:
    """From so many seconds after it was set, for so many, and again after each period."""
    clock = ManualClock()
    faults = Faults(clock=clock)
    faults.merge({"hang": {"from_s": 10, "for_s": 5}, "drip": {"for_s": 2, "every_s": 10}})
    seen: dict[str, list[int]] = {"hang": [], "drip": []}
    for second in range(25):
        for name, seconds in seen.items():
            if faults.fires(name, asked()) is not None:
                seconds.append(second)
        clock.advance(1)
    assert seen == {"hang": [10, 11, 12, 13, 14], "drip": [0, 1, 10, 11, 20, 21]}


def test_chance_hangs_on_the_seed_and_the_request_alone() -> None:
    """The same seed strikes the same requests in whatever order they come; another seed strikes others; the share is kept."""
    requests = [asked(f"/rest/contacts/{number}") for number in range(2000)]
    once = struck({"probability": 0.1}, requests)
    assert 150 <= len(once) <= 250
    assert [1999 - place for place in struck({"probability": 0.1}, requests[::-1])][::-1] == once
    assert struck({"probability": 0.1}, requests, seed=8) != once


def test_the_same_request_has_new_luck_each_time_unless_it_sticks() -> None:
    """A repeated request is struck about as often as it should be; a sticky rule strikes it always or never."""
    again = [asked()] * 400
    assert 20 <= len(struck({"probability": 0.1}, again)) <= 60
    assert {len(struck({"probability": 0.5, "sticky": True}, [asked(f"/{n}")] * 5)) for n in range(20)} == {0, 5}


def test_each_rule_of_a_list_has_a_chance_of_its_own() -> None:
    """What was struck by one rule is not struck by the next when it comes again, but by chance."""
    runs = [struck([{"probability": 0.05} for _ in range(4)], [asked(f"/{number}")] * 60) for number in range(100)]
    again = sum(1 for places in runs if places and places[0] + 1 in places)
    assert again <= 35     # 19 in a hundred are to be expected


def test_faults_do_not_share_their_luck() -> None:
    """A second fault does not change which requests the first one strikes."""
    requests = [asked(f"/{number}") for number in range(300)]

    def first(**more: Any) -> list[int]:
        faults = Faults(clock=ManualClock())
        faults.merge({"hang": {"probability": 0.2}, **more})
        both = [(faults.fires("drip", request), faults.fires("hang", request)) for request in requests]
        return [place for place, (_, hangs) in enumerate(both) if hangs is not None]

    assert first() == first(drip={"probability": 0.5})
    assert first(fault_seed=1) != first()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"hang": {"chance": 1}}, "hang does not know chance"),
        ({"hang": 3}, "hang must be null, a rule, or a list"),
        ({"hang": [{"probability": 2}]}, "hang.probability must be a number from 0 to 1"),
        ({"fail_5xx": {"status": [500, 5]}}, "fail_5xx.status"),
        ({"throttle": {"retry_after": "soon"}}, "one of seconds, date, none, garbled"),
        ({"latency_ms": [3, 1]}, "latency_ms must be a number from 0, or"),
        ({"schedule": [{"from_s": 1}]}, "schedule must be"),
        ({"schedule": [{"set": {"nothing": 1}}]}, "no such switch: nothing"),
    ],
)
def test_what_is_no_rule_is_refused_whole(wrong: dict[str, Any], words: str) -> None:
    """The words name the switch, the key and what it takes; nothing changes."""
    faults = Faults(clock=ManualClock())
    with pytest.raises(SwitchError, match=words.replace("[", r"\[")):
        faults.merge({"burst": 5, **wrong})
    assert faults.switches["burst"] == 20


def test_a_schedule_sets_switches_for_a_time() -> None:
    """Any switch can hold for a window; after it, what held before holds again."""
    clock = ManualClock()
    faults = Faults({"lag_s": 5}, clock=clock)
    faults.merge({"schedule": [{"from_s": 2, "for_s": 2, "set": {"lag_s": 60, "deny": {"status": 403}}}]})
    seen = []
    for _ in range(6):
        faults.tick()
        seen.append((faults.switches["lag_s"], faults.fires("deny", asked()) is not None))
        clock.advance(1)
    assert seen == [(5, False)] * 2 + [(60, True)] * 2 + [(5, False)] * 2


def test_a_profile_takes_the_place_of_the_last_one() -> None:
    """What the earlier profile had set has its old value again, also what a schedule had set; an empty one ends all."""
    clock = ManualClock()
    faults = Faults({"lag_s": 5, "order": "asc"}, clock=clock)
    faults.merge({"order": "desc"})
    faults.profile({"lag_s": 60, "deny": {}, "schedule": [{"set": {"order": "asc"}}]})
    faults.tick()
    assert (faults.switches["lag_s"], faults.switches["order"]) == (60, "asc")
    faults.profile({"hang": {}})
    assert (faults.switches["lag_s"], faults.switches["order"]) == (5, "desc")
    assert faults.fires("deny", asked()) is None
    assert faults.fires("hang", asked()) is not None
    faults.profile({})
    assert faults.fires("hang", asked()) is None
