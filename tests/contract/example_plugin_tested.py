"""The test of a plugin: a real system, here a file that is written, and one line for every rule."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sources.contract import Connector
from sources.contract_suite.in_pytest import connector_contract
from sources.declaration import SourceDeclaration
from sources.values import JSON
from tests.contract.example_plugin import KIND, DropOptions


class Supplier:
    key, secrets = "id", ()

    def __init__(self, tmp_path: Path) -> None:
        self.path, self.records = tmp_path / "articles.jsonl", dict[str, Mapping[str, JSON]]()
        self.path.touch()

    def connector(self, name: str = "articles.jsonl", stock: str = "stock", **options: int) -> Connector:
        fields = {"label": "label", "weight": {"path": "weight", "unit": "kg"}, "stock": stock}
        declared = {
            "name": "supplier",
            "title": "Supplier",
            "connector": "supplier-drop",
            "key": "id",
            "fields": fields,
        }
        declaration = SourceDeclaration.model_validate({**declared, "sync": {"page": 3}})
        return KIND.open(declaration, DropOptions(path=self.path.with_name(name), **options))

    def misdeclared(self) -> Sequence[Connector]:
        return [self.connector(stock="stok")]

    def dead(self) -> Sequence[Connector]:
        return [self.connector("absent.jsonl"), self.connector("..")]

    async def put(self, id_: str, values: Mapping[str, JSON]) -> None:
        self.records[id_] = {"id": id_, **values}
        self.path.write_text("".join(json.dumps(record, default=float) + "\n" for record in self.records.values()))

    async def remove(self, id_: str) -> None:
        self.path.write_text("")
        del self.records[id_]
        for other in list(self.records):
            await self.put(other, self.records[other])


TestSupplierDrop = connector_contract(Supplier)
