"""The ``rest`` connector: records in JSON over HTTP, walked page by page, asked for by key.

::

    [sources.pim]
    connector = "rest"
    url = "https://pim.example.com/api/products"
    auth = { kind = "bearer", token = "${PIM_TOKEN}" }   # or header, basic, oauth2: sources/web/authentication.py
    records = "data"                                     # JMESPath to the list; leave out where the answer is the list
    paging = { kind = "page", param = "page", size_param = "per_page", size = 100 }
    total = "meta.total"
    fetch = { param = "ids", separator = ",", batch = 50 }   # or { url = "https://pim.example.com/api/products/{key}" }
    key = "id"
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field, model_validator

from sources.contract import Description, Document, Fetch, Problem
from sources.deadlines import answer_by
from sources.declaration import ConnectorKind, Declared, SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.paths import compile_path
from sources.values import JSON
from sources.web.authentication import HttpUrl, SecretText
from sources.web.by_key import fetched
from sources.web.first_page import declared_paths, describe_documents
from sources.web.http import HttpClient
from sources.web.paging import LinkPaging, NoPaging, Paging
from sources.web.remote_records import JMESPath, Misdeclared, asked_only, at, key_of, numbered, records_at, whole_number
from sources.web.transport import Answer, origin, shown
from sources.web.walking import PageRead, Position, Walk, WalkedOptions, sync_deadline, zone_of

KEY = "{key}"


class RestFetch(Declared):
    """How to ask for records by key: at an address of each, or by a parameter of the collection's."""

    url: HttpUrl | None = Field(default=None, repr=False)
    """The address of one record, with ``{key}`` where its key belongs."""
    param: str | None = None
    """The parameter that takes keys."""
    separator: Annotated[str, Field(min_length=1)] = ","
    repeat: bool = False
    """Give the parameter once a key (``ids=1&ids=2``) instead of separating the keys."""
    batch: Annotated[int, Field(ge=1, le=1000)] = 50
    records: JMESPath | None = None
    """Where the record (``url``) or the list (``param``) stands in the answer, if not where the collection has it."""

    @model_validator(mode="after")
    def _one_way(self) -> RestFetch:
        if (self.url is None) == (self.param is None):
            raise ValueError("write either url or param")
        if self.url is not None and KEY not in self.url:
            raise ValueError('url: write {key} where the key belongs, as in "https://pim.example.com/products/{key}"')
        return self


class RestOptions(WalkedOptions):
    """What ``[sources.X]`` with ``connector = "rest"`` takes."""

    records: JMESPath | None = None
    """Where the list of records stands in a page's body; without it, the body is the list."""
    params: Mapping[str, SecretText] = Field(default_factory=dict)
    """Put into the query of every request."""
    paging: Paging = NoPaging()
    total: JMESPath | None = None
    """Where a page's body says how many records there are in all."""
    fetch: RestFetch | None = None
    fields_param: str | None = None
    """The parameter that takes the members wanted, where the system can leave others out of a fetch."""
    since_param: str | None = None
    """The parameter that asks for what changed since a moment; needs ``sync.by``."""
    since_format: Literal["iso", "date", "unix"] = "iso"

    @model_validator(mode="after")
    def _one_system(self) -> RestOptions:
        if self.fetch is not None and self.fetch.url is not None and origin(self.fetch.url) != origin(self.url):
            raise ValueError("fetch.url: it is on another host than url; declare that system as a source of its own")
        return self


