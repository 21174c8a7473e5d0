"""The ``graphql`` connector: records from a GraphQL API, walked by Relay connections or offsets, asked for by key.

::

    [sources.shop]
    connector = "graphql"
    url = "https://shop.example.com/graphql"
    auth = { kind = "bearer", token = "${SHOP_TOKEN}" }
    query = \"\"\"query ($first: Int!, $after: String) {
      products(first: $first, after: $after) {
        edges { node { id sku title updatedAt } } pageInfo { hasNextPage endCursor }
      }
    }\"\"\"
    paging = { kind = "relay", connection = "products", first = 50 }
    fetch = { query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... } }", variable = "ids", records = "nodes" }
    key = "id"
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field, model_validator

from sources.contract import Description, Document, Fetch, Problem
from sources.deadlines import answer_by
from sources.declaration import ConnectorKind, Declared, SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.graphql.answers import GraphQLData, GraphQLErrors, data_of
from sources.graphql.documents import Query, require_variables, variables_of
from sources.graphql.paging import GraphQLPaging, Unpaged
from sources.paths import compile_path
from sources.values import JSON
from sources.web.by_key import fetched
from sources.web.first_page import declared_paths, describe_documents
from sources.web.http import HttpClient
from sources.web.remote_records import JMESPath, Misdeclared, asked_only, at, key_of, numbered, records_at
from sources.web.transport import shown
from sources.web.walking import PageRead, Position, Walk, WalkedOptions, sync_deadline, zone_of


def _plain(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        orjson.dumps(dict(variables))
    except TypeError:
        raise ValueError("write values that JSON can hold") from None
    return variables


class GraphQLFetch(Declared):
    """How to ask for records by key."""

    query: Query
    variable: str
    """Takes the keys where its type is a list, else one key."""
    records: JMESPath
    """From ``data`` to the list of records, or to the one record."""
    batch: Annotated[int, Field(ge=1, le=1000)] = 50

    @model_validator(mode="after")
    def _declared(self) -> GraphQLFetch:
        require_variables(self.query, [self.variable], "query")
        return self

    @property
    def takes_lists(self) -> bool:
        """Whether the query takes many keys at once."""
        return self.variable in variables_of(self.query).lists


class GraphQLOptions(WalkedOptions):
    """What ``[sources.X]`` with ``connector = "graphql"`` takes."""

    query: Query
    records: JMESPath | None = None
    """From ``data`` to the list of records; without it, where ``paging`` has them."""
    paging: GraphQLPaging = Unpaged()
    variables: Annotated[Mapping[str, Any], AfterValidator(_plain)] = Field(default_factory=dict, repr=False)
    """Constant ones, given to each query that declares them."""
    fetch: GraphQLFetch | None = None
    since_variable: str | None = None
    """The variable that asks for what changed since a moment; needs ``sync.by``."""

    @model_validator(mode="after")
    def _fitting(self) -> GraphQLOptions:
        if self.records is None and self.paging.records is None:
            raise ValueError("records: write the JMESPath from `data` to the list of records")
        since = [self.since_variable] if self.since_variable else []
        require_variables(self.query, [*self.paging.variables, *since], "query")
        queries = [self.query] if self.fetch is None else [self.query, self.fetch.query]
        for name in self.variables:
            if not any(name in variables_of(query).names for query in queries):
                raise ValueError(f"variables: no query declares ${name}")
        return self


class GraphQLConnector:
    """One list of a GraphQL API."""

    def __init__(self, declaration: SourceDeclaration, options: GraphQLOptions) -> None:
        """Connects to nothing yet. Raises ValueError for options that contradict the declaration."""
        if options.since_variable and declaration.sync.by is None:
            raise ValueError("since_variable: it needs sync.by, the path of the clock that it compares with")
        zone_of(declaration)
        self._declaration = declaration
        self._options = options
        self._records = options.records or options.paging.records
        self._key = compile_path(declaration.key)
        self._client = HttpClient(options)
        self._place = shown(options.url)

    @property
    def fetch(self) -> Fetch | None:
        """By key, where the options declare how."""
        return self._fetch if self._options.fetch is not None else None

    @property
    def changes(self) -> Walk:
        """Everything, page by page; where ``since_variable`` is declared, later what is newer."""
        paging = self._options.paging
        return Walk(
            declaration=self._declaration,
            read=self._page,
            first=paging.begin(),
            resumable=paging.accepts,
            shifts=paging.shifts,
            incremental=self._options.since_variable is not None,
            overlap=self._options.overlap,
        )

    async def check(self) -> tuple[Problem, ...]:
        """What does not fit: the address, the query, the path to the records, the key, the clock, the fetch's query.

        Raises SourceFailure where the system cannot be asked."""
        try:
            page = await self._first_page()
        except SourceFailure as failed:
            return (_problem(failed, "query"),)
        problems = list(declared_paths(self._declaration, page.documents))
        keys = [key for document in page.documents if (key := key_of(document.content, self._key)) is not None]
        if self._options.fetch is not None and keys:
            try:
                found = await self._fetch(keys[:1], {self._declaration.key})
            except SourceFailure as failed:
                problems.append(_problem(failed, "fetch.query"))
            else:
                if not found:
                    told = f"the record {keys[0]!r} of the first page is not found by it"
                    problems.append(Problem("fetch.query", told, f"ask for records by their {self._declaration.key}"))
        return tuple(problems)

    async def describe(self) -> Description:
        """The members of the first page's records. Raises SourceFailure."""
        return describe_documents((await self._first_page()).documents)

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()

    async def _first_page(self) -> PageRead:
        return await self._page(self._options.paging.begin(), None, 1, sync_deadline(self._declaration))

    async def _page(self, position: Position, since: datetime | None, number: int, ends: float) -> PageRead:
        paging = self._options.paging
        variables = dict(paging.ask(position))
        if since is not None and self._options.since_variable is not None:
            variables[self._options.since_variable] = since.isoformat().replace("+00:00", "Z")
        place = f"{self._place}, page {number}"
        answer = await self._ask(self._options.query, variables, place, ends)
        documents = await numbered(_records(answer, self._records, place, "records"), place)
        following = paging.following(position, answer.data, len(documents), place)
        return PageRead(documents, following, paging.count(answer.data))

    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        how = self._options.fetch
        assert how is not None
        ends = answer_by(self._declaration.deadline)
        asked = list(dict.fromkeys(keys))
        size = how.batch if how.takes_lists else 1
        batches = [tuple(asked[start : start + size]) for start in range(0, len(asked), size)]
        return await fetched({batch: partial(self._batch, how, batch, ends) for batch in batches})

    async def _batch(self, how: GraphQLFetch, keys: Sequence[str], ends: float) -> list[Document]:
        place = f"{self._place}, fetched by ${how.variable}"
        variables = {how.variable: list(keys) if how.takes_lists else keys[0]}
        answer = await self._ask(how.query, variables, place, ends)
        if not how.takes_lists and answer.failure is None and at(how.records, answer.data) is None:
            return []
        records = _records(answer, how.records, place, "fetch.records")
        documents = [
            Document(record, f"{self._place}, record {key_of(record, self._key) or f'{row} of the answer'}")
            for row, record in enumerate(records, 1)
        ]
        return asked_only(documents, keys, self._key, place)

    async def _ask(self, query: str, variables: Mapping[str, JSON], place: str, ends: float) -> GraphQLData:
        names = variables_of(query).names
        constant = {name: value for name, value in self._options.variables.items() if name in names}
        question = {"query": query, "variables": {**constant, **variables}}
        answer = await self._client.ask(self._options.url, question, ends)
        try:
            return data_of(answer.body, place, self._client.redacted)
        except GraphQLErrors as failed:
            # Many of these APIs refuse a token with status 200.
            if failed.failure.kind is not FailureKind.REFUSED or not self._client.distrust():
                raise
        answer = await self._client.ask(self._options.url, question, ends)
        return data_of(answer.body, place, self._client.redacted)


