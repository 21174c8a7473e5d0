"""A rule of the contract: a name that is a sentence, why it matters, what to do where it is broken, and its check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, Protocol, Self, TypeVar

from sources.failures import SourceFailure

RULE_SECONDS: Final = 120.0
"""After so long a rule counts as broken: something hangs."""


class Broken(AssertionError):
    """A rule does not hold. Its text says which, what was found, why it matters and what to do."""


class NotChecked(Exception):
    """A rule could not be checked here. ``applies`` is False where it has nothing to say about this connector at all:
    it says by None that it lacks what the rule is about."""

    def __init__(self, reason: str, *, applies: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.applies = applies


def expect(holds: object, found: str) -> None:
    """Raises Broken, saying what was ``found``, unless ``holds``."""
    if not holds:
        raise Broken(found)


class Attempt(Protocol):
    """What a rule's check is given: a system to try the rule on, which gives back at its end what it opened."""

    async def close(self) -> None:
        """Give back what was opened."""


A = TypeVar("A", bound=Attempt)
_Check = Callable[[A], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rule(Generic[A]):
    """One rule. ``id`` names its check, and the test made of it; ``about`` is the part of the contract it belongs to."""

    id: str
    about: str
    because: str
    do: str
    _check: _Check[A]

    @property
    def name(self) -> str:
        """The rule, as a sentence."""
        return self.id[0].upper() + self.id[1:].replace("_", " ")

    async def check(self, attempt: A) -> None:
        """Try the rule, and close ``attempt``. Raises Broken where it does not hold, NotChecked where nobody can say."""
        __tracebackhide__ = True
        try:
            try:
                async with asyncio.timeout(RULE_SECONDS):
                    await self._check(attempt)
            finally:
                await attempt.close()
        except NotChecked:
            raise
        except Broken as broken:
            raise self._broken(str(broken)) from broken.__cause__
        except TimeoutError as error:
            raise self._broken(f"it did not end within {RULE_SECONDS:.0f} s") from error
        except SourceFailure as failed:
            raise self._broken(f"it failed: {failed.failure.kind}: {failed.failure.message}") from failed
        except Exception as error:
            raise self._broken(f"it raised {type(error).__name__}: {error}") from error

    def _broken(self, found: str) -> Broken:
        return Broken(f"{self.name}.\n  found:  {found}\n  why:    {self.because}\n  do:     {self.do}")


class Rules(Generic[A]):
    """A table of rules, in the order in which they were written."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule[A]] = {}

    def rule(self, about: str) -> Callable[[_Check[A]], Rule[A]]:
        """Makes a rule of the function that is decorated: its name is the rule's sentence, its docstring says why it
        matters and then, after ``Do:``, what to do where it is broken. Raises ValueError where that is missing."""

        def register(check: _Check[A]) -> Rule[A]:
            name = getattr(check, "__name__", "")
            because, _, do = " ".join((check.__doc__ or "").split()).partition(" Do: ")
            if name in self._rules or not because or not do:
                raise ValueError(f"{name!r}: a second rule of that name, or one without its reason or its remedy")
            rule = self._rules[name] = Rule(name, about, because, do, check)
            return rule

        return register

    def __iter__(self) -> Iterator[Rule[A]]:
        return iter(self._rules.values())

    def __contains__(self, rule: object) -> bool:
        return any(rule is one for one in self)

    def __len__(self) -> int:
        return len(self._rules)

    def __getitem__(self, id_: str) -> Rule[A]:
        return self._rules[id_]

    def together(self, *others: Rules[A]) -> Self:
        """This table with the rules of ``others`` after its own."""
        for other in others:
            for rule in other:
                self._rules[rule.id] = rule
        return self
