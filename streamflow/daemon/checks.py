"""What `streamflow check` found: one finding a question asked of the configuration and the platforms."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from streamflow.daemon.exits import Exit, exit_for_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer to one question. *code* is the code of the error behind a finding that is not ok, e.g. "access"."""

    subject: str        # "source", "destination", "state", "control", ...
    question: str       # "sign-in", "stream note", "may write contacts", ...
    ok: bool
    detail: str = ""
    hint: str = ""
    code: str = ""
    is_warning: bool = False   # worth reading, does not make the check fail


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """All findings, in the order asked."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> Exit:
        """Give the exit code: the most telling of the failed findings (config, then refused, then unavailable, then the rest)."""
        codes = {exit_for_code(each.code) for each in self.findings if not each.ok and not each.is_warning}
        for code in (Exit.CONFIG, Exit.REFUSED, Exit.UNAVAILABLE, Exit.TRY_AGAIN, Exit.USAGE, Exit.INTERNAL):
            if code in codes:
                return code
        return Exit.DONE

    def to_json(self) -> dict[str, Any]:
        """Give the findings for programs."""
        return {"ok": self.exit_code is Exit.DONE, "findings": [asdict(each) for each in self.findings]}