def _records(answer: GraphQLData, path: str | None, place: str, option: str) -> list[Mapping[str, JSON]]:
    """The records at ``path``; where they are not there and the system answered errors, those are why."""
    found = at(path, answer.data) if path is not None else None
    try:
        return records_at(None, [found] if isinstance(found, Mapping) else found, place, option)
    except Misdeclared:
        if answer.failure is not None:
            raise answer.failure from None
        return records_at(path, answer.data, place, option)


def _problem(failed: SourceFailure, query: str) -> Problem:
    """What is wrong with the declaration, or raises ``failed`` again where it is not the declaration's fault."""
    if isinstance(failed, Misdeclared):
        return failed.problem
    kind, message = failed.failure.kind, failed.failure.message
    if isinstance(failed, GraphQLErrors) and kind is FailureKind.GARBLED:
        return Problem(query, message, "write a query that this system answers")
    if kind is FailureKind.MISSING_OBJECT:
        return Problem("url", message, "write the address of the GraphQL endpoint")
    if query == "fetch.query" and kind is FailureKind.GARBLED:
        return Problem(query, message, "write a query that answers the records asked for, and no others")
    raise failed


def open_graphql(declaration: SourceDeclaration, options: GraphQLOptions) -> GraphQLConnector:
    """Opens one GraphQL API; connects to nothing yet. Raises ValueError."""
    return GraphQLConnector(declaration, options)


KIND = ConnectorKind(GraphQLOptions, open_graphql)
