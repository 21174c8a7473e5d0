"""Model numbers compared: the same, one with an ending more, sisters that differ in a digit, or strangers."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from typing import NamedTuple

from rapidfuzz.distance import OSA

from resolvers.matching.profile import Profile
from resolvers.matching.vocabulary import SHORTEST_STEM, Vocabulary, own_codes

ENDING = 4
"""Characters that one catalogue may add to a model number: a colour, a region."""
CLOSE = 2
"""Characters by which sisters may differ, wherever they stand, in model numbers of at least CLOSE_FROM characters."""
CLOSE_FROM = 6
ALONE = 1
"""Pairs of records that share a model number which stands nowhere else."""
RARE = 12
"""Pairs of records up to which sharing a model number is rare."""


class Kin(IntEnum):
    """How the model numbers of two records relate, best first where that can be said."""

    SAME_ALONE = 0
    SAME_RARE = 1
    SAME_BESIDE = 2
    """The same, but each has another one too: a bag for a camera, and the camera."""
    SAME_COMMON = 3
    IN_TEXT_ALONE = 4
    """In the name of one and the description of the other, and nowhere else."""
    IN_TEXT = 5
    LONGER_ALONE = 6
    """One has an ending more, and no other record begins so."""
    LONGER = 7
    """One spells an ending out: ``ex55wh`` and ``ex55whi``."""
    ENDINGS_ALONE = 8
    """They end in other letters, and no other record begins so."""
    CONTAINED = 9
    ENDED = 10
    """One has an ending that the other lacks, where others have endings too: ``ka7578`` and ``ka7578s``."""
    ENDINGS = 11
    SISTERS = 12
    """They begin alike and differ in digits."""
    STRANGERS = 13


class Numbers(NamedTuple):
    """The model numbers of a record, and what may be one."""

    own: frozenset[str]
    rare: frozenset[str]
    """Those of ``own`` that few records have: a word with digits that many have is no model number."""
    joined: frozenset[str]
    """Neighbouring fragments of the name as one."""
    told: frozenset[str]
    """Those in the description."""


def numbers_of(one: Profile, vocabulary: Vocabulary) -> Numbers:
    """The model numbers of a record."""
    own = own_codes(one)
    limit = max(8, vocabulary.records // 100)
    here, there = vocabulary.codes
    rare = frozenset(code for code in own if len(code) >= 4 and here[code] + there[code] <= limit)
    return Numbers(own, rare, one.joined, one.more.codes | one.more.parts)


def kin(one: Numbers, other: Numbers, vocabulary: Vocabulary) -> Kin | None:
    """How the model numbers of two records relate; None where one of them has none that is rare."""
    mine, theirs = one.own, other.own
    shared = (mine & theirs) | (mine & other.joined) | (one.joined & theirs)
    in_text = (mine & other.told) | (one.told & theirs)
    left, right = one.rare, other.rare
    if shared or in_text:
        left, right = left - shared - in_text, right - shared - in_text
    if shared:
        pairs = min(map(vocabulary.pairs_of_code, shared))
        if pairs <= RARE:
            if _unrelated(left, shared) and _unrelated(right, shared):
                return Kin.SAME_BESIDE
            return Kin.SAME_ALONE if pairs <= ALONE else Kin.SAME_RARE
    if in_text:
        pairs = min(map(vocabulary.pairs_of_code, in_text))
        if pairs <= RARE:
            return Kin.IN_TEXT_ALONE if pairs <= ALONE else Kin.IN_TEXT
    best = _closest(left, right, one.joined, other.joined, vocabulary)
    if best is not None:
        return best
    if shared:
        return Kin.SAME_COMMON
    return Kin.STRANGERS if left and right else None


def _unrelated(codes: Collection[str], shared: Collection[str]) -> bool:
    return any(all(code not in one and one not in code for one in shared) for code in codes)


def _closest(
    left: Collection[str],
    right: Collection[str],
    joined: Collection[str],
    others_joined: Collection[str],
    vocabulary: Vocabulary,
) -> Kin | None:
    found: list[Kin | None] = []
    for code in left:
        for other in right:
            kindred = other.startswith(code[:SHORTEST_STEM])
            found.append(_by_stem(code, other, vocabulary) if kindred else _by_part(code, other))
    if any(kin is not None for kin in found):
        return min(kin for kin in found if kin is not None)
    # Fragments that were written as one prove nothing but that one number is the other and an ending.
    for codes, candidates in ((left, others_joined), (right, joined)):
        for code in codes:
            for candidate in candidates:
                if code.startswith(candidate) or candidate.startswith(code):
                    found.append(_by_stem(code, candidate, vocabulary))
    return min((kin for kin in found if kin is not None and kin is not Kin.CONTAINED), default=None)


def _by_part(code: str, other: str) -> Kin | None:
    short, long = (code, other) if len(code) <= len(other) else (other, code)
    if len(short) >= 5 and short in long:
        return Kin.CONTAINED
    if len(short) >= CLOSE_FROM and OSA.distance(short, long, score_cutoff=CLOSE) <= CLOSE:
        return Kin.SISTERS
    return None


def _by_stem(code: str, other: str, vocabulary: Vocabulary) -> Kin | None:
    length = SHORTEST_STEM
    shortest = min(len(code), len(other))
    while length < shortest and code[length] == other[length]:
        length += 1
    stem, rest, others_rest = code[:length], code[length:], other[length:]
    if not any(map(str.isdigit, stem)) and (rest or others_rest):
        return Kin.SISTERS if length * 2 >= shortest else None
    alone = vocabulary.pairs_of_stem(stem) <= ALONE
    if not rest or not others_rest:
        if len(rest) + len(others_rest) > ENDING:
            return Kin.CONTAINED if length >= 5 else None
        if alone:
            return Kin.LONGER_ALONE
        return Kin.LONGER if stem[-1].isalpha() and (rest + others_rest).isalpha() else Kin.ENDED
    if max(len(rest), len(others_rest)) <= ENDING and rest.isalpha() and others_rest.isalpha():
        return Kin.ENDINGS_ALONE if alone else Kin.ENDINGS
    return Kin.SISTERS if length * 2 >= shortest else None
