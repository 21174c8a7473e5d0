"""Tryton, a real ERP, installed from PyPI into an environment of its own and started as its own process.

The first use installs it and makes an empty company, which takes about half a minute; both are kept under
``.whence/tryton/`` for the next. What a test does to it is done over its own JSON-RPC, as Tryton's client would.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).with_name("tryton-requirements.txt")
CACHE = Path(__file__).resolve().parents[2] / ".whence" / "tryton"
MODULES = ("company", "product", "stock")
DATABASE = "adventure"
COMPANY = "Adventure Works Cycles"
WAREHOUSE = "WH"
ADMINISTRATOR, ADMINISTRATOR_PASSWORD = "admin", "saddle-Bag-9"
READER, READER_PASSWORD = "whence", "read-Only-77"
_INSTALL_SECONDS = 600
_START_SECONDS = 60.0
_CREATED_AT_ONCE = 25
"""SQLite's parser gives up on the query by which Tryton validates more."""


class TrytonError(Exception):
    """Tryton, or its installation, did not do what a test needs."""


@dataclass(frozen=True, slots=True)
class TrytonArticle:
    """A product as it is put into Tryton: ``stock`` by the name of the place where it lies."""

    code: str
    name: str
    list_price: Decimal | None
    cost_price: Decimal
    stock: Mapping[str, int]


def installation() -> Path:
    """The directory of the environment's programs, installed if need be. Raises TrytonError where that fails."""
    pinned = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = CACHE / pinned
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home / "venv", with_pip=True)
        pip = [home / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS], _INSTALL_SECONDS)
        (home / "ready").touch()
    return home / "venv/bin"


