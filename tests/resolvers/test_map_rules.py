"""The rules of whence.toml: each alone, and several together."""

from __future__ import annotations

import pytest

from resolvers.map_file import MapError, parse_map
from tests.resolvers.specimens import ENVIRONMENT, mistakes, only_mistake, specimen

# ── Each rule ──────────────────────────────────────────────────────────────────────────────────────────────────────

RULES: list[tuple[str, tuple[tuple[str, str], ...], str, str, str]] = [
    # what is wrong · what is changed in the specimen · where · what was found · what to write instead
    ("unknown section", (("[identity]", "[idenity]"),), "idenity", "unknown key", 'did you mean "identity"'),
    ("unknown key of a field", (("max_age", "max_aeg"),), "fields.weight.max_aeg", "unknown key", '"max_age"'),
    ("unknown key of a source", (("deadline", "deadlin"),), "sources.wms.deadlin", "unknown key", '"deadline"'),
    ("unknown option", (('path = "marketing.csv"', 'path = "m.csv"\nzzz = 1'),), "sources.marketing.zzz", "unknown",
     "path"),
    ("unknown key of a mapping", (('"weight_kg", unit', '"weight_kg", unt'),), "sources.wms.fields.weight.unt",
     "", '"unit"'),
    ("unknown key in sync", (("every", "evry"),), "sources.wms.sync.evry", "unknown key", '"every"'),
    ("unknown key in content", (("locales", "locals"),), "content.locals", "unknown key", '"locales"'),
    ("unknown key of an audience", (("governance", "governs"),), "audiences.internal.governs", "", "governance"),
    ("unknown key of a steward", (("contact =", "mail ="),), "fields.weight.steward.mail", "unknown key", "contact"),
    ("unknown key of a note", (("author =", "writer ="),), "sources.complaints.fields.complaints.note.writer", "",
     "author"),
    ("unknown identifier", (('gtin = "ean"', 'ean = "ean"'),), "sources.wms.identifiers.ean", "unknown key", "gtin"),
    ("missing title", (('title = "Warehouse"\n', ""),), "sources.wms.title", "nothing", 'title = "'),
    ("missing connector", (('connector = "sql"\nurl = "sqlite', 'url = "sqlite'),), "sources.erp.connector",
     "nothing", "connector"),
    ("missing key", (('key = "article_no"\n', ""),), "sources.wms.key", "nothing", "key = "),
    ("missing option", (('path = "marketing.csv"\n', ""),), "sources.marketing.path", "nothing", "write path ="),
    ("missing type", (('type = "text_list"\n', ""),), "fields.tags.type", "nothing", "text, number"),
    ("missing steward's name", (('{ name = "Pricing" }', "{}"),), "fields.listPrice.steward.name", "nothing", "name ="),
    ("missing path", (('path = "Tags", ', ""),), "sources.marketing.fields.tags.path", "nothing", "path ="),
    ("text, but a number", (('title = "ERP"', "title = 5"),), "sources.erp.title", "number 5", "text in quotes"),
    ("list, but a text", (('names = ["label"]', 'names = "label"'),), "sources.wms.names", '"label"', "list"),
    ("text, but a date", (('key = "No"', "key = 2026-01-02"),), "sources.complaints.key", "date 2026-01-02", "quotes"),
    ("table, but a text", (('{ every = "5m" }', '"5m"'),), "sources.wms.sync", '"5m"', "table"),
    ("boolean, but a text", (("governance = true", 'governance = "perhaps"'),), "audiences.internal.governance", "",
     "true or false"),
    ("section, but a number", (('[identity]\nkeys = ["gtin", "brand+mpn", "sku"]', ""), ("[content]",
     "identity = 5\n[content]")),
     "identity", "number 5", "[identity]"),
    ("entry of a list", (('names = ["label"]', 'names = ["label", 5]'),), "sources.wms.names[1]", "number 5", "text"),
    ("unknown connector", (('connector = "sql"\nurl = "sqlite', 'connector = "sqll"\nurl = "sqlite'),),
     "sources.erp.connector",
     '"sqll", which is no connector', '"sql"'),
    ("no such read", (('read = "live"', 'read = "cached"'),), "sources.erp.read", '"cached"', '"stored" or "live"'),
    ("options together", (('from = "articles"', 'from = "a"\nquery = "select 1"'),), "sources.wms", "go together",
     "either from"),
    ("option's own rule", (('"select * from items"', '"delete from items"'),), "sources.erp.query", "delete from",
     "select"),
    ("address of no database", (('"sqlite:///erp.db"', '"oracle://u:pw-of-oracle@h/x"'),), "sources.erp.url",
     "oracle://…@h", "postgresql"),
    ("no system of record", (('type = "text_list"\nsystem_of_record = "marketing"', 'type = "text_list"'),),
     "fields.tags.system_of_record", "nothing", '"marketing"'),
    ("undeclared system of record",
     (('type = "text"\nsystem_of_record = "wms"', 'type = "text"\nsystem_of_record = "wmz"'),),
     "fields.countryOfOrigin.system_of_record", '"wmz"', '"wms"'),
    ("undeclared fallback", (('fallback = ["erp"]', 'fallback = ["crm"]'),), "fields.weight.fallback[0]", '"crm"',
     "[sources.crm]"),
    ("undeclared reader", (('readers = ["marketing"]', 'readers = ["marketing", "x"]'),),
     "fields.weight.readers[1]", '"x"', "x"),
    ("undeclared writer", (('writers = ["wms"]', 'writers = ["wmss"]'),),
     "fields.weight.writers[0]", '"wmss"', '"wms"'),
    ("cycle", (('fallback = ["erp"]', 'fallback = ["erp", "wms"]'),), "fields.weight.fallback[1]",
     "cycle in fallback: wms → erp → wms", "once"),
    ("cycle of one", (('fallback = ["erp"]', 'fallback = ["erp", "erp"]'),), "fields.weight.fallback[1]",
     "erp → erp", "once"),
    ("owner that does not map", (('listPrice = {', 'other = {'), ("[identity]",
     "[fields.other]\ntype='money'\nsystem_of_record='erp'\n[identity]")),
     "fields.listPrice.system_of_record", "[sources.erp.fields] has no listPrice", "map listPrice"),
    ("fallback that does not map", (('fallback = ["erp"]', 'fallback = ["marketing"]'),), "fields.weight.fallback[0]",
     "[sources.marketing.fields] has no weight", '"wms" or "erp"'),
    ("field of no definition", (('countryOfOrigin = "origin"', 'countryOfOrigin = "origin"\ncolour = "c"'),),
     "sources.wms.fields.colour", "not declared", "[fields.colour]"),
    ("unknown type", (('type = "money"', 'type = "cash"'),), "fields.listPrice.type", '"cash"', "text, number"),
    ("unknown unit", (('unit = "g"', 'unit = "grumble"'),), "fields.weight.unit", "grumble", "write"),
    ("unknown unit of a mapping", (('unit = "lb"', 'unit = "lbss"'),), "sources.erp.fields.weight.unit",
     "lbss", '"lb"'),
    ("quantity without unit", (('unit = "g"\n', ""),), "fields.weight.unit", "nothing", 'unit = "g"'),
    ("unit of a text",
     (('type = "text"\nsystem_of_record = "wms"', 'type = "text"\nunit = "g"\nsystem_of_record = "wms"'),),
     "fields.countryOfOrigin.unit", "type text", "remove"),
    ("currency of a text",
     (('type = "text"\nsystem_of_record = "wms"', 'type = "text"\ncurrency = "EUR"\nsystem_of_record = "wms"'),),
     "fields.countryOfOrigin.currency", "type text", "remove"),
    ("other dimension", (('unit = "kg"', 'unit = "mm"'),), "sources.wms.fields.weight.unit", "unit of length",
     "unit of mass"),
    ("unit in a text's mapping", (('{ path = "Tags", split', '{ path = "Tags", unit = "kg", split'),),
     "sources.marketing.fields.tags.unit", "text_list", "quantity"),
    ("unit_path of money", (("minor_units = true", 'unit_path = "u"'),), "sources.erp.fields.listPrice.unit_path",
     "money", "quantity"),
    ("note in a text's mapping", (('split = ";"', 'note = { text = "t" }'),), "sources.marketing.fields.tags.note",
     "text_list", "note_list"),
    ("minor_units of a weight", (('unit = "lb" }', 'unit = "lb", minor_units = true }'),),
     "sources.erp.fields.weight.minor_units", "quantity", "money"),
    ("no currency", (('minor_units = true, currency = "EUR"', 'currency = "EURO"'),),
     "sources.erp.fields.listPrice.currency", '"EURO"', '"EUR"'),
    ("no currency of a field", (('type = "money"\ncurrency = "EUR"', 'type = "money"\ncurrency = "ZZZ"'),),
     "fields.listPrice.currency", '"ZZZ"', "EUR"),
    ("no tolerance", (('tolerance = "1%"', 'tolerance = "a bit"'),), "fields.weight.tolerance", '"a bit"', '"1%"'),
    ("tolerance of everything", (('tolerance = "1%"', 'tolerance = "101%"'),), "fields.weight.tolerance", '"101%"',
     "100%"),
    ("tolerance below zero", (('tolerance = "1%"', "tolerance = -1"),), "fields.weight.tolerance", "-1", '"0.01"'),
    ("tolerance of a list", (('type = "text_list"', 'type = "text_list"\ntolerance = "1%"'),),
     "fields.tags.tolerance", "text_list", "remove"),
    ("tolerance of a text", (('type = "text"', 'type = "text"\ntolerance = "1%"'),),
     "fields.countryOfOrigin.tolerance", "text", "remove"),
    ("no length of time", (('max_age = "90d"', 'max_age = "90 suns"'),), "fields.weight.max_age", '"90 suns"', '"90d"'),
    ("no time at all", (('max_age = "90d"', 'max_age = "0d"'),), "fields.weight.max_age", '"0d"', "above 0"),
    ("endless time", (('max_age = "90d"', 'max_age = "101y"'),), "fields.weight.max_age", '"101y"', "100y"),
    ("time beyond numbers", (('max_age = "90d"', f'max_age = "{"9" * 400}y"'),), "fields.weight.max_age", '"999',
     "time"),
    ("a number for a time", (('max_age = "90d"', "max_age = 90"),), "fields.weight.max_age", "number 90", "quotes"),
    ("deadline of nothing", (('deadline = "800ms"', 'deadline = "0s"'),), "sources.wms.deadline", '"0s"', "60s"),
    ("deadline too long", (('deadline = "800ms"', 'deadline = "61s"'),), "sources.wms.deadline", '"61s"', "60s"),
    ("too many retries", (('deadline = "800ms"', "retries = 11"),), "sources.wms.retries", "number 11", "10 or less"),
    ("no page at all", (('deadline = "800ms"', "limits = { pages = 0 }"),), "sources.wms.limits.pages", "number 0",
     "1 or more"),
    ("unknown limit", (('deadline = "800ms"', "limits = { page = 5 }"),), "sources.wms.limits.page", "unknown key",
     '"pages"'),
    ("a breaker's wait", (('deadline = "800ms"', 'breaker = { wait = "1ms" }'),), "sources.wms.breaker.wait", '"1ms"',
     "between 100ms and 1h"),
    ("a breaker that never", (('deadline = "800ms"', "breaker = { after = -1 }"),), "sources.wms.breaker.after", "-1",
     "0 or more"),
    ("sync without rest", (('every = "5m"', 'every = "999ms"'),), "sources.wms.sync.every", '"999ms"', "1s"),
    ("page of nothing", (('every = "5m"', "page = 0"),), "sources.wms.sync.page", "number 0", "1 or more"),
    ("audience of a field", (('audiences = ["internal", "storefront"]', 'audiences = ["internal", "shop"]'),),
     "fields.listPrice.audiences[1]", '"shop"', "internal, support and storefront"),
    ("audience of a source", (('audiences = ["internal", "support"]\n[sources', 'audiences = ["intern"]\n[sources'),),
     "sources.wms.audiences[0]", '"intern"', '"internal"'),
    ("audience's name", (("[audiences.storefront]", "[audiences.storefront]\n[audiences.Web]"),), "audiences.Web",
     "name", "small"),
    ("field of every product", (("tags = {", "history = {"), ("[fields.tags]", "[fields.history]")),
     "fields.history", "every product", "otherwise"),
    ("field in snake case", (("tags = {", "all_tags = {"), ("[fields.tags]", "[fields.all_tags]")),
     "fields.all_tags", "name", "[fields.allTags]"),
    ("field of GraphQL's own", (("tags = {", "__tags = {"), ("[fields.tags]", "[fields.__tags]")), "fields.__tags",
     "name", "[fields.tags]"),
    ("source that is no table", (("[sources.wms]", "[sources]\nmute = 5\n[sources.wms]"),), "sources.mute", "number 5",
     "[sources.mute]"),
    ("field that is no table", (("[fields.weight]", "[fields]\nmute = 'x'\n[fields.weight]"),), "fields.mute", '"x"',
     "[fields.mute]"),
    ("key with a dot", (("tags = {", '"a.b" = {'), ("[fields.tags]", '[fields."a.b"]')),
     'fields."a.b"', "name", "[fields.aB]"),
    ("identity key", (('keys = ["gtin", "brand+mpn", "sku"]', 'keys = ["gtin", "ean"]'),),
     "identity.keys[1]", '"ean"', "brand+mpn"),
    ("identity key twice", (('keys = ["gtin", "brand+mpn", "sku"]', 'keys = ["sku", "gtin", "sku"]'),),
     "identity.keys[2]", "second time", "once"),
    ("no identity key", (('keys = ["gtin", "brand+mpn", "sku"]', "keys = []"),), "identity.keys", "no key",
     "leave it out"),
    ("unknown locale", (('["en", "de", "fr"]', '["en", "xx"]'),), "content.locales[1]", '"xx"', "de-AT"),
    ("locale's spelling", (('["en", "de", "fr"]', '["en", "de_at"]'),), "content.locales[1]", '"de_at"', '"de-AT"'),
    ("locale twice", (('["en", "de", "fr"]', '["en", "de", "en"]'),), "content.locales[2]", "second time", "once"),
    ("locale of a mapping", (('locale = "fr" }', 'locale = "French" }'),),
     "sources.marketing.fields.description[1].locale", '"French"', "de-AT"),
    ("both locales", (('locale = "fr" }', 'locale = "fr", per_locale = true }'),),
     "sources.marketing.fields.description[1].per_locale", "beside", "one"),
    ("no mapping", (('countryOfOrigin = "origin"', "countryOfOrigin = []"),), "sources.wms.fields.countryOfOrigin",
     "empty list", "write"),
    ("mapping that is a number", (('countryOfOrigin = "origin"', "countryOfOrigin = 5"),),
     "sources.wms.fields.countryOfOrigin", "number 5", "table"),
    ("time zone", (('"Europe/Berlin"', '"Europe/Bern"'),), "sources.wms.timezone", '"Europe/Bern"', "Europe/Berlin"),
    ("time zone that is a directory", (('"Europe/Berlin"', '"Europe"'),), "sources.wms.timezone", '"Europe"', "Berlin"),
    ("time zone that climbs", (('"Europe/Berlin"', '"../../etc/passwd"'),), "sources.wms.timezone", "passwd", "Berlin"),
    ("live file", (('path = "marketing.csv"', 'path = "m.csv"\nread = "live"'),), "sources.marketing.read", "live",
     "stored"),
    ("empty path", (('key = "article_no"', 'key = " "'),), "sources.wms.key", '" "', "column"),
    ("empty path of a name", (('names = ["label"]', 'names = ["label", ""]'),), "sources.wms.names[1]", '""', "column"),
    ("empty path of an identifier", (('gtin = "ean"', 'gtin = ""'),), "sources.wms.identifiers.gtin", '""', "column"),
    ("empty path of a field", (('countryOfOrigin = "origin"', 'countryOfOrigin = ""'),),
     "sources.wms.fields.countryOfOrigin", '""', "column"),
    ("empty path of a clock", (('updated_at = "changed_on"', 'updated_at = ""'),), "sources.wms.updated_at", '""',
     "column"),
    ("empty path of a trusted clock", (('every = "5m"', 'by = ""'),), "sources.wms.sync.by", '""', "column"),
    ("empty path of a unit", (('unit = "kg"', 'unit_path = ""'),),
     "sources.wms.fields.weight.unit_path", '""', "column"),
    ("empty path of a note", (('text = "Complaint"', 'text = ""'),), "sources.complaints.fields.complaints.note.text",
     '""', "column"),
    ("empty channel", (('locale = "fr" }', 'locale = "fr", channel = "" }'),),
     "sources.marketing.fields.description[1].channel", "empty", "leave it out"),
    ("empty split", (('split = ";"', 'split = ""'),), "sources.marketing.fields.tags.split", "empty", "separates"),
    ("nameless steward", (('{ name = "Pricing" }', '{ name = "" }'),),
     "fields.listPrice.steward.name", "empty", "responsible"),
    ("empty title", (('title = "Warehouse"', 'title = ""'),), "sources.wms.title", "empty", "people"),
    ("empty label", (('label = "Weight"', 'label = " "'),), "fields.weight.label", '" "', "leave it out"),
    ("variable that is not set", (("${WMS_URL}", "${WMS_ADDRESS}"),), "sources.wms.url", "${WMS_ADDRESS}",
     "set WMS_ADDRESS in the environment"),
    ("variable without a name", (("${WMS_URL}", "${}"),), "sources.wms.url", "names no variable", "${NAME}"),
    ("variable with a default", (("${WMS_URL}", "${WMS_URL:-x}"),), "sources.wms.url", "names no variable", "${NAME}"),
    ("variable without an end", (("${WMS_URL}", "${WMS_URL"),), "sources.wms.url", "names no variable", "$${"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "path", "found", "instead"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES]
)
def test_each_rule_alone(changes: tuple[tuple[str, str], ...], path: str, found: str, instead: str) -> None:
    mistake = only_mistake(specimen(*changes))
    assert mistake.path == path
    assert found in mistake.found
    assert instead in mistake.instead


