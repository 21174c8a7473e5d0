"""GraphQL operations, compiled once to Python and run many times.

It knows GraphQL and nothing of products: it needs graphql-core and orjson, and nothing else of ours. ::

    compiled = compile_operation(schema, document, "Products")      # a validated document
    if isinstance(compiled, NotCompiled): ...                       # graphql-core runs it; compiled.reason says why
    answer = await compiled.run(root_value, context, variables)     # answer.data: JSON text; answer.errors
    print(compiled.source)                                          # the code

**Plan.** A place of the document together with one object type is a *selection*: fields merged over all fragments, @skip
and @include decided (``plan``). What they read of the variables picks a variant; each is compiled on its own, and few
are kept. Selections, and their code, are made when they are first needed.

**Code.** Each selection becomes one function (``generate``). What can be known beforehand is: names, types, arguments
without variables, which fields there are. A leaf of a built-in scalar is looked at with one comparison (``leaves``).

**Object by object.** Ordinary fields are run as graphql-core runs them (``values``, ``lists``): the same resolvers, in the
same order, with the same ``info``, awaited in the same way, so that a DataLoader sees what it always saw; the same
errors, and what is not run after an error is not run here.

**Level by level.** A selection is *deep* if a batch resolver is called in it or below. It is run for all its parents at
once, and gives a *column* for each field (``columns``). Fields with the same batch resolver are asked for in one call
(``batch``); values that lead further down are laid out by their type, through lists and abstract types, and each type's
level is run once (``deep``). A batch resolver is found in ``GraphQLField.extensions["batch"]``::

    async def batch(parents, fields, info):
        return [field.ready([...]) if simple(field) else [...] for field in fields]      # an entry for each parent

``field.name``, ``.response_key``, ``.arguments``, ``.nodes`` and ``.selection(type_name)`` say what is asked for;
``.memo`` keeps what the resolver makes of that. A *ready* column stands in the answer as it is (dicts, lists, text,
numbers, ``orjson.Fragment``), any other is completed against the field's type, and an exception in it is an error in its
place. Where a call has all fields of its parents (``.whole``), it may give ``.rows([...])``: whole objects. At the root
the one parent is the root value; in mutations the root's fields are run one after the other.

**Null.** A value that may not be null and could not be had travels up as an exception or as a ``Failed`` entry, until a
place that may be null takes it (``errors``). Level by level an object's fields have all run by then; errors that
graphql-core would not have come to are dropped, and the rest are put in the order of the answer.

**Bounds.** Introspection, subscriptions, @defer and @stream, fragments with variables and very large operations stay with
graphql-core (``screen``). What was compiled is as large
as its caller lets it be: ``.size`` says what it weighs, ``.release()`` takes it apart. Long lists let others run now and
then.
"""

from app.execution.answer import Answer
from app.execution.batch import BatchedField, Column, Ready
from app.execution.compiled import CompiledOperation, compile_operation
from app.execution.screen import NotCompiled

__all__ = [
    "Answer",
    "BatchedField",
    "Column",
    "CompiledOperation",
    "NotCompiled",
    "Ready",
    "compile_operation",
]
