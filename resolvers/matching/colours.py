"""Colour words, their usual abbreviations and translations: what most often tells two variants apart."""

from __future__ import annotations

_TABLE = """
black: blk bk schwarz noir negro nero zwart
white: wht wh whi weiss weiß blanc blanco bianco wit
silver: slv sil silber argent plata
grey: gray gry grau gris grigio graphite charcoal anthracite anthrazit
red: rot rouge rojo rosso
blue: blu blau bleu azul navy
green: grn grün gruen vert verde
yellow: ylw yel gelb jaune amarillo
orange: org
purple: prp violet lila violett lavender
pink: pnk rosa rose
brown: brn braun brun marron
beige: almond bisque sand ivory cream
gold: golden doré
bronze: copper
cyan:
magenta:
turquoise: teal aqua
"""
COLOURS: dict[str, str] = {}
"""Each colour word and the colour it names."""
for _line in _TABLE.strip().splitlines():
    _name, _, _aliases = _line.partition(":")
    COLOURS.update(dict.fromkeys([_name, *_aliases.split()], _name))
