"""Headers of an exported file against the names a stream knows: mapped, recognised, missing, and what a missing one may be called. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rapidfuzz import fuzz, process

from streamflow.platforms.rows.canon import spellings, squeezed
from streamflow.platforms.spec import StreamSpec

ALIKE = 72.0      # of 100; below that a suggestion misleads more than it helps


class Columns:
    """The column knowledge of one stream."""

    def __init__(self, spec: StreamSpec) -> None:
        self._spec = spec
        self._names = spellings(spec)
        self._mapped = {squeezed(header): name for header, name in spec.files.columns.items()}

    def canonical(self, header: str) -> str:
        """Give the canonical name a header stands for, "" when it stands for none."""
        place = squeezed(header)
        return self._names.get(squeezed(self._mapped.get(place, header)), "")

    def is_known(self, header: str) -> bool:
        """Say whether a header is recognised, custom fields included."""
        prefix = self._spec.custom_prefix.casefold()
        return bool(self.canonical(header)) or bool(prefix and header.strip().casefold().startswith(prefix))

    def renamed(self, header: Sequence[str]) -> dict[str, str]:
        """Give the headers that the operator's column map renames."""
        return {name: self._mapped[squeezed(name)] for name in header if squeezed(name) in self._mapped}

    def missing(self, header: Sequence[str]) -> dict[str, str]:
        """Give the expected names that no column has, each with the unrecognised header most like it or ""."""
        present = {self.canonical(name) for name in header}
        strangers = [name for name in header if not self.is_known(name)]
        wanted = [name for name in (self._spec.key, *self._spec.expected) if name not in present]
        return {name: self._like(name, strangers) for name in wanted}

    def fault(self, header: Sequence[str]) -> str:
        """Say why a file with this header cannot be this stream; "" when it can."""
        missing = self.missing(header)
        key = self._spec.key
        is_sure = bool(self._spec.files.having)      # the file was chosen by its columns, so that none of them is the key misspelt
        if key in missing and (not self._spec.key_fallback or (missing[key] and not is_sure)):
            return f"no column for {key}{self._guess(missing[key])}; {_listed(header)}"
        recognised = sum(name not in missing for name in self._spec.expected)
        if self._spec.expected and recognised * 2 < len(self._spec.expected):
            wanted = ", ".join(f"{name}{self._guess(like)}" for name, like in missing.items())
            return f"most of its columns are not those of a {self._spec.kind} (missing: {wanted}); {_listed(header)}"
        return ""

    def remarks(self, header: Sequence[str]) -> Counter[str]:
        """Count expected columns that are not there, with suggestions, for the drift report."""
        return Counter({f"no column {name}{self._guess(like)}": 1 for name, like in self.missing(header).items()})

    def _like(self, name: str, strangers: Sequence[str]) -> str:
        spelt = [name, *self._spec.aliases.get(name, ())]
        best = ("", 0.0)
        for form in spelt:
            found = process.extractOne(squeezed(form), strangers, scorer=fuzz.ratio, processor=squeezed, score_cutoff=ALIKE)
            if found is not None and found[1] > best[1]:
                best = (found[0], found[1])
        return best[0]

    @staticmethod
    def _guess(like: str) -> str:
        return f" (is it {like!r}?)" if like else ""


def _listed(header: Sequence[str]) -> str:
    shown = ", ".join(header[:30]) + (f" and {len(header) - 30} more" if len(header) > 30 else "")
    return f"its columns: {shown}"
