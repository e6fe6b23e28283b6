"""The documentation keeps pace with the program: what it names exists, and what exists is named."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from streamflow.cli.main import parser
from streamflow.clock import SystemClock
from streamflow.config import LIVE_KEYS, PAIRS, load, starter
from streamflow.config._table import Table
from streamflow.daemon.exits import Exit
from streamflow.daemon.metrics import Metrics
from streamflow.daemon.routes import EVENTS_PATH, JOBS_PATH, ROUTES, arguments, find
from streamflow.daemon.status import Figures, Snapshot
from streamflow.errors import ConfigError
from streamflow.mapping import pair_toml
from streamflow.mapping.catalogue import TRANSFORMS
from streamflow.mapping.combining import POLICIES
from streamflow.mapping.disputes import DISPUTES
from streamflow.mapping.pair import FACTS, MORE_REPORTS, REPORTS, Role
from streamflow.mapping.postal import PARTS
from streamflow.mapping.rollups import PICKS
from streamflow.mapping.settings import DEFAULTS as SETTINGS
from streamflow.mapping.shapes import SHAPES
from streamflow.migration.life import CAN_ROLL_BACK, MOVES, State
from streamflow.model import Disposition, Verdict
from streamflow.platforms.catalog import forms, source_of
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.nutshell.flags import NOT_USED, Flags
from streamflow.platforms.spec_table import Table as SpecTable
from streamflow.reports.about import _REPORTS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
EVERYTHING = [README, ROOT / "CHANGELOG.md", *PAGES]
EVERYWHERE = ("--help", "--json", "--config")
GATED = ("map", "owners", "sample", "cutover")


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def page(name: str) -> str:
    return text(ROOT / "docs" / name)


def blocks(source: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", source, re.MULTILINE | re.DOTALL)


def table_keys(source: str) -> set[str]:
    """Give what stands in backticks in the first column of all tables."""
    return {key for row in re.findall(r"^\| *((?:`[^`]+`[, ]*)+) *\|", source, re.MULTILINE) for key in re.findall(r"`([^`]+)`", row)}


# ------------------------------------------------------------------------------------------------ command line


Words: TypeAlias = tuple[str, ...]


def commands(at: argparse.ArgumentParser | None = None, words: Words = ()) -> Iterator[tuple[Words, argparse.ArgumentParser]]:
    at = at or parser()
    inner = [action for action in at._actions if isinstance(action, argparse._SubParsersAction)]
    if words and not inner:
        yield words, at
    for action in inner:
        for name, each in action.choices.items():
            yield from commands(each, (*words, name))


def test_every_command_is_in_the_readme() -> None:
    """An operator finds each command in the README."""
    missing = [" ".join(words) for words, _ in commands() if f"streamflow {' '.join(words)}" not in text(README)]
    assert missing == []


def test_every_option_is_documented() -> None:
    """Each option of each command stands in the row of that command."""
    missing = []
    for words, each in commands():
        rows = [line for line in text(README).splitlines() if line.startswith(f"| `streamflow {' '.join(words)}")]
        assert rows, f"no row for {' '.join(words)}"
        for action in each._actions:
            options = [option for option in action.option_strings if option.startswith("--") and option not in EVERYWHERE]
            missing += [(words, option) for option in options if not any(option in row for row in rows)]
    assert missing == []


def shell_lines() -> list[str]:
    found = []
    for path in EVERYTHING:
        for block in blocks(text(path), "sh"):
            joined = block.replace("\\\n", " ")
            found += [line.split(" # ")[0].strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return found


def test_commands_in_examples_are_understood() -> None:
    """Each streamflow command that an example shows is taken by the parser as it stands."""
    lines = [line.removeprefix("sudo ") for line in shell_lines()]
    given = [re.sub(r"\$\([^)]*\)|\$\w+", "value", line) for line in lines if re.match(r"(\.venv/bin/)?streamflow ", line)]
    assert len(given) > 20
    for line in given:
        words = shlex.split(re.split(r" [|>&]", line)[0])[1:]
        if "--help" not in words:
            parser().parse_args(words)


# ------------------------------------------------------------------------------------------------ configuration

ALL_SECTIONS = """
[migration]
name = "x"
state_dir = "x"
[source]
platform = "{platform}"
reader = "{reader}"
timezone = "UTC"
[source.streams.note]
reader = "files"
poll_s = 1.0
settle_s = 1.0
[destination]
[map.llm]
"""


def config_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Give every key that the loader asks for, by listening to it while it reads."""
    asked: set[str] = set()
    finish = Table.done

    def done(self: Table, **more: Any) -> None:
        asked.update(self.at(key) for key in self._known)
        finish(self, **more)

    monkeypatch.setattr(Table, "done", done)
    for platform in ("leadtrekker", "lead_perfection"):
        file = tmp_path / f"{platform}.toml"
        file.write_text(ALL_SECTIONS.format(platform=platform, reader="api"), encoding="utf-8")
        with pytest.raises(ConfigError):
            load(file, forms(), secrets=False)
    asked |= {f"source.streams.<kind>.{name}" for name in ("reader", "enabled", "poll_s", "settle_s")}
    tables = {key for key in asked if any(other.startswith(f"{key}.") for other in asked)}
    return {key for key in asked - tables if not key.startswith("source.streams.note")} - {"destination.flags", "source.streams"}


