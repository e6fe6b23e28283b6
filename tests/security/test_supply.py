"""What is installed and what the code may call: every dependency pinned by hash, no evaluation, no shell, no way around verification."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import pytest

from tests.named import ROOT

SETS = ("base", "dev")
_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}$")
_FORBIDDEN = re.compile(
    r"(?<![.\w])(eval|exec|compile|__import__|input|Markup)\("
    r"|\b(pickle|marshal|shelve)\.\w|\bos\.(system|popen|exec\w*|spawn\w*)\(|\byaml\.|\bmktemp\("
    r"|_create_unverified_context|CERT_NONE|CERT_OPTIONAL|PROTOCOL_TLSv1\b"
    r"|\b(ssl|verify_ssl|check_hostname|autoescape)\s*=\s*False|\b(shell|allow_redirects|trust_env)\s*=\s*True"
)

_INSTALLING = frozenset({
    "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--require-hashes", "--only-binary", "-r",
    "--no-build-isolation", "--no-deps", "--editable",
})  # fmt: skip
"""All that an installation may ask of pip: nothing in it says where packages come from, or whom to trust."""


@cache
def _requirements(name: str) -> dict[str, tuple[str, list[str]]]:
    """Give each pinned name with its version and hashes; fails on any line that is something else."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in re.split(r"\n(?=\S)", text.replace("\\\n", "\n")):
        lines = [line.strip() for line in entry.splitlines() if line.strip() and not line.strip().startswith("#")]
        if lines:
            pin = _PIN.match(lines[0])
            assert pin, lines[0]
            assert all(_HASH.fullmatch(line) for line in lines[1:]), entry
            found[pin["name"]] = (pin["version"], lines[1:])
    return found


@pytest.mark.parametrize("name", SETS)
def test_every_dependency_is_pinned_by_hash(name: str) -> None:
    """Each package that is installed, also what others bring along, has one version and its hashes; no other index, address or folder."""
    pinned = _requirements(name)
    assert len(pinned) > 10
    assert [each for each, (_, hashes) in pinned.items() if not hashes] == []


def test_what_runs_is_what_was_tested() -> None:
    """Every direct dependency is among the pinned ones, and the tests run with the same versions as the daemon."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base, dev = _requirements("base"), _requirements("dev")
    direct = {re.split(r"[<>=!~ \[]", each, maxsplit=1)[0].lower() for each in project["dependencies"]}
    assert direct <= base.keys()
    assert {name: dev.get(name, ("",))[0] for name in base} == {name: version for name, (version, _) in base.items()}


def test_installing_asks_for_the_hashes() -> None:
    """`make setup` and the container install nothing whose hash was not written down, from nowhere in particular; this folder is built."""
    for path in ("Makefile", "deploy/Containerfile"):
        text = (ROOT / path).read_text(encoding="utf-8").replace("\\\n", " ")
        installs = [line for line in text.splitlines() if "pip install" in line and "pip-tools" not in line]
        assert installs
        for line in installs:
            assert "--require-hashes" in line or "--no-deps" in line, line
            assert set(re.findall(r"(?<=\s)-+[a-z-]+", line.partition("pip install")[2])) <= _INSTALLING, line


def test_nothing_is_evaluated_and_verification_has_no_switch() -> None:
    """No evaluation, unpickling, shell, or switched-off verification, escaping or redirect guard anywhere in the program."""
    wrong = []
    for path in sorted((ROOT / "streamflow").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if found := _FORBIDDEN.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number} {found[0]}")
    assert wrong == []
    assert all(_FORBIDDEN.search(line) for line in ("eval(x)", "pickle.loads(x)", "f(ssl=False)", "run(x, shell=True)", "os.system(x)"))


def test_templates_escape_everything() -> None:
    """No template of a page passes a value by the escaping."""
    templates = sorted((ROOT / "streamflow").rglob("*.html"))
    assert templates
    for path in templates:
        text = path.read_text(encoding="utf-8")
        safe = [found for found in re.findall(r"\{\{[^}]*\|\s*safe[^}]*\}\}", text) if "style" not in found]
        assert safe == [], path.name
        assert "autoescape" not in text
        assert "<script" not in text


def test_the_linter_s_rules_of_security_are_on_and_each_exception_has_its_reason() -> None:
    """The whole set holds for the program; where one line is let off, the line says why, and nothing is let off for all of it."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert not [rule for rule in lint["ignore"] if rule.startswith("S")]
    let_off = {where for where, rules in lint["per-file-ignores"].items() if any(re.match(r"S\d", rule) for rule in rules)}
    assert let_off == {"streamflow/sandbox/**", "tests/**"}
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "streamflow").rglob("*.py")]
    lines = [line for text in texts for line in text.splitlines() if "noqa" in line]
    assert lines
    assert [line for line in lines if not re.search(r"# noqa: [A-Z]+\d+ - \w+", line)] == []
    assert not (ROOT / "ruff.toml").exists()
