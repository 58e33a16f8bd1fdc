"""A report as files: Markdown with its pictures beside it, and one self-contained HTML page."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path

from markdown_it import MarkdownIt

from nmrflow.errors import DataError
from nmrflow.files.writing import write_text, written_whole
from nmrflow.output.page import PAGE_FOOT, page_head

PICTURES = "report_files"
"""Folder of the pictures, beside the Markdown."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto;
       padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; margin-top: 2em; }
table { border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; vertical-align: top; }
tbody tr:hover { background: #f4f6f8; }
code { background: #f2f2f2; padding: 0 0.2em; overflow-wrap: anywhere; }
pre { background: #f2f2f2; padding: 0.7rem; overflow-x: auto; }
img { max-width: 100%; }
.scroll { overflow-x: auto; }
"""


def write_report(
    folder: Path, title: str, markdown: str, pictures: Mapping[str, bytes]
) -> tuple[Path, Path]:
    """Write ``report.md`` with ``report_files/*.svg``, and ``report.html`` with all in one.

    Pictures are SVG documents by NAME, in the text ``![words](report_files/NAME.svg)``.

    Raises:
        DataError: If the files cannot be written.
    """
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    body = re.sub(r"<table>.*?</table>", r'<div class="scroll">\g<0></div>', body, flags=re.DOTALL)
    for name, svg in pictures.items():
        data = base64.b64encode(svg).decode()
        body = body.replace(
            f'src="{PICTURES}/{name}.svg"', f'src="data:image/svg+xml;base64,{data}"'
        )
    page = page_head(title, _STYLE) + body + PAGE_FOOT
    files = folder / "report.md", folder / "report.html"
    try:
        (folder / PICTURES).mkdir(exist_ok=True)
        for name, svg in pictures.items():
            with written_whole(folder / PICTURES / f"{name}.svg") as unfinished:
                unfinished.write_bytes(svg)
        for file, text in zip(files, (markdown, page), strict=True):
            write_text(file, text)
    except OSError as error:
        raise DataError(f"{folder}: the report cannot be written ({error})") from error
    return files
