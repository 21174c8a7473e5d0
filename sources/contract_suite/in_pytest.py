"""The rules as tests of pytest: a class with one test a rule.

::

    TestSupplierDrop = connector_contract(SupplierDropUpstream)             # a class, a function or a fixture's function

    class TestSupplierDrop(ConnectorContract):                              # the same, with a fixture of one's own
        @pytest.fixture
        async def upstream(self, tmp_path): ...

A rule that cannot be checked with the upstream at hand is skipped, and says why; one that has nothing to say about the
connector, which lacks what it is about, passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from inspect import (
    Parameter,
    Signature,
    isasyncgenfunction,
    isawaitable,
    isgeneratorfunction,
    signature,
)
from typing import Any, TypeAlias

try:
    import pytest
    import pytest_asyncio
except ImportError as missing:
    raise ImportError("the contract suite runs in pytest: pip install 'whence[plugin]'") from missing

from sources.contract_suite.connectors import CONNECTOR_RULES
from sources.contract_suite.rule import Attempt, NotChecked, Rule
from sources.contract_suite.sources import SOURCE_RULES, SourceTrial
from sources.contract_suite.trial import Trial
from sources.contract_suite.upstream import SourceUpstream, Upstream

Given: TypeAlias = Callable[..., Any]
"""What a fixture can be made of: it takes fixtures by their names, may be async, and returns or yields an upstream."""


class ConnectorContract:
    """A test for each rule of a connector. Subclasses are called ``Test...`` and give the fixture ``upstream``: a new
    :class:`sources.contract_suite.upstream.Upstream`, empty.

    ``class TestPart(ConnectorContract, about={"a walk"})`` has the rules about that alone: for a second way to read a
    system whose other rules another class checks."""

    def __init_subclass__(cls, about: Collection[str] | None = None) -> None:
        super().__init_subclass__()
        unknown = set(about or ()) - {rule.about for rule in CONNECTOR_RULES}
        if unknown:
            raise ValueError(f"no rule is about {sorted(unknown)}")
        for rule in CONNECTOR_RULES:
            if about is not None and rule.about not in about:
                setattr(cls, f"test_{rule.id}", None)

    @pytest.fixture
    def upstream(self) -> Upstream:
        """Override this. It may be an async fixture, and may yield."""
        raise NotImplementedError("give the fixture `upstream`")


class SourceContract:
    """A test for each rule of a source. Subclasses are called ``Test...`` and give the fixture ``upstream``: a new
    :class:`sources.contract_suite.upstream.SourceUpstream`, empty."""

    @pytest.fixture
    def upstream(self) -> SourceUpstream:
        """Override this. It may be an async fixture, and may yield."""
        raise NotImplementedError("give the fixture `upstream`")


def connector_contract(given: Given) -> type[ConnectorContract]:
    """The tests of a connector to the upstream that ``given`` returns or yields; it may ask for fixtures by name.

    Assign it to a name that begins with ``Test``, in a test file."""
    return type("ConnectorContract", (ConnectorContract,), {"upstream": _fixture(given)})


def source_contract(given: Given) -> type[SourceContract]:
    """The same for a source; ``given`` returns or yields a SourceUpstream."""
    return type("SourceContract", (SourceContract,), {"upstream": _fixture(given)})


def _fixture(given: Given) -> Any:
    """A fixture of a class, made of a function or a class that knows of none."""
    kind = contextmanager(given) if isgeneratorfunction(given) else given
    kind = asynccontextmanager(given) if isasyncgenfunction(given) else kind

    async def upstream(self: object, **named: Any) -> AsyncIterator[Any]:
        made = kind(**named)
        if isinstance(made, AbstractAsyncContextManager):
            async with made as one:
                yield one
        elif isinstance(made, AbstractContextManager):
            with made as one:
                yield one
        else:
            yield await made if isawaitable(made) else made

    own = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    upstream.__signature__ = Signature([own, *signature(given).parameters.values()])  # type: ignore[attr-defined]
    return pytest_asyncio.fixture(upstream)


def _test(rule: Rule[Any], trial: Callable[[Any], Attempt]) -> Any:
    @pytest.mark.asyncio
    async def test(self: object, upstream: Any, record_property: Callable[[str, object], None]) -> None:
        __tracebackhide__ = True
        try:
            await rule.check(trial(upstream))
        except NotChecked as unchecked:
            if unchecked.applies:
                pytest.skip(f"not checked: {unchecked.reason}")
            record_property("does not apply", unchecked.reason)

    test.__name__ = f"test_{rule.id}"
    test.__qualname__ = f"test_{rule.id}"
    test.__doc__ = f"{rule.name}."
    return test


for _rule in CONNECTOR_RULES:
    setattr(ConnectorContract, f"test_{_rule.id}", _test(_rule, Trial))
for _other in SOURCE_RULES:
    setattr(SourceContract, f"test_{_other.id}", _test(_other, SourceTrial))
