"""How the switch is ordered in a world: too early, twice, in the middle of a batch, in a storm, and cancelled or killed on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import anyio

from streamflow.daemon.desk import Desk
from streamflow.daemon.picture import CallCount, Picture
from streamflow.daemon.supervisor import Supervisor
from streamflow.errors import DoesNotFit, StreamflowError
from streamflow.migration import cutover
from streamflow.migration.life import State
from tests.simulate.agenda import Agenda
from tests.simulate.conditions import Conditions

MANNERS = ("ordered twice", "too early", "mid-batch", "in a storm", "cancelled", "killed")
PATIENCE_S = 20.0       # of the operator, between two attempts
BATCH_WITHIN_S = 30.0   # so long a batch is waited for, to order in the middle of it
LOOK_S = 0.1            # between two looks for it
KILLS = 2


class Orders:
    """What the operators of a world order about the switch, whichever process hears it, and what they are answered."""

    def __init__(
        self, agenda: Agenda, conditions: Conditions, *, storm: Callable[[float, float], None], strike: Callable[[int], None]
    ) -> None:
        self._agenda, self._conditions = agenda, conditions
        self._storm, self._strike = storm, strike
        self._dice = dice = Random(f"orders {conditions.seed}")
        wanted = {each for each in MANNERS if dice.random() < 0.35}
        self.manners = wanted if conditions.ending != "rollback in tail" else set()
        self.said: Counter[str] = Counter()
        self.faults: list[str] = []
        self._asks_again_at = 0.0
        self._kills_left = KILLS if "killed" in self.manners else 0

    @property
    def pause_s(self) -> float:
        """Give how long the operator looks away."""
        return self._conditions.looks_every_s if not self.manners else self._dice.uniform(0.2, 1.0) * self._conditions.looks_every_s

    async def look(self, engine: Supervisor, on_freeze: Callable[[], None]) -> None:
        """Order what is to be ordered in the present state."""
        state, is_over = engine.m.phase.state, self._agenda.now >= self._conditions.works_until_s
        if state is State.CUTOVER:
            await self._while_it_runs(engine, is_over, on_freeze)
        elif not is_over:
            await self._too_early(engine)
        elif state is State.TAIL and self._agenda.now >= self._asks_again_at:      # an attempt that was given up is not asked for at once
            on_freeze()
            await self._order(engine)
        elif state is State.WATCH and "ordered twice" in self.manners and not self.said["already_switched"]:
            await self._ask(engine, by_desk=True)

    async def _order(self, engine: Supervisor) -> None:
        if "mid-batch" in self.manners:
            for _ in range(round(BATCH_WITHIN_S / LOOK_S)):
                if await engine.m.ledger.open_intents():
                    self.said["mid-batch"] += 1
                    break
                await anyio.sleep(LOOK_S)
        self._asks_again_at = self._agenda.now + PATIENCE_S
        answer = await self._ask(engine, by_desk=self._dice.random() < 0.5)
        if answer == "started":
            if "in a storm" in self.manners:
                begins = self._agenda.now + 10.0 * self._dice.random()
                self._storm(begins, begins + 5.0 + 40.0 * self._dice.random())
            if self._kills_left:
                self._kills_left -= 1
                self._agenda.at(self._agenda.now + 25.0 * self._dice.random(), lambda: self._strike(self._dice.randint(1, 200)))
            if "ordered twice" in self.manners and await self._ask(engine, by_desk=False) == "started":
                self.faults.append("cutover: two attempts were started at once")

    async def _too_early(self, engine: Supervisor) -> None:
        """Nobody has stopped yet: the freeze is not confirmed, and what is not there yet cannot be switched."""
        if "too early" in self.manners and self.said["too early"] < 3 and self._dice.random() < 0.2:
            self.said["too early"] += 1
            await self._ask(engine, by_desk=True, is_frozen=False)

    async def _while_it_runs(self, engine: Supervisor, is_over: bool, on_freeze: Callable[[], None]) -> None:
        plan = await engine.m.ledger.setting("cutover") or {}
        if "cancelled" in self.manners and self.said["cancelled"] < 2 and self._dice.random() < 0.15:
            self.said[await cutover.cancel(engine.m, "uid:2")] += 1
        elif plan and is_over and not plan.get("freeze_confirmed"):
            on_freeze()
            await self._ask(engine, by_desk=False)
        elif "ordered twice" in self.manners and self._dice.random() < 0.1:
            await self._ask(engine, by_desk=self._dice.random() < 0.5, is_frozen=is_over)

    async def _ask(self, engine: Supervisor, *, by_desk: bool, is_frozen: bool = True) -> str:
        try:
            if by_desk:
                desk = Desk(engine, Picture(engine.m, {}, CallCount()), engine.m.report, {}, lambda: None, lambda name, rate: None)
                answer = str((await desk.cutover(actor="uid:1", freeze_confirmed=is_frozen, dry_run=False))["result"])
            else:
                answer = await cutover.request(engine.m, "uid:2", freeze_confirmed=is_frozen)
        except DoesNotFit:
            answer = "refused"
        except StreamflowError:
            answer = "failed"       # a platform could not be asked; the operator tries again
        self.said[answer] += 1
        return answer