def test_every_config_key_is_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of keys holds exactly what the loader knows."""
    known = config_keys(tmp_path, monkeypatch)
    assert len(known) > 50
    documented = {key for key in table_keys(page("configuration.md")) if "." in key}
    assert (known - documented, documented - known) == (set(), set())


def test_every_flag_is_documented() -> None:
    """The table of capability flags holds exactly the flags there are."""
    part = page("configuration.md").partition("## Capability flags")[2]
    assert table_keys(part) == {each.name for each in fields(Flags)} | set(NOT_USED)


def secret_keys(section: str) -> set[str]:
    """Give the keys of all platforms under [source] or [destination] that name a secret."""
    known = forms().sources if section == "source" else forms().destinations
    return {key for form in known.values() for option in form.options if option.form == "secret" for key in option.keys}


def test_live_keys_are_told_apart() -> None:
    """What a reload takes over is marked in the table, and nothing else is."""
    rows = re.findall(r"^\| ((?:`[^`]+`[, ]*)+)\|.*\| (live)? *\|$", page("configuration.md"), re.MULTILINE)
    live = {key for names, mark in rows if mark for key in re.findall(r"`([^`]+)`", names)}
    secrets = {f"{section}.{key}" for section in ("source", "destination") for key in secret_keys(section)}
    assert live == {*LIVE_KEYS, *secrets}


LAID_OVER = ("source.streams.<kind>.files.", "source.streams.<kind>.list.", "source.streams.<kind>.window.", "source.expected_counts.")
"""Keys of the shipped descriptions of streams, and tables whose keys are kinds."""


def test_toml_examples_are_sound() -> None:
    """Each example of the configuration is TOML whose keys exist; those of faults are tried with the sandbox."""
    examples = [block for path in EVERYTHING if path.name != "faults.md" for block in blocks(text(path), "toml")]
    assert examples
    documented = table_keys(page("configuration.md"))
    for example in examples:
        for section, value in flat(tomllib.loads(example)):
            key = re.sub(r"^source\.streams\.[a-z]+\.", "source.streams.<kind>.", section)
            name = key.removeprefix("destination.flags.")
            assert name in documented or key.startswith(LAID_OVER), (section, value)


def test_starters_are_named() -> None:
    """Both starter files are named in the README and are the ones that `init` writes."""
    for pair in PAIRS:
        assert pair in text(README)
        assert (ROOT / "config" / f"{pair}.toml").read_text(encoding="utf-8") == starter(pair)


def flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner


def spec_keys(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Give every key that the reader of the shipped specs asks for ("window.by_clock"), by listening to it while it reads."""
    asked: set[str] = set()
    finish = SpecTable.done

    def done(self: SpecTable) -> None:
        path = re.sub(r"\[\d+\]", "", self.path)
        asked.update(f"{path}.{key}" for key in self._asked)
        finish(self)

    monkeypatch.setattr(SpecTable, "done", done)
    for name in ("leadtrekker", "lead_perfection"):
        source_of(name).doors().load_spec(SourceSettings(reader="api", timezone="UTC"))
    return {key.split(".", 3)[3] for key in asked if key.startswith("source.streams.")}


def test_keys_of_streams_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key of a stream's description that the page of the configuration explains is one that the reader takes."""
    known = spec_keys(monkeypatch)
    told = page("configuration.md").partition("and checked with it.")[2].partition("\n## ")[0]
    spans = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", told, flags=re.MULTILINE | re.DOTALL))
    keys = {re.sub(r"\.<\w+>", "", span.partition(" = ")[0]) for span in spans}
    last = {key.rpartition(".")[2] for key in known}
    assert len(keys) > 30
    keys -= {"yields.fields"}     # its tables bear the names of streams
    assert {key for key in keys if key not in (known if "." in key else last)} == set()


# ------------------------------------------------------------------------------------------------ pairs


def rows_of(source: str, heading: str) -> dict[str, str]:
    """Give the first table below a heading: what stands in backticks in the first column, with the rest of its row."""
    _, _, table = source.partition(f"\n{heading}\n")[2].partition("\n|")
    found: dict[str, str] = {}
    for line in table.partition("\n\n")[0].splitlines():
        first, _, rest = line.strip("|").partition(" |")
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", first), rest)
    return found


