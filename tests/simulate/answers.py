"""What a person answers to the questions of a world: any of the answers that are offered, at once or after a while."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

from streamflow.daemon.desk import Desk
from streamflow.daemon.picture import CallCount, Picture
from streamflow.daemon.supervisor import Supervisor
from streamflow.errors import StreamflowError
from streamflow.migration.life import State
from streamflow.stages.questions import AGAIN
from tests.simulate.agenda import Agenda
from tests.simulate.conditions import Conditions

WORDS = ("take", "keep", "ignore", "recreate", "remove", "match", "separate", "retry")
TIMES = 3                   # so often the same question is answered; then somebody has had enough of it
LATER_S = (4.0, 40.0)       # an answer that is not given at once is thought over for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was decided about a question, and when."""

    at: float
    id: str                 # of the queue item
    decision: str


class Answers:
    """Who answers, whichever process hears it."""

    def __init__(self, agenda: Agenda, conditions: Conditions) -> None:
        self._agenda, self._conditions = agenda, conditions
        self._dice = Random(f"answers {conditions.seed}")
        self._thinks: list[Answer] = []        # of answers to come, at the times when they are to be given
        self._seen: set[str] = set()
        self.given: list[Answer] = []
        self.counted: Counter[str] = Counter()     # answers by their first word; "later" those that were thought over

    @property
    def times(self) -> dict[str, float]:
        """Give when each item was answered."""
        return {answer.id: answer.at for answer in self.given}

    async def look(self, engine: Supervisor) -> None:
        """Read what is asked, and say what is due."""
        if not self._conditions.answers or engine.m.phase.state not in (State.TAIL, State.CUTOVER, State.WATCH):
            return
        for item in [item async for page in engine.m.ledger.items(state="open") for item in page]:
            offered = [word for word in item.decisions if word.partition(":")[0] in WORDS and "<" not in word]
            if item.id not in self._seen and offered and item.id.count(AGAIN) < TIMES:
                self._seen.add(item.id)
                if self._dice.random() < self._conditions.answers:
                    pause_s = self._dice.uniform(*LATER_S) if self._dice.random() < 0.4 else 0.0
                    others = [word for word in offered if word != item.suggested] or offered
                    decision = self._dice.choice(others if self._dice.random() < 0.7 else offered)
                    self._thinks.append(Answer(at=self._agenda.now + pause_s, id=item.id, decision=decision))
                    self.counted["later"] += pause_s > 0.0
        for answer in [each for each in self._thinks if each.at <= self._agenda.now]:
            if await self._give(engine, answer):
                self._thinks.remove(answer)

    async def _give(self, engine: Supervisor, answer: Answer) -> bool:
        """Say whether it was heard, or is not wanted any more."""
        held = await engine.m.ledger.item(answer.id)
        if held is None or (held.state != "open" and held.decision != answer.decision):
            return True      # the question was withdrawn meanwhile
        desk = Desk(engine, Picture(engine.m, {}, CallCount()), engine.m.report, {}, lambda: None, lambda name, rate: None)
        try:
            await desk.queue_resolve(actor="uid:1", id=answer.id, decision=answer.decision)
        except StreamflowError:
            return False     # a platform could not be asked; once more later
        self._agenda.tell("answered", answer.id, answer.decision)
        self.given.append(Answer(at=self._agenda.now, id=answer.id, decision=answer.decision))
        self.counted[answer.decision.partition(":")[0]] += 1
        return True