SOURCE = 'title = "T"\nconnector = "sql"\nurl = "sqlite:///t.db"\nfrom = "t"\nkey = "k"\n'
REST = 'title = "T"\nconnector = "rest"\nurl = "https://pim.example/products"\nkey = "k"\nnames = ["n"]\n'

ADDED: list[tuple[str, str, str, str, str]] = [
    # what is wrong · what is added to the specimen · where · what was found · what to write instead
    ("source that says nothing", f"[sources.mute]\n{SOURCE}", "sources.mute", "no fields, names", "fields"),
    ("source's name", f"[sources.Old-ERP]\n{SOURCE}names = ['n']", "sources.Old-ERP", "name", "[sources.old_erp]"),
    ("our own memory's name", f"[sources.ledger]\n{SOURCE}names = ['n']", "sources.ledger", "own memory", "otherwise"),
    ("union's tag", f"[sources.a]\n{REST}auth = {{ kind = 'magic' }}", "sources.a.auth.kind", '"magic"', '"bearer"'),
    ("union without a tag", f"[sources.a]\n{REST}auth = {{ token = 'x' }}", "sources.a.auth.kind", "nothing", "kind ="),
    ("key in a union", f"[sources.a]\n{REST}auth = {{ kind = 'bearer', token = 'abcdefgh', usr = 1 }}",
     "sources.a.auth.usr", "unknown key", "kind and token"),
    ("missing key in a union", f"[sources.a]\n{REST}auth = {{ kind = 'bearer' }}", "sources.a.auth.token",
     "nothing", "token"),
    ("keys of a nested table", f"[sources.a]\n{REST}fetch = {{}}", "sources.a.fetch", "go together", "url or param"),
    ("nested key named by a rule", f"[sources.a]\n{REST}fetch = {{ url = 'https://pim.example/products' }}",
     "sources.a.fetch.url", "https://pim.example/products", "write {key}"),
    ("number beyond 64 bits", "[fields.a]\nmax_age = 0x" + "f" * 5000, "fields.a.max_age", "64 bits", "smaller"),
    ("tables too deep", "[fields." + ".".join("a" * 400) + "]", "fields." + ".".join("a" * 19), "deep", "flatter"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "path", "found", "instead"), [one[1:] for one in ADDED], ids=[one[0] for one in ADDED]
)
def test_each_rule_about_what_is_added(more: str, path: str, found: str, instead: str) -> None:
    text = specimen(('[identity]\nkeys = ["gtin", "brand+mpn", "sku"]\n', ""), more=more)
    mistake = only_mistake(text)
    assert mistake.path == path
    assert found in mistake.found
    assert instead in mistake.instead