class Tryton:
    """One running Tryton with one company, one warehouse and a user who may only read."""

    def __init__(self, directory: Path) -> None:
        self.database = DATABASE
        self.company = COMPANY
        self.user, self.password = READER, READER_PASSWORD
        self._programs = installation()
        self._directory = directory
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._session: tuple[int, str] | None = None
        self._context: dict[str, Any] = {}
        self._places: dict[str, int] = {}
        self._prepare()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Starts it on its port and waits until it answers."""
        with (self._directory / "trytond.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "trytond", "-c", self._config, "-d", DATABASE], stdout=log, stderr=log
            )
        give_up = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._login()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > give_up:
                    raise TrytonError(f"it did not start: {self._log()}") from None
                time.sleep(0.1)

    def stop(self) -> None:
        """Ends the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of ``method``, called as the administrator in the company. Raises TrytonError for an error."""
        return self._rpc(method, *parameters, self._context)

    # ── What a clerk does ──────────────────────────────────────────────────────────────────────────────────────────

    def load(self, articles: Sequence[TrytonArticle]) -> None:
        """Creates ``articles`` and counts their stock into it by one inventory a place."""
        for first in range(0, len(articles), _CREATED_AT_ONCE):
            batch = articles[first : first + _CREATED_AT_ONCE]
            self.call("model.product.template.create", [self._template(article) for article in batch])
        ids = self._ids([article.code for article in articles])
        for place in sorted({place for article in articles for place in article.stock}):
            counted = {ids[article.code]: article.stock[place] for article in articles if place in article.stock}
            self._count(place, counted)

    def set_list_price(self, code: str, price: Decimal) -> None:
        """Edits the list price of the product."""
        template = self._read(code, ["template"])["template"]
        self.call("model.product.template.write", [template], {"list_price": _decimal(price)})

    def set_cost_price(self, code: str, price: Decimal) -> None:
        """Edits the cost price of the product by the wizard that Tryton has for it."""
        product = self._read(code, [])["id"]
        wizard = "wizard.product.modify_cost_price"
        session, start, _ = self.call(f"{wizard}.create")
        about = {"active_model": "product.product", "active_id": product, "active_ids": [product]}
        today = datetime.now(UTC).date()
        date = {"__class__": "date", "year": today.year, "month": today.month, "day": today.day}
        values = {start: {"cost_price": str(price), "date": date}}
        self._rpc(f"{wizard}.execute", session, values, "modify", {**self._context, **about})

    def set_stock(self, code: str, place: str, quantity: int) -> None:
        """Counts the stock of the product in one place again."""
        self._count(place, {self._read(code, [])["id"]: quantity})

    def transfer(self, code: str, origin: str, destination: str, quantity: int) -> None:
        """Moves stock from one place in the warehouse to another."""
        places = {"from_location": self._place(origin), "to_location": self._place(destination)}
        move = {"product": self._read(code, [])["id"], "quantity": quantity, "unit": 1, **places}
        shipment = self.call("model.stock.shipment.internal.create", [{**places, "moves": [["create", [move]]]}])
        self.call("model.stock.shipment.internal.wait", shipment)
        self.call("model.stock.shipment.internal.assign_try", shipment)
        self.call("model.stock.shipment.internal.do", shipment)

    def put(self, code: str, name: str, fields: Mapping[str, Any]) -> None:
        """Creates the product, or edits it; ``fields`` of ``product.product``, and ``list_price``."""
        price = fields.get("list_price")
        shared = {"name": name, "list_price": None if price is None else _decimal(price)}
        own = {field: value for field, value in fields.items() if field != "list_price"}
        found = self.call("model.product.product.search_read", [["code", "=", code]], 0, 1, None, ["id", "template"])
        if found:
            self.call("model.product.template.write", [found[0]["template"]], shared)
            self.call("model.product.product.write", [found[0]["id"]], own)
        else:
            variants = [["create", [{"suffix_code": code, **own}]]]
            self.call("model.product.template.create", [{**shared, "default_uom": 1, "products": variants}])

    def remove(self, *codes: str) -> None:
        """Deletes the products of those codes, or all: they must never have been in stock."""
        domain = [["products.code", "in", list(codes)]] if codes else []
        templates = self.call("model.product.template.search", domain, 0, None, None)
        if templates:
            self.call("model.product.template.delete", templates)

    def deactivate(self, code: str) -> None:
        """Takes the product out of use, as Tryton's client offers instead of deleting."""
        self.call("model.product.product.write", [self._read(code, [])["id"]], {"active": False})

    def add_user(self, login: str, password: str) -> None:
        """Another user of the company, in no group."""
        user = {"name": login, "login": login, "password": password}
        company = self._context["company"]
        self.call("model.res.user.create", [{**user, "companies": [["add", [company]]], "company": company}])

    def add_company(self, name: str) -> None:
        """Another company, in which nobody works yet."""
        [currency] = self.call("model.currency.currency.search", [["code", "=", "USD"]], 0, 1, None)
        [party] = self.call("model.party.party.create", [{"name": name}])
        self.call("model.company.company.create", [{"party": party, "currency": currency}])

    def end_sessions(self) -> None:
        """Forgets the reader's logins, as Tryton does when a password changes."""
        users = self.call("model.res.user.search", [["login", "=", READER]], 0, None, None)
        self.call("model.res.user.write", users, {"password": READER_PASSWORD + "-changed"})
        self.call("model.res.user.write", users, {"password": READER_PASSWORD})

    # ── How ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> None:
        """Lays out the database, a copy of one made once."""
        self._config = self._directory / "trytond.conf"
        self._directory.mkdir(parents=True, exist_ok=True)
        empty = self._programs.parents[1] / "company.sqlite"
        target = self._directory / f"{DATABASE}.sqlite"
        listen = f"127.0.0.1:{self._port}"
        self._config.write_text(
            f"[database]\nuri = sqlite://\npath = {self._directory}\n[web]\nlisten = {listen}\nroot =\n"
            "[session]\nmax_attempt = 1000\n"
        )
        if empty.exists():
            shutil.copy(empty, target)
        else:
            self._make_company(target)
            made = empty.with_suffix(f".{os.getpid()}")
            with closing(sqlite3.connect(target)) as full, closing(sqlite3.connect(made)) as copy:
                full.backup(copy)  # a copied file would lack what is still in the write-ahead log
            made.replace(empty)

    def _make_company(self, target: Path) -> None:
        target.touch()
        password = self._directory / "password"
        password.write_text(ADMINISTRATOR_PASSWORD)
        command = [self._programs / "trytond-admin", "-c", self._config, "-d", DATABASE, "--activate-dependencies"]
        environment = {**os.environ, "TRYTONPASSFILE": str(password)}
        _run([*command, "--email", "admin@adventure.example", "-u", *MODULES], _INSTALL_SECONDS, environment)
        self.start()
        try:
            self._describe_company()
        finally:
            self.stop()

    def _describe_company(self) -> None:
        dollar = {"name": "US Dollar", "code": "USD", "symbol": "$", "digits": 2, "rounding": _decimal(Decimal("0.01"))}
        [currency] = self._rpc("model.currency.currency.create", [dollar], {})
        [party] = self._rpc("model.party.party.create", [{"name": COMPANY}], {})
        [company] = self._rpc("model.company.company.create", [{"party": party, "currency": currency}], {})
        belongs = {"companies": [["add", [company]]], "company": company}
        assert self._session is not None
        self._rpc("model.res.user.write", [self._session[0]], belongs, {})
        stock = self._rpc("model.res.group.search", [["name", "=", "Stock"]], 0, None, None, {})
        reader = {"name": "Whence", "login": READER, "password": READER_PASSWORD, "groups": [["add", stock]]}
        self._rpc("model.res.user.create", [{**reader, **belongs}], {})

    def _login(self) -> None:
        self._session = None
        password = {"password": ADMINISTRATOR_PASSWORD}
        user, token, _ = self._rpc("common.db.login", ADMINISTRATOR, password)
        self._session = (user, token)
        preferences = self._rpc("model.res.user.get_preferences", True, {})
        self._context = {"company": preferences.get("company")}

    def _template(self, article: TrytonArticle) -> dict[str, Any]:
        variant = {"suffix_code": article.code, "cost_price": _decimal(article.cost_price)}
        price = None if article.list_price is None else _decimal(article.list_price)
        products = [["create", [variant]]]
        return {"name": article.name, "default_uom": 1, "list_price": price, "products": products}

    def _count(self, place: str, quantities: Mapping[int, int]) -> None:
        lines = [{"product": product, "quantity": quantity} for product, quantity in quantities.items()]
        inventory = {"location": self._place(place), "empty_quantity": "keep", "lines": [["create", lines]]}
        created = self.call("model.stock.inventory.create", [inventory])
        self.call("model.stock.inventory.confirm", created)

    def _place(self, name: str) -> int:
        """The location of that name in the storage zone, made if need be."""
        if name not in self._places:
            found = self.call("model.stock.location.search", [["name", "=", name]], 0, 1, None)
            if not found:
                [zone] = self.call("model.stock.location.search", [["code", "=", "STO"]], 0, 1, None)
                found = self.call("model.stock.location.create", [{"name": name, "type": "storage", "parent": zone}])
            self._places[name] = found[0]
        return self._places[name]

    def _ids(self, codes: Sequence[str]) -> dict[str, int]:
        rows = self.call("model.product.product.search_read", [["code", "in", list(codes)]], 0, None, None, ["code"])
        return {row["code"]: row["id"] for row in rows}

    def _read(self, code: str, fields: list[str]) -> dict[str, Any]:
        [row] = self.call("model.product.product.search_read", [["code", "=", code]], 0, 1, None, ["id", *fields])
        return dict(row)

    def _rpc(self, method: str, *parameters: Any) -> Any:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        if self._session is not None:
            user, token = self._session
            pair = base64.b64encode(f"{ADMINISTRATOR}:{user}:{token}".encode()).decode()
            headers["Authorization"] = f"Session {pair}"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            body = json.dumps({"id": 1, "method": method, "params": list(parameters)})
            connection.request("POST", f"/{DATABASE}/rpc/", body, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise TrytonError(f"{method}: {response.status} {answer[:300]!r}: {self._log()}")
        if response.headers.get("Content-Encoding") == "gzip":
            answer = gzip.decompress(answer)
        message = json.loads(answer)
        if "error" in message:
            raise TrytonError(f"{method}: {message['error'][:2]}")
        return message["result"]

    def _log(self) -> str:
        return (self._directory / "trytond.log").read_text(errors="replace")[-1500:]


@contextmanager
def running_tryton(directory: Path) -> Iterator[Tryton]:
    """A Tryton of its own in ``directory``, with no products; ended afterwards."""
    tryton = Tryton(directory)
    tryton.start()
    try:
        yield tryton
    finally:
        tryton.stop()


def _decimal(number: Decimal) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": str(number)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(command: Sequence[object], seconds: float, environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=seconds, env=environment, check=False
    )
    if done.returncode != 0:
        raise TrytonError(f"{Path(str(command[0])).name} ended with {done.returncode}: {done.stderr[-1500:]}")
