"""Made-up pairs of catalogues with known truths, of other kinds than any benchmark's: what they do, nothing may be tuned to.

Each world is a function of a seed. Two shops list the same products in words of their own; a fifth of either side has no
partner unless a world says otherwise, and every product has sisters that differ in one thing only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

Row = dict[str, str]
DATA = Path(os.environ.get("WHENCE_PRODUCT_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
"""Where the real product data is, if it is anywhere."""


@dataclass(frozen=True, slots=True)
class World:
    """Two catalogues and the true pairs of ids."""

    name: str
    left: list[Row]
    right: list[Row]
    pairs: frozenset[tuple[str, str]]


_SYLLABLES = [
    "ka",
    "ri",
    "mo",
    "ten",
    "lu",
    "sa",
    "vel",
    "dor",
    "ni",
    "bra",
    "zo",
    "fen",
    "tal",
    "mi",
    "gra",
    "ul",
    "esh",
    "wen",
    "por",
    "ix",
]
_SHORT = {
    "black": ("black", "blk", "schwarz"),
    "white": ("white", "wht", "weiß"),
    "blue": ("blue", "blu", "navy blue"),
    "red": ("red", "red", "rouge"),
    "green": ("green", "grn", "green"),
    "grey": ("grey", "gray", "gry"),
}


def _coin(random: Random, parts: int) -> str:
    return "".join(random.choice(_SYLLABLES) for _ in range(parts))


def _typo(random: Random, word: str) -> str:
    if len(word) < 5:
        return word
    at = random.randrange(1, len(word) - 1)
    return random.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at] + word[at:],
        )
    )


def _garbled(
    random: Random, words: list[str], *, drop: float = 0.15, typo: float = 0.05, swap: float = 0.2
) -> list[str]:
    kept = [w for i, w in enumerate(words) if i == 0 or random.random() > drop]
    kept = [_typo(random, w) if w.isalpha() and random.random() < typo else w for w in kept]
    if len(kept) > 3 and random.random() < swap:
        at = random.randrange(1, len(kept) - 1)
        kept[at], kept[at + 1] = kept[at + 1], kept[at]
    return kept


def _split(
    random: Random,
    products: list[Any],
    first: Callable[[Any], Row],
    second: Callable[[Any], Row],
    name: str,
    *,
    alone: tuple[float, float] = (0.2, 0.2),
    again: float = 0.0,
) -> World:
    left: list[Row] = []
    right: list[Row] = []
    pairs: set[tuple[str, str]] = set()
    for product in products:
        draw = random.random()
        here, there = draw >= alone[1], draw < 1 - alone[0]
        a, b = f"a{len(left)}", f"b{len(right)}"
        if here:
            left.append({"id": a, **first(product)})
        if there:
            right.append({"id": b, **second(product)})
        if here and there:
            pairs.add((a, b))
        if there and random.random() < again:
            b = f"b{len(right)}"
            right.append({"id": b, **second(product)})
            if here:
                pairs.add((a, b))
    order_left, order_right = left[:], right[:]
    random.shuffle(order_left)
    random.shuffle(order_right)
    return World(name, order_left, order_right, frozenset(pairs))


def fashion(seed: int = 1, styles: int = 170, *, again: float = 0.0) -> World:
    """Clothes without any number: brand, style, colour and size tell apart; ``again`` is listed twice by the second shop."""
    random = Random(seed)
    brands = [_coin(random, 2).title() for _ in range(25)]
    kinds = [
        "shirt",
        "t-shirt",
        "jeans",
        "dress",
        "jacket",
        "sneaker",
        "sweater",
        "skirt",
        "polo",
        "hoodie",
        "coat",
        "shorts",
    ]
    products: list[Any] = []
    for _ in range(styles):
        brand, kind, style = random.choice(brands), random.choice(kinds), _coin(random, 3).title()
        price = random.randint(15, 200) + 0.95
        for colour in random.sample(sorted(_SHORT), random.randint(1, 3)):
            sizes = random.sample(
                ["36", "38", "40", "42", "44"] if kind in ("jeans", "sneaker") else ["S", "M", "L", "XL", "XXL"],
                random.randint(1, 4),
            )
            products += [(brand, kind, style, colour, size, price) for size in sizes]

    def first(p: Any) -> Row:
        brand, kind, style, colour, size, price = p
        return {
            "name": f"{brand} {style} {random.choice(['', 'Women ', 'Classic '])}{kind.title()} {colour.title()} {size}",
            "price": f"{price:.2f}",
            "category": kind,
        }

    def second(p: Any) -> Row:
        brand, kind, style, colour, size, price = p
        return {
            "name": f"{kind.upper()} {style} by {brand}, {random.choice(_SHORT[colour])} - Size {size}",
            "price": f"{price * random.choice([1, 1, 0.9, 0.8]):.2f}",
            "category": "apparel/" + kind,
        }

    return _split(random, products, first, second, "fashion" + (", listed again" if again else ""), again=again)


def office(seed: int = 2, lines: int = 260) -> World:
    """Office supplies: article numbers of digits alone, pack counts, colours, abbreviations, half without a brand."""
    random = Random(seed)
    brands = ["Avella", "Penton", "Staplex", "Durofix", "Nobox", "Kordia", "Papyr", "Inkwell"]
    kinds = [
        "ballpoint pen",
        "gel pen",
        "file folder",
        "copy paper",
        "sticky notes",
        "binder",
        "envelope",
        "label",
        "stapler",
        "marker",
    ]
    short = {
        "ballpoint": "bpt",
        "folder": "fldr",
        "paper": "ppr",
        "envelope": "env",
        "binder": "bndr",
        "marker": "mrkr",
        "permanent": "perm",
        "medium": "med",
    }
    products: list[Any] = []
    for _ in range(lines):
        brand, kind, extra = (
            random.choice(brands),
            random.choice(kinds),
            random.choice(["medium", "permanent", "letter", "legal", "recycled", "premium"]),
        )
        base = random.randint(10000, 99000)
        for step, count in enumerate(random.sample([1, 5, 10, 12, 25, 50, 100, 500], random.randint(1, 3))):
            for shade in random.sample(sorted(_SHORT), random.randint(1, 2)):
                products.append(
                    (
                        brand,
                        kind,
                        extra,
                        count,
                        shade,
                        f"{base + step * 3 + len(shade)}",
                        random.uniform(0.3, 1) * count + 2,
                    )
                )

    def first(p: Any) -> Row:
        brand, kind, extra, count, shade, number, price = p
        return {
            "name": f"{brand} {extra} {kind}, {shade}, {count}/pack"
            if count > 1
            else f"{brand} {extra} {kind}, {shade}",
            "brand": brand,
            "mpn": number,
            "price": f"{price:.2f}",
        }

    def second(p: Any) -> Row:
        brand, kind, extra, count, shade, number, price = p
        words = [short.get(w, w) if random.random() < 0.4 else w for w in f"{extra} {kind}".split()]
        pack = (
            random.choice([f"pack of {count}", f"{count} ct", f"{count}-pack"])
            if count > 1
            else random.choice(["each", ""])
        )
        named = f"{brand} " if random.random() < 0.5 else ""
        return {
            "name": f"{named}{' '.join(words)} {random.choice(_SHORT[shade])} {pack}"
            + (f" #{number}" if random.random() < 0.6 else ""),
            "price": f"{price * random.uniform(0.85, 1.15):.2f}",
        }

    return _split(random, products, first, second, "office")


def parts(seed: int = 3, data: Path = DATA / "pc-parts" / "buildcores", limit: int = 500) -> World:
    """Real PC parts, each catalogue with its own garbling: part numbers in four titles of ten, spelt in some way."""
    random = Random(seed)
    products: list[Any] = []
    for kind in ("GPU", "RAM", "PCCase", "Motherboard", "CPUCooler"):
        rows = [json.loads(line) for line in (data / f"{kind}.jsonl").read_text().splitlines()]
        rows = [r for r in rows if r["metadata"].get("name") and r["metadata"].get("manufacturer")]
        start = random.randrange(max(1, len(rows) - limit * 2))
        chosen = sorted(rows[start : start + limit * 2], key=lambda r: r["metadata"]["name"].casefold())[:limit]
        seen: set[str] = set()
        for r in chosen:
            name = " ".join(r["metadata"]["name"].split())
            if name.casefold() not in seen:  # two with one name cannot be told apart by anyone
                seen.add(name.casefold())
                products.append((kind, r, name, random.uniform(30, 600)))

    def numbered(r: Any) -> str:
        numbers = [n for n in r["metadata"].get("part_numbers") or [] if n and 4 <= len(n) <= 30]
        return random.choice([numbers[0], numbers[0].replace("-", ""), numbers[0].replace("-", " ")]) if numbers else ""

    def first(p: Any) -> Row:
        _, r, name, price = p
        number = f" - {numbered(r)}" if random.random() < 0.4 else ""
        return {
            "name": " ".join(_garbled(random, name.split(), drop=0.03, typo=0.01)) + number,
            "price": f"{price:.2f}" if random.random() < 0.7 else "",
            "brand": r["metadata"]["manufacturer"],
        }

    def second(p: Any) -> Row:
        kind, r, name, price = p
        number = f" ({numbered(r)})" if random.random() < 0.4 else ""
        return {
            "name": " ".join(_garbled(random, name.split())) + number,
            "price": f"{price * random.uniform(0.8, 1.2):.2f}" if random.random() < 0.7 else "",
            "description": f"{kind} {r.get('form_factor') or r.get('chipset') or ''}",
        }

    return _split(random, products, first, second, "pc parts")


def software(seed: int = 4, lines: int = 350) -> World:
    """Software: version, edition, platform and licence tell apart; no model numbers, the second shop is terse."""
    random = Random(seed)
    makers = [_coin(random, 2).title() + random.choice(["soft", " Systems", "ware"]) for _ in range(40)]
    nouns = [
        "photo",
        "video",
        "office",
        "tax",
        "music",
        "web",
        "draw",
        "project",
        "virus shield",
        "language tutor",
        "accounts",
        "backup",
        "genealogy",
        "typing",
        "garden",
    ]
    products: list[Any] = []
    for _ in range(lines):
        maker, noun, word = (
            random.choice(makers),
            random.choice(nouns),
            random.choice(["studio", "master", "suite", "pro", "workshop", "express"]),
        )
        brandname = _coin(random, 2).title() if random.random() < 0.5 else ""
        base = random.randint(1, 9)
        price = random.choice([19.99, 29.99, 49.95, 79.99, 199.0, 499.0])
        for version in {base, base + random.randint(0, 1)}:
            for edition in random.sample(["standard", "deluxe", "premium", "upgrade"], random.randint(1, 2)):
                products.append(
                    (
                        maker,
                        noun,
                        word,
                        brandname,
                        version,
                        edition,
                        random.choice(["win", "mac", "win/mac"]),
                        price * (1.5 if edition == "premium" else 1),
                    )
                )

    def first(p: Any) -> Row:
        maker, noun, word, brandname, version, edition, system, price = p
        text = f"{brandname} {noun} {word} {version}.0 {edition if edition != 'standard' else ''} {system}"
        return {
            "name": f"{maker.lower() if random.random() < 0.6 else ''} {text}".strip(),
            "brand": maker,
            "price": f"{price:.2f}",
            "description": f"{noun} software for everyone: {word} tools, {random.choice(['easy', 'fast', 'new'])} {edition}",
        }

    def second(p: Any) -> Row:
        maker, noun, word, brandname, version, edition, system, price = p
        words = f"{brandname} {noun} {word}".split()
        text = " ".join(_garbled(random, words, drop=0.1, typo=0.03))
        short = random.random() < 0.2
        named = "" if edition == "standard" else edition[:3] if short else edition
        return {
            "name": f"{text} {version} {named} {'for ' + system if random.random() < 0.5 else ''}",
            "price": f"{price * random.choice([1, 1, 0.93, 0.85, 1.1]):.2f}" if random.random() < 0.9 else "0",
            "description": "" if random.random() < 0.7 else f"by {maker}",
        }

    return _split(random, products, first, second, "software")


def scarce(seed: int = 5, count: int = 4000, alone: tuple[float, float] = (0.04, 0.90)) -> World:
    """Electronics with columns for brand and model; the second shop is large and holds few of the first one's products."""
    random = Random(seed)
    brands = [_coin(random, 2).title() for _ in range(60)]
    kinds = [
        "lcd monitor",
        "laser printer",
        "usb cable",
        "wireless mouse",
        "laptop sleeve",
        "toner cartridge",
        "camera lens",
        "headphones",
        "hard drive",
        "router",
    ]
    products: list[Any] = []
    while len(products) < count:
        brand, kind = random.choice(brands), random.choice(kinds)
        stem = "".join(random.choice("ABCDEFGHKLMNPRSTWX") for _ in range(random.randint(1, 3))) + str(
            random.randint(10, 9999)
        )
        trait = random.choice(["compact", "pro", "series ii", "hd", "classic", "travel", "gaming"])
        price = random.uniform(10, 900)
        for ending in random.sample(["", "B", "W", "S", "BK", "-EU"], random.randint(1, 3)):
            products.append((brand, kind, stem + ending, trait, price * random.uniform(0.95, 1.05)))

    def first(p: Any) -> Row:
        brand, kind, model, trait, price = p
        return {
            "name": f"{brand} {trait} {kind}" + (f" {model}" if random.random() < 0.5 else ""),
            "brand": brand,
            "model": model if random.random() < 0.8 else "",
            "price": f"{price:.2f}",
            "category": kind.split()[-1],
        }

    def second(p: Any) -> Row:
        brand, kind, model, trait, price = p
        spelt = model if random.random() < 0.6 else f"{model[:2]}-{model[2:]}"
        return {
            "name": f"{brand} {spelt} {' '.join(_garbled(random, f'{kind} {trait}'.split()))}",
            "brand": brand if random.random() < 0.8 else "N/A",
            "model": spelt if random.random() < 0.5 else "",
            "price": f"{price * random.uniform(0.7, 1.4):.2f}",
            "category": "electronics",
        }

    return _split(random, products, first, second, "scarce", alone=alone)


