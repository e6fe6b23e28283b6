"""Who owns a record and which company it belongs to, for people and deals alike."""

from __future__ import annotations

from streamflow.mapping.companies import why_none
from streamflow.mapping.derived import CompanyOf
from streamflow.mapping.gathered import Gathered
from streamflow.mapping.pair import Pair
from streamflow.model import Fields, Key, Kind, Ref


class Linker:
    """Makes the links of drafts out of what was gathered."""

    def __init__(self, pair: Pair, kind: Kind, company_of: CompanyOf) -> None:
        self._company_kind = pair.company.kind if pair.company is not None else None
        self._company_field = pair.source_of(kind, "company")
        self._users = pair.kind_naming("user")
        self._sources = pair.kind_naming("source")
        self._company_of = company_of

    def company(self, found: Gathered, own_name: str) -> Key | None:
        """Give the cluster of the company text; None when it names no company."""
        if not found.company or self._company_kind is None:
            return None
        return self._company_of(found.company, own_name)

    def tell_company(self, found: Gathered, own_name: str, key: Key | None) -> None:
        """Keep a text that is no company's but says something as a labelled line."""
        if key is None and found.company:
            found.lines.append(("Company as written", found.company))
            found.complain(
                "no_company",
                self._company_field,
                f"{why_none(found.company, own_name) or 'no company'}: kept as text, no company made",
                found.company,
            )

    def link(self, whole: Fields, found: Gathered, company: Key | None) -> None:
        """Add owner and company."""
        if found.owner:
            whole["link:owner"] = Ref(self._users, found.owner)
        if company and self._company_kind is not None:
            whole["link:accounts"] = [Ref(self._company_kind, company)]

    def link_source(self, whole: Fields, found: Gathered) -> None:
        """Add the native source."""
        if found.source:
            whole["link:sources"] = [Ref(self._sources, found.source)]
