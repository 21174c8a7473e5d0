"""What ``[sources.X]`` takes for ``connector = "tryton"``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from sources.web.authentication import Authentication
from sources.web.http import HttpOptions


class TrytonOptions(HttpOptions):
    """What ``connector = "tryton"`` takes: where Tryton is, who we are there, and whose prices and stock are meant."""

    database: Annotated[str, Field(min_length=1)]
    """The name of the database, as at Tryton's login."""
    user: Annotated[str, Field(min_length=1)]
    """A user who may read products; for the stock's clock also stock moves (Tryton's group "Stock")."""
    password: SecretStr
    company: str | int | None = None
    """Whose prices and stock: the company's name or id; without it, the one the user works in."""
    locations: tuple[str, ...] = ()
    """Where the stock is counted: codes or names of warehouses or locations; without them, every warehouse."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """More columns: a name of your own = a field of Tryton's ``product.product``, such as ``template.type``."""
    batch: Annotated[int, Field(ge=1, le=1000)] = 200
    """Products asked for at once."""
    inactive: bool = False
    """Read products that were taken out of use too."""

    @field_validator("auth")
    @classmethod
    def _own_login(cls, auth: Authentication | None) -> Authentication | None:
        if auth is not None:
            raise ValueError("Tryton has a login of its own: write user and password instead")
        return auth
