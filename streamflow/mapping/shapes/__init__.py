"""Shapes of happenings: how notes, calls, mails, tasks, meetings and files are put together, chosen by the pair's `shape`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamflow.mapping.shapes.call import CALL
from streamflow.mapping.shapes.drafting import Shape
from streamflow.mapping.shapes.file import FILE
from streamflow.mapping.shapes.mail import MAIL
from streamflow.mapping.shapes.meeting import MEETING
from streamflow.mapping.shapes.note import NOTE
from streamflow.mapping.shapes.task import TASK

SHAPES: Final[Mapping[str, Shape]] = {"note": NOTE, "call": CALL, "mail": MAIL, "task": TASK, "meeting": MEETING, "file": FILE}
