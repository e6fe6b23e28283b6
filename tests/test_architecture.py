"""The floors of the house: imports point down, and each library has its one place. Imports for types count too."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from streamflow.errors import ConfigError
from streamflow.platforms.catalog import sources
from streamflow.platforms.entry import SourceSettings

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "streamflow"

FLOORS = {
    "cli": 8,
    "daemon": 7,
    "migration": 6,
    "reports": 6,
    "pipeline": 5,
    "stages": 5,
    "platforms": 4,
    "mapping": 3,
    "wire": 3,
    "store": 3,
    "config": 2,
    "model": 2,
    "options": 2,
    "ledger_names": 2,
    "errors": 1,
    "clock": 1,
    "spelling": 1,
    "compact": 1,
}
SANDBOX = "sandbox"
ONLY_IN = {
    "aiosqlite": ("store/",),
    "sqlite3": ("store/", "daemon/metrics.py"),
    "prometheus_client": ("daemon/metrics.py",),
    "jinja2": ("reports/", "daemon/console/"),
    "openpyxl": ("platforms/files/", "reports/", "sandbox/"),
}
AIOHTTP_CLIENT_IN = ("wire/session.py", "daemon/client.py")
AIOHTTP_CLIENT_NAMES = frozenset(
    {"ClientSession", "ClientTimeout", "TCPConnector", "UnixConnector", "BaseConnector", "request", "client", "connector"}
)
CONFIG_READERS = {"cli", "daemon", "config"}
DOORS = ("source", "destination")
"""What is asked of the platforms of either side: each knows neither the other nor anything else of the platforms."""
SOURCE_PARTS = {
    "spec": set[str](),
    "spec_table": set[str](),
    "spec_parts": {"spec", "spec_table"},
    "spec_toml": {"spec", "spec_parts", "spec_table"},
    "rows": {"spec"},
    "files": {"spec", "rows"},
    "api": {"spec", "rows"},
    "spec_source": {"source", "spec", "rows", "files", "api"},
    "spec_doors": {"entry", "spec", "spec_toml", "rows", "files", "api", "spec_source"},
}
"""What every source is read with, and which other parts of the platforms each may know: no platform, and not one another sideways."""

PATTERNS = ("match", "fullmatch", "search", "findall", "finditer")
WORDS_RENEWED = "migration/context.py:"     # the words shown of a phase are written anew only where they are others


@cache
def modules() -> tuple[Path, ...]:
    return tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(path)))


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> tuple[tuple[str, frozenset[str], int], ...]:
    """Give (module, imported names, line) of every import statement, wherever it stands."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, frozenset[str], int]]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, frozenset(), node.lineno
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                package = ["streamflow", *path.relative_to(PACKAGE).parts[:-1]]
                module = ".".join([*package[: len(package) - node.level + 1], *([module] if module else [])])
            yield module, frozenset(alias.name for alias in node.names), node.lineno


def inner_targets(module: str, names: frozenset[str]) -> set[str]:
    """Give the parts of streamflow an import reaches."""
    words = module.split(".")
    if words[0] != "streamflow":
        return set()
    if len(words) > 1:
        return {words[1]}
    return {name for name in names if name in FLOORS or name == SANDBOX}


def test_every_part_has_a_floor() -> None:
    """No part of the package stands outside the plan."""
    parts = {part_of(path) for path in modules()} - {"__init__", "__main__"}
    assert parts <= {*FLOORS, SANDBOX}


def test_imports_point_down() -> None:
    """Nothing imports from a floor above its own."""
    wrong = [
        f"{place(path)}:{line} imports {target}"
        for path in modules()
        if (own := part_of(path)) in FLOORS
        for module, names, line in imports(path)
        for target in inner_targets(module, names)
        if target in FLOORS and FLOORS[target] > FLOORS[own]
    ]
    assert wrong == []


def test_parts_of_one_floor_keep_apart() -> None:
    """Mapping, wire and store do not know each other, nor do platforms among themselves; the doors of either side know no platform."""
    wrong = []
    for path in modules():
        own = part_of(path)
        for module, names, line in imports(path):
            targets = inner_targets(module, names) - {own}
            wrong += [f"{place(path)}:{line} imports {target}" for target in targets if FLOORS.get(own) == FLOORS.get(target) == 3]
            words = module.split(".")
            if own == "platforms" and words[:2] == ["streamflow", "platforms"] and len(words) > 2:
                mine = path.relative_to(PACKAGE).parts[1]
                shared = set[str]() if mine.removesuffix(".py") in DOORS else {*DOORS, "entry", *SOURCE_PARTS, mine}
                if words[2] not in shared:
                    wrong.append(f"{place(path)}:{line} imports {module}")
    assert wrong == []


def test_what_every_source_is_read_with_knows_no_platform() -> None:
    """Spec, rows and readers import only what stands below them among the platforms."""
    wrong = []
    for path in modules():
        words = path.relative_to(PACKAGE).parts
        mine = words[1].removesuffix(".py") if len(words) > 1 and words[0] == "platforms" else ""
        if mine not in SOURCE_PARTS:
            continue
        for module, names, line in imports(path):
            if module.split(".")[:2] == ["streamflow", "platforms"]:
                reached = {module.split(".")[2]} if module.count(".") > 1 else set(names)
                wrong += [f"{place(path)}:{line} imports {part}" for part in reached - SOURCE_PARTS[mine] - {mine}]
    assert wrong == []


