"""How Whence shows a system who it is: ``auth = { kind = "bearer", token = "${PIM_TOKEN}" }``."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from sources.declaration import Declared

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError('write the name of a header, such as "X-Api-Key"')
    return name


def _header_value(value: SecretStr) -> SecretStr:
    if not _HEADER_VALUE.fullmatch(value.get_secret_value()):
        raise ValueError("it holds a character that no header can carry, such as a line's end")
    return value


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("it is empty; is the environment variable that it names set?")
    return value


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


HeaderName = Annotated[str, AfterValidator(_header_name)]
SecretText = Annotated[SecretStr, BeforeValidator(_text)]
"""A text, number or boolean of whence.toml that may hold a secret, so that nothing prints it."""
HeaderText = Annotated[SecretStr, BeforeValidator(_text), AfterValidator(_header_value)]
Credential = Annotated[SecretStr, AfterValidator(_header_value), AfterValidator(_not_empty)]


class BearerAuthentication(Declared):
    """``Authorization: Bearer TOKEN``."""

    kind: Literal["bearer"]
    token: Credential


class HeaderAuthentication(Declared):
    """A header of the system's own, such as ``X-Api-Key``."""

    kind: Literal["header"]
    name: HeaderName
    value: Credential


class BasicAuthentication(Declared):
    """``Authorization: Basic``, of a user and a password."""

    kind: Literal["basic"]
    user: str
    password: SecretStr


Authentication: TypeAlias = Annotated[
    BearerAuthentication | HeaderAuthentication | BasicAuthentication, Field(discriminator="kind")
]


def authentication_headers(auth: Authentication | None) -> dict[str, str]:
    """The headers that ``auth`` adds to every request."""
    match auth:
        case BearerAuthentication(token=token):
            return {"Authorization": f"Bearer {token.get_secret_value()}"}
        case HeaderAuthentication(name=name, value=value):
            return {name: value.get_secret_value()}
        case BasicAuthentication(user=user, password=password):
            pair = f"{user}:{password.get_secret_value()}".encode()
            return {"Authorization": f"Basic {b64encode(pair).decode()}"}
        case _:
            return {}


def authentication_secrets(auth: Authentication | None) -> tuple[str, ...]:
    """What of ``auth`` must never be shown."""
    match auth:
        case BearerAuthentication(token=secret) | HeaderAuthentication(value=secret):
            return (secret.get_secret_value(),)
        case BasicAuthentication(password=secret):
            return (secret.get_secret_value(), *(value.split()[1] for value in authentication_headers(auth).values()))
        case _:
            return ()