def test_keys_of_a_pair_are_documented() -> None:
    """The page of the pairs names exactly the keys that a pair and its kinds may have, and every role, shape, fact and report."""
    pairs = page("pairs.md")
    assert {key.strip("[]") for key in rows_of(pairs, "## Keys")} == pair_toml._TOP
    kinds = rows_of(pairs, "A kind:")
    assert set(kinds) == pair_toml._KIND
    for key, words in (("role", set(Role)), ("shape", set(SHAPES) - {"file"}), ("names", set(pair_toml._NAMES) - {""})):
        assert set(re.findall(r"`(\w+)`", kinds[key])) >= {str(word) for word in words}, key
    assert set(re.findall(r"`(\w+)`", kinds["facts"])) == FACTS
    assert set(re.findall(r"`([\w-]+)`", rows_of(pairs, "## Keys")["reports"])) == {*REPORTS, *MORE_REPORTS}


def test_settings_of_a_map_are_documented() -> None:
    """Each setting of a map stands in the page of the pairs or in the row of `leads.rule`, and none that there is not."""
    rule = next(line for line in page("configuration.md").splitlines() if line.startswith("| `leads.rule`"))
    besides = set(re.findall(r"`(\w+)`", rule.partition("A table sets more:")[2]))
    assert {*rows_of(page("pairs.md"), "## Settings of a map"), *besides, "unqualified"} == set(SETTINGS)


def test_transforms_with_params_exist() -> None:
    """Each transform of that table is one, and what a transform needs stands in its row; policies of combining are all there."""
    rows = rows_of(page("pairs.md"), "## Transforms with params")
    assert set(rows) <= set(TRANSFORMS)
    assert [(name, param) for name, one in TRANSFORMS.items() for param in one.needs if f"`{param}`" not in rows.get(name, "")] == []
    everywhere = next(line for line in page("pairs.md").splitlines() if line.startswith("| any |"))
    assert [policy for policy in (*POLICIES, *DISPUTES) if f"`{policy}`" not in everywhere] == []
    assert [pick for pick in PICKS if f"`{pick}`" not in rows["rollup"]] == []
    assert [part for part in PARTS if f"`{part}`" not in rows["address_part"]] == []


# ------------------------------------------------------------------------------------------------ life


def state_diagram() -> str:
    """Draw the table of moves as Mermaid; PAUSED has no moves of its own and is told in words."""
    lines = ["stateDiagram-v2", "    [*] --> probe"]
    for state, following in MOVES.items():
        lines += [f"    {state.value} --> {each.value}" for each in State if each in following]
    lines += [f"    {state.value} --> [*]" for state, following in MOVES.items() if state is not State.PAUSED and not following - CAN_END]
    return "\n".join(lines) + "\n"


CAN_END = frozenset({State.ROLLBACK})
"""Whoever can only be rolled back from here on has reached an end."""


def test_state_diagram_is_the_table() -> None:
    """The diagram in the README is the one drawn from the table of moves."""
    drawn = blocks(text(README), "mermaid")
    assert drawn == [state_diagram()]


def test_every_state_is_explained() -> None:
    """Each state has its row in the README, and so has each gate its section."""
    assert {state.value for state in State} <= table_keys(text(README))
    for gate in GATED:
        assert re.search(rf"^### .*`{gate}`", text(README), re.MULTILINE), gate


def test_every_gate_is_named() -> None:
    """Each gate at which a person is waited for stands in the README."""
    calls = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "streamflow" / "migration").glob("*.py"))
    gates = set(re.findall(r'(?:show_gate|_stand_at)\(\s*"(\w+)"', calls))
    assert gates >= set(GATED)
    assert [gate for gate in sorted(gates) if f"`{gate}`" not in text(README)] == []


def test_where_a_rollback_is_possible() -> None:
    """The README names the states from which the table lets a rollback begin."""
    line = re.search(r"^A rollback can be asked for in (.*?)\.", text(README), re.MULTILINE | re.DOTALL)
    assert line
    assert set(re.findall(r"`(\w+)`", line[1])) == {state.value for state in CAN_ROLL_BACK}


# ------------------------------------------------------------------------------------------------ what it tells


def metric_names() -> set[str]:
    metrics = Metrics(clock=SystemClock(), platforms=("nutshell",), kinds=("lead",), dest_kinds=("contacts",), stages=("load",))
    snapshot = Snapshot(state="tail", reason="", phase="tail", since="")
    metrics.observe(replace(snapshot, figures=Figures(disk_free_bytes=1, search_lag_s=1.0)))
    found = re.findall(r"^# TYPE (streamflow_\w+) ", metrics.render()[0].decode(), re.MULTILINE)
    return {name for name in found if not name.endswith("_created")}


def test_every_metric_is_documented() -> None:
    """The table of metrics holds exactly what the daemon exports."""
    documented = {name for name in table_keys(page("metrics.md")) if name.startswith("streamflow_")}
    assert documented == metric_names()


