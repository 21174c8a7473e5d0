"""How Whence shows a system who it is: ``auth = { kind = "bearer", token = "${PIM_TOKEN}" }``."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import quote_plus

import httpx2
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from sources.declaration import Declared

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def _http_url(url: str) -> str:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise ValueError('write an address such as "https://pim.example.com/api/products"') from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError('write the whole address, such as "https://pim.example.com/api/products"')
    if parsed.userinfo:
        raise ValueError('take the user out of the address and write auth = { kind = "basic", ... }')
    return url


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


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""An absolute http or https address without a user."""
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


class OAuth2Authentication(Declared):
    """A token that the system's own issuer gives for a client's id and secret (RFC 6749, section 4.4), renewed by itself."""

    kind: Literal["oauth2"]
    token_url: HttpUrl = Field(repr=False)
    """Where tokens are issued; it may be another host than the system's own."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Annotated[SecretStr, AfterValidator(_not_empty)]
    scope: str | None = None
    """What is asked for, where the issuer wants to be told: names separated by spaces."""
    audience: str | None = None
    """For whom the token is, where the issuer wants to be told."""
    client_auth: Literal["basic", "body"] = "basic"
    """How the issuer is shown the secret: in the Authorization header, or in the body beside the rest."""


Authentication: TypeAlias = Annotated[
    BearerAuthentication | HeaderAuthentication | BasicAuthentication | OAuth2Authentication,
    Field(discriminator="kind"),
]


def basic(user: str, password: str) -> str:
    """The value of a header for basic authentication."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def authentication_headers(auth: Authentication | None) -> dict[str, str]:
    """The headers that ``auth`` adds to every request; a token that must first be fetched is none of them."""
    match auth:
        case BearerAuthentication(token=token):
            return {"Authorization": f"Bearer {token.get_secret_value()}"}
        case HeaderAuthentication(name=name, value=value):
            return {name: value.get_secret_value()}
        case BasicAuthentication(user=user, password=password):
            return {"Authorization": basic(user, password.get_secret_value())}
        case _:
            return {}


def authentication_secrets(auth: Authentication | None) -> tuple[str, ...]:
    """What of ``auth`` must never be shown."""
    match auth:
        case BearerAuthentication(token=secret) | HeaderAuthentication(value=secret):
            return (secret.get_secret_value(),)
        case BasicAuthentication(password=secret):
            return (secret.get_secret_value(), *(value.split()[1] for value in authentication_headers(auth).values()))
        case OAuth2Authentication(client_id=user, client_secret=secret):
            escaped = quote_plus(secret.get_secret_value())
            return secret.get_secret_value(), escaped, basic(quote_plus(user), escaped).split()[1]
        case _:
            return ()
