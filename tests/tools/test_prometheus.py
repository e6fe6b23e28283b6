"""Rules, dashboard and figures, by promtool and by a real Prometheus that scrapes a real run with the settings that ship."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.flow_bad.rig import Daemon, Place, get, place_at, running_daemon, running_pair
from tests.hanging import HUNG_S
from tests.runbook import MOST_SERIES, assert_named

DEPLOY = Path(__file__).parents[2] / "deploy"
OPTIONS = ("--records", "40", "--gates", "auto", "--search-lag", "0.2", "--life", "2")
SCRAPES = 5
WAITING = "StreamflowGateWaiting"


def promtool(*words: str, given: str | None = None, folder: Path = DEPLOY / "prometheus") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("promtool", *words), input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=HUNG_S, cwd=folder
    )


def test_rules_are_valid() -> None:
    """Every rule is understood, with nothing to warn of."""
    said = promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml")
    assert said.returncode == 0, said.stdout


def test_every_alert_fires_and_stays_silent() -> None:
    """The cases that ship hold: each alert on its symptom, and not without it."""
    said = promtool("test", "rules", "rules_test.yml")
    assert said.returncode == 0, said.stdout


def test_a_rule_that_never_fires_is_found(tmp_path: Path) -> None:
    """The cases are able to fail: with a bound nobody reaches they do."""
    for name in ("rules.yml", "rules_test.yml"):
        (tmp_path / name).write_text((DEPLOY / "prometheus" / name).read_text(encoding="utf-8").replace("> 900", "> 9e9"), encoding="utf-8")
    said = promtool("test", "rules", "rules_test.yml", folder=tmp_path)
    assert said.returncode != 0
    assert "StreamflowDeltaLagHigh" in said.stdout


# ------------------------------------------------------------------------------------------------ a real run, scraped


class Prometheus:
    """A Prometheus that runs."""

    def __init__(self, address: str) -> None:
        self._address = address

    def ask(self, path: str, **query: str) -> Any:
        """Ask its interface; gives what it answered with."""
        return get(f"http://{self._address}/api/v1/{path}?{urllib.parse.urlencode(query)}")["data"]

    def values(self, query: str) -> list[Any]:
        """Give the present result of a query."""
        found: list[Any] = self.ask("query", query=query)["result"]
        return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Run one with the shipped jobs and rules, a scrape a second."""
    scrape = (DEPLOY / "prometheus" / "scrape.yml").read_text(encoding="utf-8")
    assert '"127.0.0.1:9464"' in scrape
    scrape = scrape.replace('"127.0.0.1:9464"', f'"{target}"').replace("15s", "1s")
    settings = "global: {evaluation_interval: 1s}\n" + f"rule_files: [{DEPLOY / 'prometheus' / 'rules.yml'}]\n" + scrape
    (folder / "prometheus.yml").write_text(settings, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    where = (f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}")
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(("prometheus", *where), stdout=log, stderr=log) as process:
        try:
            yield Prometheus(address)
        finally:
            process.terminate()


class Scraped:
    """What a run to the gate of the switch showed: the last picture, a Prometheus that has been watching, and the daemon, which goes on."""

    def __init__(self, text: str, server: Prometheus, daemon: Daemon) -> None:
        self.text = text
        self.server = server
        self.daemon = daemon


@pytest.fixture(scope="module")
def scraped() -> Iterator[Scraped]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as pair:
        text = pair.config.read_text(encoding="utf-8")
        pair.config.write_text(text.replace('cutover = "auto"', 'cutover = "ask"'), encoding="utf-8")
        place: Place = place_at(Path(folder) / "p", pair)
        with running_daemon(place) as daemon:
            target = daemon.until(lambda status: bool(status["listen"]["metrics"]), "metrics")["listen"]["metrics"]
            with prometheus(Path(folder), target) as server:
                daemon.gate("cutover")
                daemon.until(lambda _: _scrapes(server) >= SCRAPES, "scrapes")
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                with opener.open(f"http://{target}/metrics", timeout=10.0) as answer:
                    text = answer.read().decode()
                yield Scraped(text, server, daemon)


def _scrapes(server: Prometheus) -> int:
    try:
        found = server.values('count_over_time(up{job="streamflow"}[1m])')
    except OSError:
        return 0     # not up yet
    return int(found[0]["value"][1]) if found else 0


def test_figures_follow_the_rules_of_naming(scraped: Scraped) -> None:
    """`promtool check metrics` has nothing to say of a daemon at work."""
    said = promtool("check", "metrics", given=scraped.text)
    assert (said.returncode, said.stdout.strip()) == (0, "")


def test_a_scrape_stays_small(scraped: Scraped) -> None:
    """A daemon shows few hundred series, however many endpoints it calls: that is what one migration costs a Prometheus."""
    series = [line for line in scraped.text.splitlines() if line and not line.startswith("#")]
    assert len(series) <= MOST_SERIES, len(series)
    assert 0 < int(scraped.server.values('scrape_samples_scraped{job="streamflow"}')[0]["value"][1]) <= MOST_SERIES


def test_every_panel_shows_something(scraped: Scraped) -> None:
    """No query of the dashboard is refused or empty once a run has come to the gate of the switch."""
    board = json.loads((DEPLOY / "grafana" / "streamflow.json").read_text(encoding="utf-8"))
    queries = [target["expr"].replace("$job", "streamflow") for panel in board["panels"] for target in panel["targets"]]
    assert len(queries) > 10
    assert [query for query in queries if not scraped.server.values(query)] == []


def test_every_rule_is_evaluated_in_silence(scraped: Scraped) -> None:
    """A real Prometheus takes every rule without an error, and at the gate of the switch only the wait at it is on its way to an alert."""
    names = re.findall(r"- alert: (\w+)", (DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    deadline = time.monotonic() + 20.0
    while (told := _rules(scraped.server))[WAITING]["state"] == "inactive" and time.monotonic() < deadline:
        time.sleep(0.5)      # until the rules have been held against a scrape of the run as it waits
    assert list(told) == names
    assert {name: rule["health"] for name, rule in told.items()} == dict.fromkeys(names, "ok")
    assert {name: rule["state"] for name, rule in told.items()} == {**dict.fromkeys(names, "inactive"), WAITING: "pending"}


def test_a_daemon_that_ended_is_down(scraped: Scraped) -> None:
    """F-08, as each fault that ends a daemon: Prometheus notes it as `up` at 0, and the alert is on its way. The last test here."""
    assert_named("F-08", "up")
    assert _up(scraped.server) == "1"
    with closing(sqlite3.connect(scraped.daemon.place.state / "ledger.sqlite", isolation_level=None, timeout=10.0)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert scraped.daemon.end() == 75, scraped.daemon.words()
    until(lambda: _up(scraped.server) == "0", "a scrape that nobody answered")
    until(lambda: _rules(scraped.server)["StreamflowDown"]["state"] == "pending", "an alert on its way")


def _up(server: Prometheus) -> str:
    [found] = server.values('up{job="streamflow"}')
    return str(found["value"][1])


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for what a Prometheus sees."""
    deadline = time.monotonic() + 20.0
    while not holds():
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.2)


def _rules(server: Prometheus) -> dict[str, Any]:
    """Give what it makes of each rule, by its name, in their order."""
    return {rule["name"]: rule for group in server.ask("rules")["groups"] for rule in group["rules"]}
