"""Parts that several tabs have: fields for peaks and molecules, and how functions are called."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from nmrflow.app import cards
from nmrflow.app.understood import AS_TOLD, Typed
from nmrflow.errors import NmrflowError
from nmrflow.limits import MAX_PASTED
from nmrflow.spectra.nucleus import Carbon13

PEAKS_HINT = (
    "Any form: a list (137.9, 129.1, 21.5), with kinds (71.5 (CH), 45.0 (CH2)), a table, a "
    "publication's sentence, JCAMP-DX, an SDF with assignments"
)
SOLVENTS = (AS_TOLD, *(one.name for one in Carbon13().solvents if one.name != "TMS"))

_FILES = {
    "peaks": ".txt,.csv,.tsv,.sdf,.sd,.nmredata,.jdx,.dx,.jcamp,.xml,.gz",
    "molecules": ".smi,.smiles,.txt,.csv,.tsv,.sdf,.sd,.mol,.inchi,.gz",
}

QUICK: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "concurrency_limit": 8,
    "api_visibility": "private",
}
"""Of events while somebody types."""

ANSWER: dict[str, Any] = {
    "show_progress": "minimal",
    "trigger_mode": "once",
    "concurrency_limit": 8,
    "api_visibility": "private",
}
"""Of a click that wants an answer."""


@dataclass(frozen=True)
class PeakFields:
    """Where a spectrum is typed, and what else is told of it."""

    peaks: gr.Textbox
    solvent: gr.Dropdown
    keeps: gr.Checkbox

    @property
    def all(self) -> list[gr.Component]:
        """In the order of :func:`typed`."""
        return [self.peaks, self.solvent, self.keeps]


def peak_fields(name: str, label: str = "Peaks") -> PeakFields:
    """Fields of a tab for a spectrum."""
    peaks = gr.Textbox(
        label=label, info=PEAKS_HINT, lines=4, max_lines=14, elem_id=name, max_length=MAX_PASTED
    )
    gr.HTML(_file_row(name, "peaks"))
    with gr.Row():
        solvent = gr.Dropdown(SOLVENTS, value=AS_TOLD, label="Solvent", min_width=180)
        keeps = gr.Checkbox(
            label="Keep lines of solvent",
            info="Take them, and TMS, for the compound's",
            min_width=180,
        )
    return PeakFields(peaks, solvent, keeps)


def molecules_field(name: str, label: str, info: str, *, lines: int = 3) -> gr.Textbox:
    """A field for molecules, with the editor and files."""
    box = gr.Textbox(
        label=label, info=info, lines=lines, max_lines=14, elem_id=name, max_length=MAX_PASTED
    )
    adds = "true" if lines > 1 else "false"
    draw = (
        f'<button type="button" class="draw" data-for="{name}" data-adds="{adds}">Draw…</button>'
    )
    gr.HTML(_file_row(name, "molecules", draw))
    return box


def _file_row(name: str, kind: str, before: str = "") -> str:
    """A button for a file; one may also be dropped onto the field. The page's script reads it."""
    return (
        f'<div class="row">{before}<label class="open">Open a file…<input type="file" '
        f'data-for="{name}" data-kind="{kind}" accept="{_FILES[kind]}"></label>'
        f'<span class="note" role="status" data-note="{name}"></span></div>'
    )


def known_fields(name: str) -> list[gr.Component]:
    """What else may be known of a molecule, in the order of :attr:`Typed.known`."""
    told = (
        ("elements", "Elements", "That it may have, and no others: C,H,N,O"),
        ("counts", "Atoms", "Of some elements: N=1, O>=2, H=10-14"),
        ("dept", "Kinds of carbon", "By their hydrogens: CH3=2, CH2=3, CH=4, C=1"),
        ("substructure", "Holds", "A part that it has, as SMARTS or SMILES"),
        ("without", "Does not hold", "A part that it does not have"),
    )
    return [
        gr.Textbox(label=label, info=info, max_length=1000, elem_id=f"{name}-{key}")
        for key, label, info in told
    ]


def typed(peaks: Any, solvent: Any, keeps: Any, formula: Any = "", *known: Any) -> Typed:  # noqa: ANN401
    """What the fields of a spectrum say, whatever reaches the page's functions."""
    others = tuple(map(as_text, known))
    texts = as_text(peaks), as_text(solvent) or AS_TOLD
    return Typed(*texts, bool(keeps), as_text(formula), others)


def as_text(given: Any) -> str:  # noqa: ANN401 - whatever somebody sends
    """A text, where it is one; else an empty one."""
    return given if isinstance(given, str) else ""


def as_number(given: Any, low: float, high: float) -> float | None:  # noqa: ANN401
    """A number within bounds, where it is one."""
    if isinstance(given, bool) or not isinstance(given, int | float) or given != given:
        return None
    return min(max(float(given), low), high)


def in_words(function: Callable[..., str]) -> Callable[..., str]:
    """The function, whose errors become a card that says them."""

    def answer(*given: Any) -> str:  # noqa: ANN401 - as the function has them
        try:
            return function(*given)
        except Exception as error:  # whatever it is, the page goes on
            return _card_of(error)

    return answer


def steps_in_words(
    function: Callable[..., Iterator[tuple[str, str]]],
) -> Callable[..., Iterator[tuple[str, str]]]:
    """The same of a function that answers step by step, with a line on where it stands."""

    def answer(*given: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        try:
            yield from function(*given)
        except Exception as error:  # whatever it is, the page goes on
            yield "", _card_of(error)

    return answer


def _card_of(error: Exception) -> str:
    if isinstance(error, NmrflowError):
        return cards.of_error(str(error))
    return cards.of_error(f"{type(error).__name__}: {error} (not foreseen)")


def while_typing(
    fields: Sequence[gr.Component], function: Callable[..., str], shown: gr.HTML
) -> None:
    """Show how the fields are understood whenever one changes."""
    for field in fields:
        field.change(in_words(function), list(fields), shown, **QUICK)
