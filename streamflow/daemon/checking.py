"""`check`: every question asked of configuration, state directory and both platforms; reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio

from streamflow.clock import Clock, SystemClock
from streamflow.config import Config
from streamflow.daemon import home
from streamflow.daemon.checks import CheckReport, Finding
from streamflow.daemon.contact import explained
from streamflow.daemon.doors import Doors, open_doors
from streamflow.daemon.preflight import refuse_faults, without_effect
from streamflow.errors import OURS, ConfigError, DiskRefused, StreamflowError


def check(config: Config) -> CheckReport:
    """Ask everything; answers every finding. Raises ConfigError for faults of the configuration itself."""
    refuse_faults(config)
    return anyio.run(_check, config)


async def _check(config: Config) -> CheckReport:
    clock = SystemClock()
    findings = [Finding(subject="config", question="readable and complete", ok=True, detail=str(config.path))]
    findings += [_idle(text) for text in without_effect(config)]
    findings += await _state(config, clock)
    try:
        async with open_doors(config, clock, lambda attempt: None) as doors:
            findings += await _source(doors)
            findings += await _destination(doors)
    except ConfigError as error:
        findings.append(_failed("config", "can be opened", error))
    return CheckReport(findings=tuple(findings))


def _idle(text: str) -> Finding:
    key, _, what = text.partition(": ")
    return Finding(subject="config", question=key, ok=False, detail=what, hint=f"take {key} out of the file", is_warning=True)


async def _state(config: Config, clock: Clock) -> list[Finding]:
    place = str(config.migration.state_dir)
    try:
        faults = await home.present(config, clock)
    except (ConfigError, DiskRefused) as error:
        return [_failed("state", "can be used", error)]
    if faults:
        hint = "name another migration.state_dir, or correct the file"
        detail = "; ".join(faults)
        return [Finding(subject="state", question="belongs to this migration", ok=False, detail=detail, hint=hint, code="config")]
    return [Finding(subject="state", question="can be used", ok=True, detail=place)]


async def _source(doors: Doors) -> list[Finding]:
    try:
        coverage = await doors.source.check()
    except OURS:
        raise
    except StreamflowError as error:
        return [_failed("source", "sign-in", explained(error, "source"))]
    optional = {stream.kind: stream.optional for stream in doors.source.streams()}
    found = [Finding(subject="source", question="sign-in", ok=True)]
    for kind, is_optional in optional.items():
        state = coverage.get(kind, "ok")
        ok = state == "ok"
        missing = "give it as export files, or leave it out; the scope report says so" if is_optional else (
            "the migration cannot begin without it: ask the vendor for the read function, or give it as export files"
        )
        found.append(Finding(
            subject="source", question=f"stream {kind}", ok=ok, detail="" if ok else state, hint="" if ok else missing,
            code="" if ok else "config", is_warning=not ok and is_optional,
        ))
    return found


async def _destination(doors: Doors) -> list[Finding]:
    try:
        answer = await doors.destination.schema.check()
    except OURS:
        raise
    except StreamflowError as error:
        return [_failed("destination", "sign-in", explained(error, "destination"))]
    return [Finding(subject="destination", question="sign-in", ok=True), *_rights(answer)]


def _rights(answer: Mapping[str, Any]) -> list[Finding]:
    """What the user may do: a permission that is surely lacking fails, what only may turn out so is a warning."""
    lacking = [str(text) for text in answer.get("lacking", ())]
    rest = [str(text) for text in answer.get("warnings", ())]
    hint = "let an administrator of the account give the permission to this user, or name another user"
    found = [Finding(subject="destination", question="permissions", ok=False, detail=text, hint=hint, code="access") for text in lacking]
    if not lacking:
        found.append(Finding(subject="destination", question="permissions", ok=True))
    return found + [Finding(subject="destination", question="worth knowing", ok=False, detail=text, is_warning=True) for text in rest]


def _failed(subject: str, question: str, error: StreamflowError) -> Finding:
    return Finding(subject=subject, question=question, ok=False, detail=str(error), hint=error.hint, code=error.code)
