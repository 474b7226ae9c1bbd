"""The page at the `url` of a PENDING connection; its button makes the connection ACTIVE."""

from html import escape

from starlette.responses import HTMLResponse

from ac_mcp.sandbox.rest.store import Row

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Connect ActiveCampaign</title>
<style>body{{font:16px system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem}}</style></head><body><h1>Connect ActiveCampaign</h1>{content}</body></html>"""

_FORM = """<p>Connection <code>{number}</code> is waiting. Connecting it opens an empty sandbox account.</p>
<form method="post"><button>Connect</button></form>"""


def connect_page(row: Row | None) -> HTMLResponse:
    if row is None:
        return HTMLResponse(_PAGE.format(content="<p>This link is not known here.</p>"), 404)
    if row["status"] == "PENDING":
        return HTMLResponse(_PAGE.format(content=_FORM.format(number=escape(row["connection_id"]))))
    return HTMLResponse(_PAGE.format(content="<p>The connection is active. You can close this page.</p>"))