def titles(seed: int = 8, count: int = 3000, alone: tuple[float, float] = (0.03, 0.88)) -> World:
    """Books and games: nothing but a title and sometimes a price; series share their words, and one shop is large."""
    random = Random(seed)
    nouns = [_coin(random, random.randint(2, 3)) for _ in range(1200)]
    common = ["the", "of", "and", "night", "world", "return", "secrets", "island", "story", "guide", "lost", "last"]
    products: list[Any] = []
    while len(products) < count:
        # A few words head many titles, as names of series do.
        words = [nouns[int(random.paretovariate(0.8)) % len(nouns)], *random.sample(nouns, random.randint(1, 3))]
        words.insert(random.randrange(len(words) + 1), random.choice(common))
        for part in random.sample(["", "ii", "iii", "collection", "deluxe edition"], random.choice([1, 1, 1, 2])):
            products.append((" ".join(words), part, random.uniform(5, 60)))

    def first(p: Any) -> Row:
        title, part, price = p
        return {"name": f"{title} {part}".strip().title(), "price": f"{price:.2f}" if random.random() < 0.7 else ""}

    def second(p: Any) -> Row:
        title, part, price = p
        more = random.choice(["", "", "", "new", "(english)", "boxed", "[2nd print]"])
        words = _garbled(random, f"{title} {part}".split(), drop=0.06, typo=0.06)
        return {
            "name": f"{' '.join(words)} {more}".strip(),
            "price": f"{price * random.uniform(0.8, 1.2):.2f}" if random.random() < 0.5 else "",
        }

    return _split(random, products, first, second, "titles", alone=alone)


