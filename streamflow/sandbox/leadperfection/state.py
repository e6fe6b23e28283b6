"""The account as it stands now: the generated one with everything that happened to it since laid over it.

A prospect's tree (tree.py) is the unit: who changes anything under it puts a whole new tree in its place. What nobody touched
costs nothing but its dates in the index.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from streamflow.sandbox.leadperfection.account import Account
from streamflow.sandbox.leadperfection.dates import DateIndex
from streamflow.sandbox.leadperfection.plan import KINDS
from streamflow.sandbox.leadperfection.tree import ID_FIELDS, Node, find, nodes

_KEPT_TREES = 1024
Found = tuple[Node, Node, Node | None]
"""(prospect's tree, the record, the lead it is under)."""


class State:
    """One live account. Trees it gives are shared: whoever wants to change one asks for `draft`."""

    def __init__(self, account: Account, *, zone: ZoneInfo) -> None:
        self.account, self.zone = account, zone
        self.version = 0
        """Rises with every change: what was computed before may be wrong after."""
        self._dates = DateIndex(account)
        self._changed: dict[str, Node | None] = {}
        self._created: list[str] = []
        self._homes: dict[tuple[str, str], str] = {}
        self._made: OrderedDict[int, Node] = OrderedDict()
        self._next_id = {kind: account.plan.first_free_id(kind) for kind in ID_FIELDS}

    # --- one record ---

    def prospect(self, cst_id: str) -> Node | None:
        """Give a prospect's tree, or None."""
        if cst_id in self._changed:
            return self._changed[cst_id]
        index = self.account.plan.index_of(int(cst_id)) if cst_id.isascii() and cst_id.isdigit() else None
        return None if index is None else self._generated(index)

    def draft(self, cst_id: str) -> Node:
        """Give a copy of a prospect's tree to change and `put`; KeyError when there is none."""
        tree = self.prospect(cst_id)
        if tree is None:
            raise KeyError(f"no cst_id {cst_id}")
        copy: Node = orjson.loads(orjson.dumps(tree))  # a tree is plain JSON, and this is twenty times as fast as deepcopy
        return copy

    def find(self, kind: str, key: str) -> Found | None:
        """Give a record by its id with the tree and lead it is in; calls have no id and are not found."""
        cst_id = self.home_of(kind, key)
        tree = self.prospect(cst_id) if cst_id is not None else None
        if tree is None:
            return None
        found = find(tree, kind, key)
        return None if found is None else (tree, *found)

    def home_of(self, kind: str, key: str) -> str | None:
        """Give the cst_id a record is under, or would be; whoever relies on it looks into the tree."""
        if kind == "prospects":
            return key
        if (kind, key) in self._homes:
            return self._homes[kind, key]
        index = self.account.plan.home_of(kind, int(key)) if key.isascii() and key.isdigit() else None
        return None if index is None else str(self.account.plan.cst_id(index))

    def new_id(self, kind: str) -> str:
        """Give the next id of *kind*; higher than all before."""
        self._next_id[kind] += 1
        return str(self._next_id[kind])

    # --- changes ---

    def put(self, tree: Node) -> None:
        """Put a new or changed tree in its place."""
        cst_id = tree["cst_id"]
        if self.prospect(cst_id) is None and cst_id not in self._created:
            self._created.append(cst_id)
        self._replace(cst_id, tree)
        for kind, field in ID_FIELDS.items():
            if kind != "prospects":
                self._homes.update({(kind, node[field]): cst_id for node, _ in nodes(tree, kind)})

    def delete(self, cst_id: str) -> None:
        """Let a prospect vanish with all under it; KeyError when there is none."""
        if self.prospect(cst_id) is None:
            raise KeyError(f"no cst_id {cst_id}")
        self._replace(cst_id, None)

    def _replace(self, cst_id: str, tree: Node | None) -> None:
        old = self._changed.get(cst_id)
        self._changed[cst_id] = tree
        self._dates.replace(cst_id, old, tree)
        self.version += 1

    # --- lists ---

    def dated(self, name: str, low: float, high: float, *, inclusive: bool = False) -> Iterator[tuple[float, str, int]]:
        """Yield (moment, cst_id, record id) of records whose date *name* lies in a window."""
        plan = self.account.plan
        for at, index, owner in self._dates.generated(name, low, high, inclusive=inclusive):
            cst_id = str(plan.cst_id(index))
            if cst_id not in self._changed:
                yield at, cst_id, owner
        yield from self._dates.later(name, low, high, inclusive=inclusive)

    def prospects(self) -> Iterator[Node]:
        """Yield every living tree, generated ones first; changes made meanwhile may or may not show."""
        is_small = self.account.prospect_count <= _KEPT_TREES  # of a large one, those in use would be pushed out
        for index in range(self.account.prospect_count):
            cst_id = str(self.account.plan.cst_id(index))
            tree = self._changed[cst_id] if cst_id in self._changed else self._generated(index, keep=is_small)
            if tree is not None:
                yield tree
        for cst_id in list(self._created):
            made = self._changed[cst_id]
            if made is not None:
                yield made

    def changed(self) -> list[Node]:
        """Give the living trees that are no longer as generated."""
        return [tree for tree in self._changed.values() if tree is not None]

    def iter_records(self, kind: str) -> Iterator[Node]:
        """Yield every record of *kind* as it truly is, with the ids of its lead and prospect; children not nested."""
        nested = {"leads", "appointments", "jobs", "notes", "calls"}
        for tree in self.prospects():
            for node, lead in nodes(tree, kind):
                row: dict[str, Any] = {name: value for name, value in node.items() if name not in nested or isinstance(value, str)}
                yield {"cst_id": tree["cst_id"], **({"lds_id": lead["lds_id"]} if lead else {}), **row}

    def nth(self, rank: int) -> Node | None:
        """Give the *rank*-th prospect ever, generated ones first; None when it is gone."""
        count = self.account.prospect_count
        return self.prospect(str(self.account.plan.cst_id(rank)) if rank < count else self._created[rank - count])

    @property
    def ranks(self) -> int:
        """Give how many prospects there ever were."""
        return self.account.prospect_count + len(self._created)

    def counts(self) -> dict[str, int]:
        """Count every kind as it truly is now."""
        counts = self.account.counts()
        for cst_id, tree in self._changed.items():
            index = self.account.plan.index_of(int(cst_id))
            for kind in KINDS:
                counts[kind] += sum(1 for _ in nodes(tree, kind)) if tree is not None else 0
                counts[kind] -= self.account.plan.slot(index).count(kind) if index is not None else 0
        return counts

    def _generated(self, index: int, *, keep: bool = True) -> Node:
        tree = self._made.get(index)
        if tree is None:
            tree = self.account.prospect(index)
            if keep:
                self._made[index] = tree
                if len(self._made) > _KEPT_TREES:
                    self._made.popitem(last=False)
        return tree