def test_exit_codes_are_documented() -> None:
    """The README explains each exit code."""
    part = text(README).partition("### Exit codes")[2].partition("\n###")[0]
    assert {int(key) for key in table_keys(part) if key.isdigit()} == {int(code) for code in Exit}


def test_words_of_the_reports_are_explained() -> None:
    """Each disposition, verdict and report is explained."""
    known = table_keys(page("reports.md"))
    assert {each.value for each in Disposition} <= known
    assert {each.value for each in Verdict} <= known
    assert set(_REPORTS) <= known


def causes() -> set[str]:
    """Collect the causes of queue items from the program's own text."""
    found: set[str] = set()
    for path in (ROOT / "streamflow").rglob("*.py"):
        if "sandbox" in path.parts or "reports" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            given = [word.value for word in node.keywords if word.arg == "cause"]
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given += node.args[:1] if called in ("complain", "_review") else node.args[1:2] if called == "question_plan" else []
            values = [constants.get(each.id) if isinstance(each, ast.Name) else each for each in given]
            found |= {each.value for each in values if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return found - {""}


def test_every_cause_of_the_queue_is_explained() -> None:
    """An operator finds each cause of a queue item, with what the decisions do."""
    found = causes()
    assert len(found) > 25
    assert found - table_keys(page("queue.md")) == set()


# ------------------------------------------------------------------------------------------------ control socket


def test_every_route_is_documented() -> None:
    """The table of the control socket holds exactly the routes there are, with the keys of their bodies."""
    rows = re.findall(r"^\| `(GET|POST) ([^`]+)` \| ([^|]*)\|", page("control-socket.md"), re.MULTILINE)
    assert {(method, path) for method, path, _ in rows} == {(each.method, each.path) for each in ROUTES} | {
        ("GET", EVENTS_PATH), ("GET", JOBS_PATH), ("GET", f"{JOBS_PATH}/{{name}}"),
    }  # fmt: skip
    for route in ROUTES:
        takes = next(keys for method, path, keys in rows if (method, path) == (route.method, route.path))
        assert set(re.findall(r"`(\w+)`", takes)) == set(route.body), route.path


def test_curl_examples_fit_the_routes() -> None:
    """Each curl example over the socket names a route and sends what that route takes."""
    examples = [shlex.split(line) for line in shell_lines() if "--unix-socket" in line and line.startswith("curl")]
    assert len(examples) > 5
    for words in examples:
        url = next(word for word in words if word.startswith("http://"))
        path, _, query = url.removeprefix("http://streamflow").partition("?")
        body = words[words.index("-d") + 1] if "-d" in words else ""
        method = "POST" if body or "POST" in words else "GET"
        if path == EVENTS_PATH:
            continue
        found = find(method, path)
        assert found.route is not None, url
        arguments(found.route, found.params, dict(part.split("=", 1) for part in query.split("&") if part), body.encode())


# ------------------------------------------------------------------------------------------------ the pages themselves


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_links_lead_somewhere() -> None:
    """Each relative link of a page names a file that exists and a heading in it."""
    for path in EVERYTHING:
        for target in re.findall(r"\]\(([^)\s]+)\)", text(path)):
            if "://" in target:
                continue
            name, _, heading = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            assert file.exists(), f"{path.name}: {target}"
            if heading:
                assert heading in {anchor(line) for line in re.findall(r"^#+ (.*)$", text(file), re.MULTILINE)}, f"{path.name}: {target}"


def test_every_page_is_linked_from_the_readme() -> None:
    """No page of the documentation is left where nobody finds it."""
    assert [path.name for path in PAGES if f"docs/{path.name}" not in text(README)] == []


def test_files_that_are_named_exist() -> None:
    """Paths of the project in backticks are files or folders of it."""
    pattern = re.compile(r"`((?:streamflow|deploy|config|docs|tests|requirements)/[\w./-]*)`")
    missing = [(path.name, name) for path in EVERYTHING for name in pattern.findall(text(path)) if not (ROOT / name).exists()]
    assert missing == []


def test_every_dependency_has_its_reason() -> None:
    """Each library that people install with the program, or that works on it, is in the page that says why."""
    for name, heading in (("base.in", "## What runs"), ("dev.in", "## What checks")):
        wanted = {
            re.split(r"[<>=~! ]", line)[0] for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
            if line.strip() and not line.startswith(("#", "-"))
        }
        assert table_keys(page("dependencies.md").partition(heading)[2].partition("\n## ")[0]) == wanted


def test_make_targets_exist() -> None:
    """Each make target that a page names is one."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for path in EVERYTHING for name in re.findall(r"(?:`|^)make ([a-z]+)", text(path), re.MULTILINE)}
    assert named
    assert named <= targets
