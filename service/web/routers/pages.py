"""Pages for people: the start page, the API's documentation, and one page for each kind of error."""

from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from service.errors import NotFound
from service.schemas.error_kinds import BY_CODE, ERROR_KINDS
from service.web.addresses import address

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
router = APIRouter(include_in_schema=False)


def _file(name: str) -> str:
    return files("service.web").joinpath("static", name).read_text(encoding="utf-8")


@router.get("/")
async def start_page() -> Response:
    """Serve the start page."""
    return _page(_file("index.html"))


@router.get("/docs")
async def documentation_page() -> Response:
    """Serve the documentation of the API."""
    return _page(_file("docs.html"))


@router.get("/problems")
async def problems_page() -> Response:
    """List the kinds of errors."""
    rows = "".join(
        f'<li><a href="problems/{row.code}">{row.code}</a> ({row.status}): {escape(row.title)}</li>'
        for row in ERROR_KINDS
    )
    return _problem_page("Errors", f"<ul>{rows}</ul>", "./")


@router.get("/problems/{code}")
async def problem_page(code: str) -> Response:
    """Describe one kind of error."""
    if code not in BY_CODE:
        raise NotFound("there is no such kind of error")
    row = BY_CODE[code]
    facts = f"<p>Status {row.status}, type <code>{address(f'/problems/{row.code}')}</code>.</p>"
    text = f'<p>{escape(row.meaning)}</p>{facts}<p><a href="../problems">All kinds of errors</a></p>'
    return _problem_page(row.title, text, "../")


def _problem_page(title: str, content: str, start: str) -> Response:
    """A page from which the start page lies at ``start``."""
    return _page(Template(_file("problem.html")).substitute(title=escape(title), content=content, start=start))


def _page(content: str) -> Response:
    return HTMLResponse(content, headers={"content-security-policy": PAGE_POLICY, "cache-control": "no-cache"})
