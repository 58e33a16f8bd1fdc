"""Answers, and what was understood, as HTML within the page."""

import html
from collections.abc import Sequence
from urllib.parse import quote

from nmrflow.app.tasks import Answered
from nmrflow.app.understood import Said, for_page
from nmrflow.output.compared import compared_card
from nmrflow.output.items import Item
from nmrflow.output.page import card
from nmrflow.output.spectra import as_published
from nmrflow.output.tables import banner

_WHOLE = {".csv": "CSV", ".json": "JSON", ".sdf": "SDF", ".html": "page", ".txt": "text"}
_SINGLE = {
    ".sdf": "NMReDATA",
    ".svg": "picture (SVG)",
    ".png": "picture (PNG)",
    ".jdx": "JCAMP-DX",
}


def of_understood(said: Sequence[Said]) -> str:
    """How the input was understood, as a list."""
    if not said:
        return ""
    rows = []
    for one in said:
        sign, name = ("✗", "no") if one.is_refused else ("✓", "yes")
        lines = "".join(f"<br><small>{html.escape(line)}</small>" for line in one.lines)
        rows.append(
            f'<li class="{name}"><span aria-hidden="true">{sign}</span> '
            f"{'Not understood: ' if one.is_refused else ''}{html.escape(one.heading)}{lines}</li>"
        )
    return f'<ul class="understood" aria-label="understood as">{"".join(rows)}</ul>'


def of_error(reason: str) -> str:
    """Why there is no answer."""
    shown = html.escape(for_page(reason))
    return f'<section class="card refused" role="alert"><h2>No answer</h2><p>{shown}</p></section>'


def of_step(sentence: str, *, is_last: bool) -> str:
    """Where long work stands."""
    kind = "done" if is_last else "working"
    return f'<p class="step {kind}" role="status">{html.escape(sentence)}</p>'


def of_answered(answered: Answered, token: str | None) -> str:
    """An answer as cards, with links to its files.

    Args:
        answered: The answer.
        token: Of its files; None: it has none yet.
    """
    if answered.compared is not None:
        return for_page(compared_card(answered.compared))
    parts = []
    if answered.verdict is not None:
        parts.append(banner(*answered.verdict))
    if token is not None:
        parts.append(_links("Save all as", token, _WHOLE))
    for k, item in enumerate(answered.items):
        if not (item.title or item.is_refused or item.note):
            continue  # A row of a larger answer.
        parts.append(_with_actions(for_page(card(item)), item, token, k))
    lines = () if answered.heading is None else answered.heading.lines
    parts += [f'<p class="explained">{html.escape(line)}</p>' for line in lines]
    return f'<div class="answers">{"".join(parts)}</div>'


def _with_actions(shown: str, item: Item, token: str | None, k: int) -> str:
    """A card with what can be done with it at its end."""
    if item.structure is None:
        return shown
    smiles = item.structure.connectivity
    parts = [_copy("SMILES", smiles)]
    if item.answer is not None:
        parts.append(_copy("as a paper prints it", as_published(item.answer).strip()))
    for task, name in (("predict", "predict"), ("check", "check")):
        parts.append(f'<a href="?task={task}&amp;smiles={quote(smiles, safe="")}">{name}</a>')
    if token is not None and item.answer is not None:
        parts.append(_links("Save as", token, _SINGLE, str(k)))
    actions = f'<div class="actions">{" ".join(parts)}</div>'
    return shown.replace("</section>\n", f"{actions}</section>\n")


def _copy(name: str, text: str) -> str:
    own = f'class="copy" data-copy="{html.escape(text)}"'
    return f'<button type="button" {own}>Copy {name}</button>'


def _links(heading: str, token: str, forms: dict[str, str], place: str = "") -> str:
    links = " ".join(
        f'<a href="answer/{token}/{place}{ending}" download>{name}</a>'
        for ending, name in forms.items()
    )
    return f'<span class="save">{heading} {links}</span>'