def test_only_daemon_and_cli_read_the_configuration() -> None:
    """Everything below is handed plain values."""
    wrong = [
        f"{place(path)}:{line}"
        for path in modules()
        if part_of(path) not in CONFIG_READERS
        for module, names, line in imports(path)
        if "config" in inner_targets(module, names)
    ]
    assert wrong == []


def test_nothing_is_decided_by_the_words_of_a_reason() -> None:
    """Reasons are for people: what the program has to know again has a field of its own, and anybody may word a reason better."""
    reading = {"startswith", "endswith", "partition", "rpartition", "split", "find", "index", "count", "removeprefix", "removesuffix"}
    wrong = []
    for path in modules():
        for node in nodes(path):
            parts: list[ast.expr] = []
            if isinstance(node, ast.Compare):
                parts = [node.left, *node.comparators]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                parts = [node.func.value] if node.func.attr in reading else node.args if node.func.attr in PATTERNS else []
            wrong += [f"{place(path)}:{part.lineno}" for part in parts if isinstance(part, ast.Attribute) and part.attr == "reason"]
    statements = (PACKAGE / "store" / "queries.sql").read_text(encoding="utf-8")
    wrong += re.findall(r"\w\.reason\s*(?:[=<>!]|LIKE|GLOB|IN\b|IS\b).*", statements)
    assert [each for each in wrong if not each.startswith(WORDS_RENEWED)] == []


def words_of_sources() -> tuple[set[str], set[str]]:
    """Give what sources are called, and their kinds and fields that are no everyday words ("leadid", "owner_email", "phone2")."""
    names, fields = set[str](), {"company", "reminder", "attachment"}
    for name, platform in sources().items():
        names |= {name, name.replace("_", "-"), name.replace("_", ""), platform.title.lower()}
        try:
            spec = platform.doors().load_spec(SourceSettings())
        except ConfigError:
            continue  # of a platform that cannot be read yet only the name is known
        fields |= {field for stream in spec.streams.values() for field in (stream.key, *stream.fields) if re.search(r"_|\d|.id$", field)}
    return names, fields - {"sha256"}


def above_the_platforms() -> list[Path]:
    return [path for path in modules() if part_of(path) in ("stages", "migration", "reports", "daemon", "pipeline", "mapping", "cli")]


def test_nothing_above_the_platforms_names_one_that_is_left() -> None:
    """No source platform is named where records are mapped, moved, told of and steered, not even in passing."""
    names, _ = words_of_sources()
    assert {"leadtrekker", "lead perfection"} <= names
    texts = {place(path): path.read_text(encoding="utf-8").lower() for path in above_the_platforms()}
    assert [f"{where} says {name!r}" for where, text in texts.items() for name in sorted(names) if name in text] == []


def test_kinds_and_fields_of_a_source_come_from_its_pair() -> None:
    """Nothing above the platforms names a kind or field that only a source platform has; what a company is, the mapping may know."""
    _, words = words_of_sources()
    assert {"leadid", "owner_email"} <= words
    wrong = [
        f"{place(path)}:{node.lineno} says {node.value!r}"
        for path in above_the_platforms()
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in words
        if node.value != "company" or part_of(path) not in ("mapping", "reports")
    ]
    assert wrong == []


def names_in_the_ledger(path: Path) -> Iterator[tuple[str, int]]:
    """Give the names of settings and marks that are spelt out where they are read or written, with their lines."""
    for node in nodes(path):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        given = [*node.args[:1]] if called in ("setting", "settings", "mark") else []
        given += [word.value for word in node.keywords if called in ("PutSetting", "MoveMark") and word.arg == "name"]
        for each in given:
            part = each.values[0] if isinstance(each, ast.JoinedStr) and each.values else each
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value, node.lineno


