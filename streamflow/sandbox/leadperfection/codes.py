"""The small lists of an account: reps, sources, dispositions, job statuses, products; the same for every seed.

Codes are the tenant's own (lead-perfection.md 2.3, 2.7): look-ups tell only part of them, and rows carry retired ones.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from streamflow.sandbox.dice import Deck


class Rep(NamedTuple):
    """A sales rep: LP knows an id and a name; the e-mail is known to the customer alone."""

    slr_id: str
    first: str
    last: str
    email: str
    is_active: bool

    @property
    def name(self) -> str:
        """Give the name as leads and jobs show it: "Last, First"."""
        return f"{self.last}, {self.first}"

    @property
    def spoken(self) -> str:
        """Give the name as appointment rows show it: "First Last"."""
        return f"{self.first} {self.last}"


REPS: Final = (
    Rep("87", "Ben", "Okaforth", "ben.okaforth@sunroof.example", True),
    Rep("88", "Ana", "Ruizmar", "ana.ruizmar@sunroof.example", True),
    Rep("89", "Kim", "Loweford", "kim.loweford@sunroof.example", True),
    Rep("90", "Zoë", "Brandt-Lake", "zoe.brandt@sunroof.example", True),
    Rep("91", "Dale", "O'Harrow", "dale.oharrow@sunroof.example", True),
    Rep("92", "Ben", "Okaforth", "ben.okaforth2@sunroof.example", True),  # a namesake: only the id tells the two apart
    Rep("93", "Mia", "Castlebay", "", True),  # the customer's file has no e-mail for her
    Rep("60", "Gus", "Formerly", "gus.formerly@left.example", False),
    Rep("61", "Ida", "Longgone", "", False),
)
ACTIVE: Final = tuple(rep for rep in REPS if rep.is_active)
LEFT: Final = tuple(rep for rep in REPS if not rep.is_active)
PSEUDO: Final = ("Integration, Web", "Vendor, Internet")
"""Names of no person, as rows carry them (lead-perfection.md 2.6)."""
OFFICE_STAFF: Final = ("Ruizmar, Ana", "Loweford, Kim", "Desk, Front", "Integration, Web")

REP_CARDS: Final = Deck("lp-reps", {"active": 12, "left": 3, "office": 1, "pseudo": 1, "nobody": 2, "namesake": 1})

BRANCHES: Final = (("ORL", "Orlando"), ("TPA", "Tampa"), ("JAX", "Jacksonville"))
PRODUCTS: Final = (("WIN", "Windows"), ("DOR", "Entry Doors"), ("ROF", "Roofing"), ("SID", "Siding"), ("GUT", "Gutters"))
RETIRED_PRODUCT: Final = "PAT"
PROMOTERS: Final = (("301", "Internet, Vendor"), ("302", "Canvass, Team A"), ("303", "Mall, Kiosk"), ("304", "Customer, Past"))

DISPOSITIONS: Final = (
    ("Set", "Set"), ("Cnf", "Confirmed"), ("Issue", "Issued"), ("Sale", "Sale"), ("CXL", "Cancelled"), ("1Leg", "One Leg"),
    ("NoHome", "Not Home"), ("NI", "Not Interested"), ("DNC", "Do Not Call"),
)  # fmt: skip
LOOKED_UP_DISPOSITIONS: Final = ("Set", "Sale", "NI")
"""What the look-up admits to (lead-perfection.md 2.2: part of them)."""
RETIRED_DISPOSITION: Final = "ZZ-OldDemo"
DISPOSITION_CARDS: Final = Deck("lp-dispositions", {
    "Set": 4, "Cnf": 2, "Issue": 3, "CXL": 2, "1Leg": 1, "NoHome": 2, "NI": 3, "DNC": 1, "blank": 1, "retired": 1,
})  # fmt: skip

STATUSES: Final = {
    "SC": "Scheduled", "AP": "Awaiting Product", "IU": "Installed & Unpaid", "PF": "Paid In Full", "CX": "Cancelled",
    "CM": "Cancelled By Mgt", "CD": "Credit Decline", "DD": "Dead Deal", "HH": "Hold - HOA",
}  # fmt: skip
RETIRED_STATUS: Final = ("X9", "Old System Import")
STATUS_CARDS: Final = Deck("lp-statuses", {
    "SC": 2, "AP": 3, "IU": 2, "PF": 4, "CX": 1, "CM": 1, "CD": 1, "DD": 1, "HH": 1, "retired": 1, "blank": 1,
})  # fmt: skip

SOURCES: Final = {
    "Internet": ("Google - Windows", "Facebook", "Angi"),
    "Canvass": ("Orlando North", "Tampa Bay"),
    "Radio": ("WXYZ 98.1",),
    "Show": ("Home Expo 2025", "State Fair"),
    "Referral": ("Past Customer",),
}  # fmt: skip
DELIMITED_SUBS: Final = (
    "Google - Windows - Brand", "Radio | 98.1 / AM", "Referral: Smith; Jones", "Expo :: Hall B", "A/B > Test, left",
)  # fmt: skip
"""Sub-sources that hold what could be the delimiter of a joined field."""
DELIMITED_SOURCE: Final = "TV - Cable"
RENAMED_SUB: Final = "Google Adwords (old name)"
SOURCE_CARDS: Final = Deck("lp-sources", {
    "listed": 12, "delimiter": 3, "both_delimiters": 1, "blank_source": 2, "no_sub": 1, "renamed": 1,
})  # fmt: skip

CALL_RESULTS: Final = (("NA", "No Answer"), ("LM", "Left Message"), ("SET", "Appointment Set"), ("NI", "Not Interested"))
CALL_TYPES: Final = (("O", "Outbound"), ("I", "Inbound"))
MILESTONES: Final = {
    "R": "Ready", "M": "Measure", "K": "Ordered", "P": "Permit", "S": "Start", "F": "Install End", "C": "Completion",
}  # fmt: skip
DNC_CARDS: Final = Deck("lp-dnc", {"none": 15, "C": 1, "M": 1, "CT": 1, "E": 1, "CMTEP": 1})
"""Do not call, mail, text, e-mail; P as the vendor lists it (lead-perfection.md 4.2)."""