# ── Together ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_mistakes_are_told_together_in_the_order_of_the_file() -> None:
    text = specimen(
        ("${WMS_URL}", "${NOT_SET}"),
        ('key = "article_no"', "key = 5"),
        ('unit = "kg"', 'unit = "mm"'),
        ('title = "ERP"', 'titel = "ERP"'),
        ('path = "marketing.csv"\n', ""),
        ('unit = "g"', 'unit = "gg"'),
        ('fallback = ["erp"]', 'fallback = ["wms", "crm"]'),
        ('tolerance = "1%"', 'tolerance = "some"'),
        ('type = "text_list"', 'type = "texts"'),
        ("[identity]", "[identiti]"),
    )
    assert [one.path for one in mistakes(text)] == [
        "sources.wms.url",
        "sources.wms.key",
        "sources.erp.titel",
        "sources.erp.title",
        "sources.marketing.path",
        "fields.weight.unit",
        "fields.weight.fallback[0]",
        "fields.weight.fallback[1]",
        "fields.weight.tolerance",
        "fields.tags.type",
        "identiti",
    ]


def test_one_mistake_does_not_cause_others() -> None:
    """A source whose every key is wrong is still declared, and still maps the fields it names."""
    text = specimen(
        ('title = "Warehouse"', "title = 5"), ('connector = "sql"\nurl = "${WMS', 'connector = "x"\nurl = "${WMS')
    )
    assert [one.path for one in mistakes(text)] == ["sources.wms.title", "sources.wms.connector"]


