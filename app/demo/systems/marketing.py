"""Marketing's campaigns: a CSV as a German spreadsheet exports it: semicolons, decimal commas, Windows' code page."""

from __future__ import annotations

import csv
from pathlib import Path

from app.demo.catalogue import Catalogue, Product, Row
from app.demo.systems.sheets import date_file
from app.demo.tables import read_toml

FILE = "campaigns.csv"
ENCODING = "cp1252"
AGE = "18d"
PICTURES = "https://media.brewster.example/campaigns/"

_BLANK: Row = {
    "Campaign": "",
    "SKU": "",
    "Title": "",
    "Brand story": "",
    "Photo": "",
    "Volume (l)": "",
    "Edited": None,
}


def campaigns(catalogue: Catalogue) -> list[Row]:
    """The file's lines, one a product that has a campaign."""
    stories = read_toml("stories")

    def campaign(product: Product) -> Row | None:
        story = stories.get(product.sku)
        if story is None:
            return None
        return {
            "Campaign": story["campaign"],
            "SKU": product.sku,
            "Title": story["title"],
            "Brand story": story["story"],
            "Photo": story["photo"],
            "Volume (l)": story["volume"],
            "Edited": catalogue.ago(story["edited"]),
        }

    return catalogue.rows("marketing", campaign, "Edited", blank=_BLANK)


def write(directory: Path, catalogue: Catalogue) -> Path:
    """Make the file anew."""
    path = directory / FILE
    with path.open("w", encoding=ENCODING, newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(_BLANK)
        for row in campaigns(catalogue):
            writer.writerow([f"{cell:%d.%m.%Y}" if column == "Edited" else cell for column, cell in row.items()])
    date_file(path, catalogue.ago(AGE))
    return path
