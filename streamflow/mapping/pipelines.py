"""Pipeline, stage and outcome of a lead: names of the map and of value maps made into ids of the destination."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.mapping.derived import Context, Issue
from streamflow.mapping.gathered import Gathered
from streamflow.model import Fields


class Pipelines:
    """Knows the pipeline the settings name, and finds the others."""

    def __init__(self, settings: Mapping[str, Any], context: Context) -> None:
        self._context = context
        self._usual, self._issue = _usual(settings, context)

    def fill(self, whole: Fields, found: Gathered) -> None:
        """Add pipeline, stage and outcome; what the destination has not is told."""
        if self._issue is not None:
            found.issues.append(self._issue)
        whole.update(self._usual)
        if found.stage:
            self._fill_stage(whole, found)
        if found.outcome:
            outcome = found.outcome if found.outcome.endswith("-outcomes") else self._context.outcomes.get(found.outcome.lower())
            if outcome is None:
                found.complain("unknown_outcome", "outcome", "the destination has no such outcome; the lead stays open", found.outcome)
            else:
                whole["outcome"] = outcome

    def _fill_stage(self, whole: Fields, found: Gathered) -> None:
        stageset, known = self._place(found.stage.strip(), whole.get("stageset"))
        if known is None:
            found.complain("unknown_stage", "stage", "the destination has no such stage; the map's usual one is used", found.stage)
            return
        if stageset:
            whole["stageset"] = stageset
        if self._context.stage_write:
            whole["stage"] = known

    def _place(self, name: str, usual: str | None) -> tuple[str | None, str | None]:
        """Read "Stage" of the usual pipeline, or "Pipeline/Stage", each of which may hold a slash itself; gives both ids."""
        if (known := _stage_id(name, usual, self._context)) is not None:
            return usual, known
        parts = name.split("/")
        for at in range(len(parts) - 1, 0, -1):
            stageset = _stageset("/".join(parts[:at]).strip(), self._context)
            known = _stage_id("/".join(parts[at:]).strip(), stageset, self._context) if stageset else None
            if known is not None:
                return stageset, known
        return None, None


def _usual(settings: Mapping[str, Any], context: Context) -> tuple[Fields, Issue | None]:
    """Find the ids of the pipeline and stage that the settings name; a full id stands for itself."""
    fields: Fields = {}
    name, stage = settings["stageset"].strip(), settings["stage"].strip()
    if name:
        stageset = _stageset(name, context)
        if stageset is None:
            return {}, Issue(
                cause="unknown_pipeline",
                field="settings.stageset",
                suggestion=f"the destination has no pipeline {name!r}; its default is used",
            )
        fields["stageset"] = stageset
    if stage:
        found = _stage_id(stage, fields.get("stageset"), context)
        if found is None:
            return fields, Issue(
                cause="unknown_stage", field="settings.stage", suggestion=f"the pipeline has no stage {stage!r}; its first one is used"
            )
        if context.stage_write:
            fields["stage"] = found
    return fields, None


def _stageset(name: str, context: Context) -> str | None:
    return name if name.endswith("-stagesets") else context.stagesets.get(name.lower())


def _stage_id(name: str, stageset: str | None, context: Context) -> str | None:
    if name.endswith("-stages") and "/" not in name:
        return name
    by_key = {key.lower(): stage for key, stage in context.stages.items()}
    if stageset is not None:
        return by_key.get(f"{stageset}/{name}".lower())
    fitting = {stage for key, stage in by_key.items() if key.partition("/")[2] == name.lower()}
    return next(iter(fitting)) if len(fitting) == 1 else None
