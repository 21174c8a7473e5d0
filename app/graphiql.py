"""GraphiQL, served with no network: every file of the page comes from Whence itself.

GraphiQL and React are taken from the files of the installed package ``datasette-graphql``, which is never imported. The
page's own script and style stand in ``app/static``.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.strictjson import dumps

STATIC_PATH = "/static/graphiql"
PACKAGE = "datasette-graphql"
PACKAGED = {
    "react.js": "react.production.17.0.2.min.js",
    "react-dom.js": "react-dom.production.17.0.2.min.js",
    "graphiql.js": "graphiql.1.5.1.min.js",
    "graphiql.css": "graphiql.1.5.1.min.css",
}
OWN = {"before.js": "graphiql_before.js", "page.js": "graphiql_page.js", "page.css": "graphiql_page.css"}
SCRIPTS = ("react.js", "react-dom.js", "before.js", "graphiql.js", "page.js")
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
}

EXAMPLE = """\
# Every fact, and where it came from. Run it with Ctrl-Enter.
query Kettle {
  product(by: {alias: "kettle"}) {
    id
    crosswalk {
      source
      recordId
      names
    }
    facts {
      definition {
        name
        systemOfRecord
      }
      status
      freshness
      source
      lastUpdated
    }
  }
}
"""


@dataclass(frozen=True)
class GraphiQL:
    """The page. ``audiences`` are offered for choice, ``default_audience`` first chosen; ``example`` stands in the
    editor of who comes for the first time; ``endpoint`` is the path that queries are sent to."""

    audiences: Sequence[str]
    default_audience: str
    endpoint: str = "/graphql"
    example: str = EXAMPLE
    static_path: str = STATIC_PATH

    @cached_property
    def _page(self) -> str:
        config = dumps(
            {
                "endpoint": self.endpoint,
                "audiences": list(self.audiences),
                "defaultAudience": self.default_audience,
                "example": self.example,
            }
        ).decode()
        base = html.escape(self.static_path.rstrip("/"))
        scripts = "\n".join(f'<script src="{base}/{name}" defer></script>' for name in SCRIPTS)
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Whence: GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{base}/graphiql.css">
<link rel="stylesheet" href="{base}/page.css">
{scripts}
</head>
<body>
<div id="graphiql" data-config="{html.escape(config)}">Loading…</div>
<noscript>GraphiQL needs JavaScript. The API itself does not: POST a query to {html.escape(self.endpoint)}.</noscript>
</body>
</html>
"""

    def response(self) -> Response:
        """The page as an answer; where its files are not installed, an answer that says so."""
        if find_files() is None:
            said = f"GraphiQL is not installed here: its files come with the Python package {PACKAGE}.\n"
            return Response(said, 404, {**HEADERS, "Content-Type": "text/plain; charset=utf-8"})
        return HTMLResponse(self._page, headers={**HEADERS, "Cache-Control": "no-cache"})


def find_files() -> Mapping[str, Path] | None:
    """Where each file that the page loads stands, by the name it is served under; None if the package is not there."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        return None
    found = {
        name: Path(str(package.locate_file(f"datasette_graphql/static/{file}"))) for name, file in PACKAGED.items()
    }
    found |= {name: Path(str(files("app").joinpath("static", file))) for name, file in OWN.items()}
    return found if all(path.is_file() for path in found.values()) else None


def graphiql_routes(static_path: str = STATIC_PATH) -> list[Route]:
    """The route of the page's files: these few by name, and nothing else of any directory."""
    contents: dict[str, tuple[bytes, str]] = {}

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        where = find_files() or {} if name not in contents else {}
        if name in where:
            content = where[name].read_bytes()
            contents[name] = (content, f'"{sha256(content).hexdigest()[:20]}"')
        if name not in contents:
            return Response("Not found.\n", 404, {"Content-Type": "text/plain; charset=utf-8"})
        content, tag = contents[name]
        headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, headers={**headers, "Content-Type": _TYPES[Path(name).suffix]})

    return [Route(f"{static_path.rstrip('/')}/{{name}}", serve, methods=["GET"], name="graphiql-file")]