def test_a_file_of_sections_that_are_no_tables() -> None:
    found = mistakes("sources = 1\nfields = []\naudiences = 'x'\ncontent = true\nidentity = 5")
    assert [one.path for one in found] == ["sources", "fields", "audiences", "content", "identity"]


def test_an_empty_file_says_what_is_needed() -> None:
    assert [(one.path, one.found) for one in mistakes("")] == [("sources", "no source"), ("fields", "no field")]
    assert ("audiences", "no audience") in [(one.path, one.found) for one in mistakes("[audiences]")]


def test_a_file_of_nonsense_is_answered_shortly() -> None:
    found = mistakes("".join(f"key_{number} = 1\n" for number in range(2000)))
    assert len(found) == 203
    assert found[0].found == "1800 more unknown keys"
    found = mistakes(specimen(more="[fields.a]\n" + "".join(f"key_{number} = 1\n" for number in range(1000))))
    assert "800 more mistakes" in [one.found for one in found]


def test_what_a_map_may_have_is_bounded() -> None:
    assert only_mistake("".join(f"key_{number} = 1\n" for number in range(2001))).found == "2001 keys"
    assert "1001 entries" in only_mistake("[content]\nlocales = [" + "'en'," * 1001 + "]").found
    assert "line 2" in only_mistake("a = 1\n" + "a." * 400_000 + "a = 1").found
    audiences = "".join(f"[audiences.a{number}]\n" for number in range(51))
    assert only_mistake(specimen(more=audiences)).found == "54 of them"


def test_it_reads_as_a_list() -> None:
    with pytest.raises(MapError) as caught:
        parse_map(specimen(('unit = "g"', 'unit = "kgg"'), ('key = "No"\n', "")), ENVIRONMENT)
    assert str(caught.value).splitlines()[0] == "whence.toml has 2 mistakes:"
    assert '  fields.weight.unit: found "kgg", which is no unit that Whence knows; did you mean "kg"?' in str(
        caught.value
    )
