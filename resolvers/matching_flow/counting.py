"""How common the model numbers and values of a lot are, as the ledger counts them: for them both catalogues speak as they
are now, and not the sample that a model was learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Generic, TypeVar

from resolvers.matching.candidates import keys
from resolvers.matching.profile import Profile
from resolvers.matching.run import Model
from resolvers.matching_flow.storing import hashed

K = TypeVar("K")


class _Counts(Counter[K], Generic[K]):
    """Counts, with others for what was not counted here."""

    def __init__(self, others: Mapping[K, int]) -> None:
        super().__init__()
        self._others = others

    def __missing__(self, key: K) -> int:
        return self._others.get(key, 0)


class LotCounts:
    """The counts of a lot. ``model`` uses them, also those that are noted later."""

    def __init__(self, model: Model) -> None:
        words = model.vocabulary
        self._codes = _Counts(words.codes[0]), _Counts(words.codes[1])
        self._stems = _Counts(words.stems[0]), _Counts(words.stems[1])
        self._values = _Counts(words.values[0]), _Counts(words.values[1])
        self.model = replace(
            model, vocabulary=replace(words, codes=self._codes, stems=self._stems, values=self._values)
        )

    def note(self, side: int, key: str, carriers: int) -> None:
        """``carriers`` records of the left (0) or right (1) catalogue carry ``key``."""
        kind, _, rest = key.partition(":")
        if kind == "c":
            self._codes[side][rest] = carriers
        elif kind == "p":
            self._stems[side][rest] = carriers
        elif kind == "i":
            name, _, value = rest.partition(":")
            self._values[side][name, value] = carriers


def hashed_keys(profiles: Iterable[Profile]) -> dict[int, str]:
    """The keys of ``profiles`` by their hashes."""
    found = {key for one in profiles for key in keys(one)}
    return {hashed(key): key for key in found}


COUNTED = ("c:", "p:", "i:")


def to_be_counted(texts: Mapping[int, str]) -> Collection[int]:
    """Those of hashed keys that are counted."""
    return [key for key, text in texts.items() if text.startswith(COUNTED)]
