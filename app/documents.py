"""The documents of one audience: those that were prepared and are kept, those it trusts, those its clients registered.

A document that is known costs a dictionary lookup by its text; what keeps it known, whoever else asks, is said in
:mod:`app.keeping`. Trusted documents are kept apart from what clients send, so that these cannot push them out. Documents
that do not validate are not kept.

A client names a document by its text, or by an id: one of the manifest (``documentId``, or the hash of Apollo's persisted
queries), or the hash under which a client registered the text before (Apollo's automatic persisted queries). What was
registered is forgotten with the document; the protocol has the client send it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import strawberry
from graphql import ASTValidationRule
from strawberry.extensions import SchemaExtension

from app.heap import held
from app.keeping import Keep
from app.parsing import Desk, Parser, Prepared
from app.protocol import GraphQLRequest, Refused
from resolvers.ownership import Audience
from resolvers.trusted_documents import document_id

ENTRIES = 2000
TOKENS = 100_000
"""Kept in one process, shared out among its audiences. A token takes some 430 bytes, with all that is made of it."""


class Documents:
    """The documents of one audience. ``share`` is its part of what a process may keep; ``rules`` are validated beside
    GraphQL's own."""

    def __init__(
        self,
        schema: strawberry.Schema,
        audience: Audience,
        desk: Desk,
        *,
        rules: Sequence[type[ASTValidationRule]] = (),
        share: float = 1.0,
    ) -> None:
        self._parser = Parser(schema._schema, audience.limits, rules)
        self._desk = desk
        self._audience = audience
        self._trusted = audience.trusted.texts if audience.trusted else {}
        self._trusted_texts = frozenset(self._trusted.values())
        entries, weight = max(16, int(ENTRIES * share)), max(1, int(TOKENS * share) // 2)
        self._registered: dict[str, str] = {}
        self._kept: Keep[str, Prepared] = Keep(entries=entries, weight=weight, dropped=self._forget)
        self._kept_trusted: Keep[str, Prepared] = Keep(entries=entries, weight=weight) if self._trusted else self._kept

    def trusts(self, text: str) -> bool:
        """Whether ``text`` is one of the documents that the company registered."""
        return text in self._trusted_texts

    def known(self, text: str) -> Prepared | None:
        """What was made of ``text``, if it is kept."""
        return (self._kept_trusted if text in self._trusted_texts else self._kept).get(text)

    async def prepare(self, text: str, sha256: str | None = None) -> Prepared:
        """``text`` parsed, measured and validated; kept if it is valid, under ``sha256`` too, if a client registers it.

        Raises GraphQLError for a text that does not parse or is too long; Refused where too many wait."""
        prepared = self.known(text) or await self._desk.prepare(self._parser, text)
        if not prepared.errors:
            keep = self._kept_trusted if text in self._trusted_texts else self._kept
            kept = text in keep
            if not kept and (kept := keep.put(text, prepared, prepared.tokens)):
                held(prepared.tokens)
            if sha256 is not None and kept and keep is self._kept and self._audience.automatic_persisted_queries:
                prepared.sha256 = sha256
                self._registered[sha256] = text
        return prepared

    def text_of(self, asked: GraphQLRequest) -> str:
        """The document that a request means. Raises Refused for one that is not known, or that the audience may not ask."""
        if asked.query:
            text = asked.query
            if asked.sha256 is not None and hashlib.sha256(text.encode()).hexdigest() != asked.sha256:
                raise Refused(400, "PERSISTED_QUERY_MISMATCH", "The hash is not that of the query. Send its SHA-256.")
        else:
            found = self._by_id(document_id(asked.document_id or asked.sha256 or ""))
            if found is None:
                raise self._unknown(asked)
            text = found
        if self._audience.only_trusted and text not in self._trusted_texts:
            raise _untrusted()
        return text

    def _by_id(self, name: str) -> str | None:
        return self._trusted.get(name) or self._registered.get(name)

    def _unknown(self, asked: GraphQLRequest) -> Refused:
        if self._audience.only_trusted:
            return _untrusted()
        if asked.sha256 is None:
            said = "There is no document of that id. Send one of the registered documents, or a query."
            return Refused(400, "UNKNOWN_DOCUMENT", said, of_document=True)
        if self._audience.automatic_persisted_queries or self._trusted:  # these texts and codes are Apollo's
            return Refused(400, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound", of_document=True)
        return Refused(400, "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported", of_document=True)

    def _forget(self, _: str, prepared: Prepared) -> None:
        if prepared.sha256 is not None:
            self._registered.pop(prepared.sha256, None)


def _untrusted() -> Refused:
    said = "This audience may send trusted documents only. Send the documentId of a registered one."
    return Refused(403, "UNTRUSTED_DOCUMENT", said)


_current: ContextVar[Prepared | None] = ContextVar("whence_prepared_document", default=None)


class RunPrepared(SchemaExtension):
    """Makes ``strawberry.Schema.execute`` run the document that was prepared, and not parse and validate it again."""

    def on_operation(self) -> Iterator[None]:
        """Put the document in before parsing."""
        if (prepared := _current.get()) is not None:
            self.execution_context.graphql_document = prepared.document
            self.execution_context.validation_rules = ()
        yield


@contextmanager
def running(schema: strawberry.Schema, prepared: Prepared) -> Iterator[None]:
    """Within it, ``schema.execute`` runs ``prepared``."""
    if RunPrepared not in schema.extensions:  # first, so that rules which other extensions add are still run
        schema.extensions = (RunPrepared, *schema.extensions)
    token = _current.set(prepared)
    try:
        yield
    finally:
        _current.reset(token)
