"""The users of the account, for writing in their name (nutshell.md 1.2, 6)."""

from __future__ import annotations

from typing import Any

from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.listing import Listings


def email_of(row: dict[str, Any]) -> str:
    """Give a user's first e-mail address, "" when there is none; addresses may be texts or objects."""
    held = row.get("emails")
    for item in held if isinstance(held, list) else [row.get("email")]:
        text = item.get("value") if isinstance(item, dict) else item
        if text:
            return str(text)
    return ""


class Directory:
    """Whose name may stand under a write. Read once, and again when an unknown user is asked for."""

    def __init__(self, calls: Calls, listings: Listings, username: str, *, impersonate: bool) -> None:
        self._calls = calls
        self._listings = listings
        self._username = username.strip().lower()
        self._impersonate = impersonate
        self._by_id: dict[str, dict[str, Any]] | None = None
        self._refused: set[str] = set()

    @property
    def may_impersonate(self) -> bool:
        """Say whether the operator allows it; the flag says whether the account does."""
        return self._impersonate

    async def users(self, *, fresh: bool = False) -> list[dict[str, Any]]:
        """Give all users as Nutshell shows them."""
        if fresh or self._by_id is None:
            self._by_id = {str(row["id"]): row for row in await self._listings.rows("users", "users") if row.get("id")}
        return list(self._by_id.values())

    async def myself(self) -> dict[str, Any] | None:
        """Give the configured user, None when the user name is nobody's address."""
        return next((row for row in await self.users() if email_of(row).lower() == self._username), None)

    async def username_for(self, author: str | None) -> str | None:
        """Give the user name to write under for this author, None to write as the configured user."""
        if author is None or not (self._impersonate and self._calls.flags.impersonation) or author in self._refused:
            return None
        if author not in {str(row.get("id")) for row in await self.users()}:
            await self.users(fresh=True)
        row = (self._by_id or {}).get(author)
        email = email_of(row) if row is not None and row.get("isEnabled") is not False else ""
        return email if email and email.lower() != self._username else None

    def refuse(self, author: str) -> None:
        """Note that this user's name is not taken; it is not tried again."""
        self._refused.add(author)
