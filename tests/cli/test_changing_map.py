"""``whence serve`` takes a whence.toml that is saved while it runs, and says so; with mistakes in it, it keeps its own."""

from __future__ import annotations

import signal
import time

from tests.cli.company import START_SECONDS, WHENCE_TOML, Company

PRICE = '{ product(by: { alias: "Kettle deluxe" }) { price { value { currency } } } }'
IN_EUROS = {"data": {"product": {"price": {"value": {"currency": "EUR"}}}}}


def test_it_takes_a_map_that_is_saved_while_it_serves(company: Company, database_url: str) -> None:
    with company.serving(WHENCE_DATABASE_URL=database_url) as served:
        assert served.ask(PRICE) == IN_EUROS
        company.write(WHENCE_TOML.replace('connector = "file"', 'connector = "flie"'))
        served.wait_for("The map has a mistake; the one from before stays in use.", served.err)
        served.wait_for('sources.prices.connector: found "flie"', served.err)
        assert served.ask(PRICE) == IN_EUROS
        company.write(WHENCE_TOML.replace('currency = "EUR"', 'currency = "CHF"'))
        served.wait_for("The map changed; it is in use as", served.err)
        served.wait_for('sources.prices.fields.price.currency: "EUR" → "CHF" (mapped anew', served.err)
        served.wait_for("prices: 2 records mapped anew from the ledger", served.err)
        until = time.monotonic() + START_SECONDS
        while (answer := served.ask(PRICE)) == IN_EUROS and time.monotonic() < until:
            time.sleep(0.05)
        assert answer["data"]["product"]["price"]["value"]["currency"] == "CHF"
        code, _ = served.end(signal.SIGTERM)
        assert code == 0