def test_a_name_in_the_ledger_is_spelt_in_one_file() -> None:
    """A setting or a mark that two files use has one name for both: misspelt, it would read as if it had never been written."""
    spelt: dict[str, set[str]] = {}
    for path in modules():
        if part_of(path) not in (SANDBOX, "store"):
            for name, _ in names_in_the_ledger(path):
                spelt.setdefault(name, set()).add(place(path))
    assert {name: sorted(places) for name, places in spelt.items() if len(places) > 1} == {}
    shared = {node.value.value for node in parsed(PACKAGE / "ledger_names.py").body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
    assert shared
    assert {name: sorted(places) for name, places in spelt.items() if name in shared} == {}


def test_sandbox_stands_apart() -> None:
    """The simulated platforms import nothing of the program, and only the CLI imports them."""
    wrong = []
    for path in modules():
        for module, names, line in imports(path):
            targets = inner_targets(module, names)
            is_sandbox = part_of(path) == SANDBOX
            if is_sandbox and targets - {SANDBOX}:
                wrong.append(f"{place(path)}:{line} imports {module}")
            if SANDBOX in targets and not is_sandbox and part_of(path) != "cli":
                wrong.append(f"{place(path)}:{line} imports {module}")
    assert wrong == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_library_has_its_place(library: str) -> None:
    """Each outside library is imported only where it belongs."""
    wrong = [
        f"{place(path)}:{line}"
        for path in modules()
        if part_of(path) != SANDBOX and not place(path).startswith(ONLY_IN[library])
        for module, _names, line in imports(path)
        if module.split(".")[0] == library
    ]
    assert wrong == []


def uses_client(path: Path) -> list[int]:
    """Give the lines where a module reaches for aiohttp's client."""
    lines = []
    aliases = set()
    for module, names, line in imports(path):
        if module.split(".")[0] != "aiohttp":
            continue
        if module == "aiohttp" and not names:
            aliases.add("aiohttp")
        if names & AIOHTTP_CLIENT_NAMES or module.startswith(("aiohttp.client", "aiohttp.connector")):
            lines.append(line)
    for node in nodes(path):
        is_attribute = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if is_attribute and node.value.id in aliases and node.attr.startswith(("Client", *AIOHTTP_CLIENT_NAMES)):  # type: ignore[union-attr]
            lines.append(node.lineno)  # type: ignore[attr-defined]
    return lines


def test_http_client_has_its_place() -> None:
    """aiohttp's client is used by the session and by the client of the control socket alone."""
    wrong = [
        f"{place(path)}:{line}"
        for path in modules()
        if part_of(path) != SANDBOX and place(path) not in AIOHTTP_CLIENT_IN
        for line in uses_client(path)
    ]
    assert wrong == []


def test_only_the_cli_prints() -> None:
    """No print outside the command line (the sandbox says where it listens)."""
    wrong = [
        f"{place(path)}:{node.lineno}"
        for path in modules()
        if part_of(path) not in ("cli", SANDBOX)
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert wrong == []


def test_tasks_belong_to_groups() -> None:
    """No loose tasks: structured concurrency only."""
    loose = {"create_task", "gather", "ensure_future", "shield"}
    wrong = [
        f"{place(path)}:{node.lineno} {node.attr}"
        for path in modules()
        if part_of(path) != SANDBOX
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in loose
        if isinstance(node.value, ast.Name) and node.value.id in ("asyncio", "loop")
    ]
    assert wrong == []


def test_the_lowest_floors_need_nobody() -> None:
    """errors and model import the standard library and themselves only; clock may sleep by anyio."""
    allowed = {"errors": set(), "model": set(), "clock": {"anyio"}}
    wrong = []
    for name, extra in allowed.items():
        for module, _names, line in imports(PACKAGE / f"{name}.py"):
            top = module.split(".")[0]
            if top not in sys.stdlib_module_names and top not in extra and top != "streamflow":
                wrong.append(f"{name}.py:{line} imports {module}")
    assert wrong == []


def test_every_file_says_what_lives_there() -> None:
    """Each module opens with a docstring, and none is called utils, helpers, manager or common."""
    nameless = [place(path) for path in modules() if not ast.get_docstring(parsed(path))]
    vague = [place(path) for path in modules() if path.stem in ("utils", "helpers", "manager", "common")]
    assert (nameless, vague) == ([], [])


def test_no_question_is_closed_untold() -> None:
    """Who closes a question of the queue does it where the audit is told as well: by `questions.closed`, or in a decision of its own."""
    closing = {place(path) for path in modules() if "ResolveItem(" in path.read_text(encoding="utf-8") and path.parent.name != "store"}
    assert {each.removeprefix("streamflow/") for each in closing} == {
        "daemon/desk.py", "migration/owners.py", "migration/sample.py", "stages/questions.py",
    }


@pytest.mark.parametrize("folder", ["migration", "stages"])
def test_a_folder_of_many_files_says_where_each_belongs(folder: str) -> None:
    """Whoever opens one of the largest folders finds every file in the text at its front, and none that is not there."""
    told = re.findall(r"`(\w+)`", ast.get_docstring(parsed(PACKAGE / folder / "__init__.py")) or "")
    assert sorted(told) == sorted({path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"})


@pytest.mark.parametrize(("judge", "may_know"), [("judge", set[str]()), ("simulate/judge.py", {"model", "store"})])
def test_judges_share_no_code_with_what_they_judge(judge: str, may_know: set[str]) -> None:
    """That of the accounts knows nothing of the program; that of simulated worlds reads its ledger, and none of its rules."""
    path = ROOT / "tests" / judge
    files = [path] if path.suffix else [each for each in path.rglob("*.py") if not each.name.startswith("test_")]
    assert files
    reached = {
        (each.name, target) for each in files for module, names, _ in imports(each) for target in inner_targets(module, names)
    }
    assert [place for place in sorted(reached) if place[1] not in may_know] == []
    others = {
        module for each in files for module, _, _ in imports(each)
        if module.startswith("tests.") and module.split(".")[1] not in ("judge", "simulate")
    }
    assert others == set()