def bicycles(seed: int = 6, data: Path = DATA / "adventureworks" / "Product.csv") -> World:
    """A real maker's products, nearly all of them variants by colour and size; article numbers in a third of the names."""
    random = Random(seed)
    products: list[Any] = []
    for line in data.read_text(encoding="utf-8-sig").splitlines():
        cells = line.split("\t")
        products.append((cells[1], cells[2], cells[5], float(cells[9] or 0), cells[10]))

    def first(p: Any) -> Row:
        name, number, colour, price, _ = p
        return {
            "name": name,
            "mpn": number if random.random() < 0.33 else "",
            "price": f"{price:.2f}",
            "colour": colour,
        }

    def second(p: Any) -> Row:
        name, number, _, price, size = p
        words = name.replace(",", "").replace("-", " " if random.random() < 0.5 else "-").split()
        return {
            "name": " ".join(_garbled(random, words, drop=0.05, typo=0.03))
            + (f" {number.replace('-', '')}" if random.random() < 0.33 else ""),
            "price": f"{price * random.uniform(0.9, 1.1):.2f}" if random.random() < 0.6 else "",
            "size": size,
        }

    return _split(random, products, first, second, "bicycles")


WORLDS: dict[str, Callable[[], World]] = {
    "fashion": fashion,
    "fashion-again": lambda: fashion(7, again=0.25),
    "office": office,
    "parts": parts,
    "software": software,
    "scarce": scarce,
    "titles": titles,
    "bicycles": bicycles,
}
"""The worlds by their names."""
