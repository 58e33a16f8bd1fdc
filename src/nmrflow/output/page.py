"""One self-contained HTML page of cards: a structure beside its spectrum."""

import html
from collections.abc import Sequence

from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.fit import Fit
from nmrflow.answers.hits import Search
from nmrflow.answers.prediction import Prediction
from nmrflow.formats.molecule_files import MoleculeRow
from nmrflow.output import tables
from nmrflow.output.drawings import LINKS, spectrum_svg, structure_svg
from nmrflow.output.items import Item, of_assignment, of_prediction
from nmrflow.output.marks import Drawable, css, legend_of
from nmrflow.output.ranked import of_answer

_PAGE_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
"""

PAGE_FOOT = """
</body>
</html>
"""
"""What ends a page that :func:`page_head` began."""

_PAGE_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #f5f6f8; margin: 0; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 0.5rem; }
p { margin: 0.2rem 0; overflow-wrap: anywhere; }
"""

CARD_STYLE = (
    """
.card { background: #fff; color: #222; border: 1px solid #dde1e6; border-radius: 8px;
  margin: 1rem 0; padding: 0.8rem 1rem; }
.card h2 { font-size: 1rem; margin: 0 0 0.3rem; overflow-wrap: anywhere; }
.card p { margin: 0.2rem 0; overflow-wrap: anywhere; }
.card .pictures { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; }
.card .structure { flex: 1 1 260px; min-width: 0; }
.card .spectrum { flex: 2 1 300px; min-width: 0; }
.card .spectrum svg { max-width: 640px; }
.card .legend { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: 0.85rem; }
.card .legend i { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 50%;
  margin-right: 0.35em; }
.card .meanings { font-size: 0.85rem; color: #4d4d4d; }
.refused { border-left: 5px solid #c8500a; }
"""
    + tables.STYLE
    + LINKS
)
"""Of cards, wherever they stand."""

FOOT = f"</main>{PAGE_FOOT}"
"""The page's end."""


def page_head(title: str, style: str) -> str:
    """The beginning of a page that a browser shows without asking for anything else."""
    return _PAGE_HEAD.format(title=html.escape(title), style=style)


def head(title: str, lines: Sequence[str]) -> str:
    """The page's beginning: its title and some sentences."""
    paragraphs = "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)
    beginning = page_head(title, _PAGE_STYLE + CARD_STYLE)
    return f"{beginning}<main>\n<h1>{html.escape(title)}</h1>\n{paragraphs}\n"


def cards(answer: Prediction | Fit | Elucidation | Ranking | Search) -> str:
    """An answer as cards, for ``IPython.display.HTML`` in a notebook."""
    if isinstance(answer, Prediction):
        structure = answer.structure
        row = MoleculeRow(1, "", "", structure.connectivity, structure, None)
        items = [of_prediction(row, answer)]
    elif isinstance(answer, Fit):
        items = of_assignment(answer)
    else:
        items = of_answer(1, "", answer)
    return f"<style>{CARD_STYLE}</style>" + "".join(card(item) for item in items if item.title)


def card(item: Item) -> str:
    """An item as a card; what it shows lies within it. A note is a line of its own."""
    if item.note:
        return f"<p>{html.escape(item.note)}</p>\n"
    title = html.escape(item.title)
    if item.is_refused:
        reason = html.escape(str(item.row.get("reason")))
        return f'<section class="card refused"><h2>{title}</h2><p>{reason}</p></section>\n'
    shown = "" if item.answer is None else pictures(item.answer, item.title)
    facts = "".join(f"<p>{html.escape(fact)}</p>" for fact in item.facts)
    table = "" if item.answer is None else tables.carbons(item.answer)
    if table and "rank" in item.row:  # One of several: what tells them apart comes first.
        table = f"<details><summary>carbon by carbon</summary>{table}</details>"
    return f'<section class="card"><h2>{title}</h2>{facts}{shown}{table}</section>\n'


def pictures(answer: Drawable, title: str) -> str:
    """The structure beside the spectrum, and what the colours mean."""
    colours = "".join(
        f'<span><i style="background:{css(colour)}"></i>{html.escape(text)}</span>'
        for colour, text in legend_of(answer)
    )
    return (
        f'<div class="pictures"><div class="structure">{structure_svg(answer)}</div>'
        f'<div class="spectrum">{spectrum_svg(answer, title)}</div></div>'
        f'<div class="legend">{colours}</div>\n'
    )
