"""The page's own routes, beside those of gradio: scripts, answers as files, files as text."""

from urllib.parse import unquote

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool

from nmrflow.app.layout import build
from nmrflow.app.opened import text_of
from nmrflow.app.page import Page
from nmrflow.app.server import STATIC
from nmrflow.errors import NmrflowError

_HEAD = (
    '<link rel="stylesheet" href="page/cards.css"><link rel="stylesheet" href="page/page.css">'
    '<script type="module" src="page/page.js"></script>'
)
_KINDS = {".css": "text/css", ".js": "text/javascript", ".json": "application/json"}


def application(page: Page, host: str, port: int) -> FastAPI:
    """The page and its routes, without the gate before them."""

    def answer(token: str, name: str) -> Response:
        try:
            content, file_name, kind = page.kept.file(token, name)
        except NmrflowError as error:
            return PlainTextResponse(f"nmrflow: {error}\n", status_code=404)
        headers = {"content-disposition": f'attachment; filename="{file_name}"'}
        return Response(content, media_type=kind, headers=headers)

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/page/{name}", _own)
    app.add_api_route("/answer/{token}/{name}", answer)
    app.add_api_route("/read", _read, methods=["POST"])
    return gr.mount_gradio_app(
        app, build(page), path="/", server_name=host, server_port=port, footer_links=[],
        run_history=False, show_error=False, ssr_mode=False, enable_monitoring=False, pwa=False,
        mcp_server=False, max_file_size=1, theme=_theme(), head=_HEAD,
    )  # fmt: skip


def _own(name: str) -> Response:
    """A script or a style sheet of the page."""
    if name == "cards.css":
        from nmrflow.output.page import CARD_STYLE

        return Response(CARD_STYLE, media_type="text/css")
    file = STATIC / name
    if file.parent != STATIC or file.suffix not in _KINDS or not file.is_file():
        return PlainTextResponse("nmrflow: there is no such file\n", status_code=404)
    return FileResponse(file, media_type=_KINDS[file.suffix])


async def _read(request: Request) -> JSONResponse:
    """The text of a file that is sent as it is."""
    content = await request.body()
    name = unquote(request.headers.get("x-file-name", ""))
    return JSONResponse(await run_in_threadpool(text_of, content, name))


def _theme() -> gr.Theme:
    """Gradio's own, with the machine's fonts: none is fetched."""
    return gr.themes.Default(
        primary_hue="blue",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
