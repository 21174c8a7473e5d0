"""``whence explain``: an operation measured against the limits, and the code that it is compiled to."""

from __future__ import annotations

from pathlib import Path

from tests.cli.company import json_of
from tests.cli.conftest import Call

PAGE = "query Page($by: ProductLookup!) { product(by: $by) { price { value { amount } source } } }"


def test_an_operation_is_measured_and_the_code_it_is_compiled_to_is_printed(call: Call, tmp_path: Path) -> None:
    document = tmp_path / "page.graphql"
    document.write_text(PAGE)
    told = call("explain", str(document))
    assert told.exit_code == 0
    assert "Query Page as staff. It is compiled" in told.stdout
    shown = json_of(call("explain", str(document), "--json").stdout)
    assert shown["compiled"]
    assert shown["measures"]["depth"] == {"found": 4, "most": 12}
    code = call("explain", str(document), "--code").stdout
    assert '"""query Page { product } on Query' in code
    assert '"""product { price } on Product' in code
    compile(code, "page", "exec")


def test_what_cannot_be_explained_is_told_with_its_place(call: Call, tmp_path: Path) -> None:
    document = tmp_path / "page.graphql"
    document.write_text("{\n  product }")
    wrong = call("explain", str(document))
    assert wrong.exit_code == 2
    assert "line 2, column 3: " in wrong.stderr
    document.write_text(PAGE + " query Other { __typename }")
    several = call("explain", str(document))
    assert several.exit_code == 2
    assert "it has Page, Other. Say --operation NAME." in several.stderr
    assert call("explain", str(document), "--operation", "Other").exit_code == 0
    missing = call("explain", str(tmp_path / "none.graphql"))
    assert missing.exit_code == 2
    assert "cannot be read" in missing.stderr
    document.write_text("{ __schema { queryType { name } } }")
    rare = call("explain", str(document), "--code")
    assert rare.exit_code == 1
    assert "graphql-core runs it" in rare.stderr