class RestConnector:
    """One REST collection."""

    def __init__(self, declaration: SourceDeclaration, options: RestOptions) -> None:
        """Connects to nothing yet. Raises ValueError for options that contradict the declaration."""
        if options.since_param and declaration.sync.by is None:
            raise ValueError("since_param: it needs sync.by, the path of the clock that it compares with")
        zone_of(declaration)
        self._declaration = declaration
        self._options = options
        self._key = compile_path(declaration.key)
        self._params = {name: value.get_secret_value() for name, value in options.params.items()}
        self._client = HttpClient(options)
        self._place = shown(options.url)

    @property
    def fetch(self) -> Fetch | None:
        """By key, where the options declare how."""
        return self._fetch if self._options.fetch is not None else None

    @property
    def changes(self) -> Walk:
        """Everything, page by page; where ``since_param`` is declared, later what is newer."""
        paging = self._options.paging
        return Walk(
            declaration=self._declaration,
            read=self._page,
            first=paging.first(),
            resumable=paging.accepts,
            shifts=paging.shifts,
            incremental=self._options.since_param is not None,
            overlap=self._options.overlap,
        )

    async def check(self) -> tuple[Problem, ...]:
        """What does not fit: the address, the path to the records, the key, the clock, the way to fetch by key.

        Raises SourceFailure where the system cannot be asked."""
        try:
            page = await self._first_page()
        except Misdeclared as failed:
            return (failed.problem,)
        except SourceFailure as failed:
            if failed.failure.kind is FailureKind.MISSING_OBJECT:
                return (Problem("url", failed.failure.message, "write the address of the collection"),)
            raise
        problems = list(declared_paths(self._declaration, page.documents))
        if self._options.total is not None and page.total is None:
            problems.append(Problem("total", f"no whole number at {self._options.total!r}", "write its JMESPath"))
        if page.total == len(page.documents) > 0 and await self._behind(page):
            problems.append(
                Problem("total", f"{page.total}, but there are more records", "write where all are counted")
            )
        keys = [key for document in page.documents if (key := key_of(document.content, self._key)) is not None]
        if self._options.fetch is not None and keys:
            problems.extend(await self._check_fetch(self._options.fetch, keys[0]))
        return tuple(problems)

    async def describe(self) -> Description:
        """The members of the first page's records. Raises SourceFailure."""
        return describe_documents((await self._first_page()).documents)

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()

    # ── Walking ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _first_page(self) -> PageRead:
        return await self._page(self._options.paging.first(), None, 1, sync_deadline(self._declaration))

    async def _page(self, position: Position, since: datetime | None, number: int, ends: float) -> PageRead:
        options = self._options
        url, paging, declared = options.paging.request(options.url, position)
        params: dict[str, str | list[str]] = {**self._params, **paging} if declared else {}
        if since is not None and options.since_param is not None and declared:
            params[options.since_param] = _moment(since, options.since_format)
        try:
            answer = await self._client.get(url, params, ends)
        except SourceFailure as failed:
            # Some systems have no page behind the last one: it does not exist.
            if (
                number > 1
                and options.paging.kind in {"page", "offset"}
                and failed.failure.kind is FailureKind.MISSING_OBJECT
            ):
                return PageRead((), None, None)
            raise
        place = f"{self._place}, page {number}"
        total = whole_number(options.total, answer.body)
        documents = await numbered(records_at(options.records, answer.body, place), place)
        following = options.paging.following(position, answer, url, len(documents), total)
        if following is None and number == 1 and since is None and total is not None and len(documents) < total:
            raise Misdeclared(FailureKind.GARBLED, place, self._unpaged(len(documents), total))
        return PageRead(documents, following, total)

    async def _behind(self, page: PageRead) -> bool:
        """Whether records follow ``page``, the first one, although it holds as many as ``total`` says."""
        paging, count = self._options.paging, len(page.documents)
        following = paging.following(paging.first(), Answer(None, None), self._options.url, count, None)
        if following is None:
            return False
        behind = await self._page(following, None, 2, sync_deadline(self._declaration))
        keys = {key_of(document.content, self._key) for document in page.documents}
        return any(key_of(document.content, self._key) not in keys for document in behind.documents)

    def _unpaged(self, count: int, total: int) -> Problem:
        path = "paging.next" if isinstance(self._options.paging, LinkPaging) else "paging"
        return Problem(path, f"{count} of {total} records, and no next page", "write how this system pages")

    # ── By key ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        how = self._options.fetch
        assert how is not None
        ends = answer_by(self._declaration.deadline)
        asked = list(dict.fromkeys(keys))
        params: dict[str, str | list[str]] = dict(self._params)
        if self._options.fields_param is not None:
            params[self._options.fields_param] = ",".join(sorted({*columns, *self._key.columns}))
        if how.url is not None:
            single = [key for key in asked if key not in {"", ".", ".."}]
            return await fetched({(key,): partial(self._one, how, how.url, key, params, ends) for key in single})
        batches = [tuple(asked[start : start + how.batch]) for start in range(0, len(asked), how.batch)]
        return await fetched({batch: partial(self._batch, how, batch, params, ends) for batch in batches})

    async def _one(
        self, how: RestFetch, template: str, key: str, params: Mapping[str, str | list[str]], ends: float
    ) -> list[Document]:
        """The record at an address of its own, if there is one."""
        url = template.replace(KEY, quote(key, safe=""))
        try:
            answer = await self._client.get(url, params, ends)
        except SourceFailure as failed:
            if failed.failure.kind is FailureKind.MISSING_OBJECT:
                return []
            raise
        place = f"{shown(template.replace(KEY, ''))}, record {key}"
        body = _listed(how.records, answer)
        records = records_at(None, body, place, "fetch.records")
        return asked_only([Document(record, place) for record in records], {key}, self._key, place)

    async def _batch(
        self, how: RestFetch, keys: Sequence[str], params: Mapping[str, str | list[str]], ends: float
    ) -> list[Document]:
        """The records of ``keys``, further pages included, for a system may give fewer at once than it is asked for."""
        assert how.param is not None
        if not how.repeat and any(how.separator in key for key in keys):
            raise SourceFailure(
                FailureKind.GARBLED,
                f"a key holds {how.separator!r}, which separates keys; write another fetch.separator, or repeat = true",
            )
        listed = list(keys) if how.repeat else how.separator.join(keys)
        paging, found, number = self._options.paging, dict[str, Document](), 1
        position: Position | None = paging.first()
        while position is not None:
            url, paged, declared = paging.request(self._options.url, position)
            asked = {**params, **paged, how.param: listed} if declared else {}
            answer = await self._client.get(url, asked, ends)
            place = f"{self._place}, fetched by {how.param}, page {number}"
            records = records_at(how.records or self._options.records, answer.body, place, "fetch.records")
            documents = [Document(record, place) for record in records]
            before = len(found)
            for document in asked_only(documents, keys, self._key, place):
                key = key_of(document.content, self._key) or f"without {self._declaration.key} {len(found)}"
                found[key] = Document(document.content, f"{self._place}, record {key}")
            if len(found) == len(keys) or len(found) == before:
                break
            position = paging.following(position, answer, url, len(documents), None)
            number += 1
        return list(found.values())

    async def _check_fetch(self, how: RestFetch, key: str) -> list[Problem]:
        path = "fetch.url" if how.url is not None else "fetch.param"
        wanted = f"write how to ask this system for one record, whose {self._declaration.key} is known"
        try:
            found = await self._fetch([key], {self._declaration.key})
        except Misdeclared as failed:
            return [failed.problem]
        except SourceFailure as failed:
            if failed.failure.kind in {FailureKind.GARBLED, FailureKind.MISSING_OBJECT}:
                return [Problem(path, failed.failure.message, wanted)]
            raise
        return [] if found else [Problem(path, f"the record {key!r} of the first page is not found by it", wanted)]


def _listed(path: str | None, answer: Answer) -> JSON:
    """The record, or the records, at an address of its own, as a list."""
    found = answer.body if path is None else at(path, answer.body)
    return found if isinstance(found, list) else [found]


def _moment(moment: datetime, form: Literal["iso", "date", "unix"]) -> str:
    match form:
        case "date":
            return moment.date().isoformat()
        case "unix":
            return str(int(moment.timestamp()))
        case _:
            return moment.isoformat().replace("+00:00", "Z")


def open_rest(declaration: SourceDeclaration, options: RestOptions) -> RestConnector:
    """Opens one REST collection; connects to nothing yet. Raises ValueError."""
    return RestConnector(declaration, options)


KIND = ConnectorKind(RestOptions, open_rest)
