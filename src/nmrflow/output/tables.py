"""The carbons of an answer as a table of a page, its columns explained where they stand."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from nmrflow.answers.check import Check, Verdict
from nmrflow.answers.prediction import CarbonGroup, Prediction
from nmrflow.output.drawings import N_LINKED
from nmrflow.output.marks import SIGNS, Drawable, fit_of, marks_of, prediction_of

_CLASSES = {Verdict.FITS: "fits", Verdict.DOUBTFUL: "doubtful", Verdict.NO_FIT: "no-fit"}

STYLE = """
table.carbons { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5rem 0; }
table.carbons caption { text-align: left; padding-bottom: 0.3rem; }
table.carbons :is(th, td) { padding: 0.15rem 0.6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #d5d9de; }
table.carbons .text { text-align: left; }
table.carbons tr.left-out { color: #5a5a5a; }
.verdict { font-weight: 600; border-left: 0.5rem solid; padding-left: 0.4rem; }
.verdict.fits { border-color: #0072b2; }
.verdict.doubtful { border-color: #e6b000; }
.verdict.no-fit { border-color: #c8500a; }
.scroll { overflow-x: auto; max-width: 100%; }
"""
"""Of what this module and :func:`banner` write."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: Above it.
        meaning: In a few words, behind the table.
        is_text: Whether its cells are words.
    """

    name: str
    meaning: str
    is_text: bool = False


_ATOMS = Column("atoms", "their numbers in the drawing, equivalent carbons together", is_text=True)
_CARBON = Column("carbon", "with its hydrogens", is_text=True)
_MEASURED = Column("measured", "the peak, in ppm")
_PREDICTED = Column("predicted", "in ppm")
_DEVIATION = Column("deviation", "measured less predicted, in ppm")
_VERDICT = Column(
    "verdict", "how far out of its predicted distribution the peak lies", is_text=True
)
_BETTER = Column("better", "a peak of the list that fits better, in ppm")


def carbons(answer: Drawable) -> str:
    """The table of an answer: a row for each group of carbons, and each peak without one."""
    level = prediction_of(answer).level
    interval = Column("interval", f"holds the shift in {level:.0%} of such cases")
    if isinstance(answer, Prediction):
        columns = [Column("ppm", "predicted shift"), interval, _CARBON, _ATOMS]
        rows = [(k, _of_group(one)) for k, one in enumerate(answer.groups)]
        return _table(columns, rows)
    found = fit_of(answer)
    assert found is not None
    checks = isinstance(answer, Check)
    columns = [_MEASURED, _PREDICTED, _DEVIATION, interval, _CARBON, _ATOMS]
    columns += [_VERDICT, _BETTER] if checks else []
    told: list[tuple[float, int | None, list[str]]] = []
    for k, mark in enumerate(marks_of(answer)):
        shift, *others = _of_group(mark.group)
        away = mark.shift_ppm - mark.group.shift_ppm
        cells = [f"{mark.shift_ppm:.2f}", shift, f"{away:+.2f}", *others]
        if isinstance(answer, Check):
            own = answer.carbons[k]
            cells += [_said(own.verdict), "" if own.better is None else f"{own.better:g}"]
        told.append((mark.shift_ppm, k, cells))
    given = {mark.peak for mark in marks_of(answer)}
    for place, peak in enumerate(found.peaks.peaks):
        if place not in given:
            empty = [""] * (len(columns) - 2)
            told.append((peak.shift_ppm, None, [f"{peak.shift_ppm:.2f}", *empty, "none"]))
            if checks:
                told[-1][2][-3:] = ["none", "", ""]
    told.sort(key=lambda row: -row[0])
    return _table(columns, [(k, cells) for _, k, cells in told])


def banner(verdict: Verdict, sentence: str) -> str:
    """A verdict on the whole in a sign, a colour and words."""
    return f'<p class="verdict {_CLASSES[verdict]}">{SIGNS[verdict]} {html.escape(sentence)}</p>\n'


def _of_group(group: CarbonGroup) -> list[str]:
    interval = f"{group.low_ppm:.1f} to {group.high_ppm:.1f}"
    atoms = ", ".join(str(atom + 1) for atom in group.atoms)
    return [f"{group.shift_ppm:.2f}", interval, group.kind, atoms]


def _said(verdict: Verdict) -> str:
    return f'<span class="verdict {_CLASSES[verdict]}">{SIGNS[verdict]} {verdict}</span>'


def _table(columns: Sequence[Column], rows: Sequence[tuple[int | None, Sequence[str]]]) -> str:
    """Rows whose cells are HTML already; none of them holds a text that somebody gave."""
    heads = "".join(
        f'<th scope="col" class="{"text" if one.is_text else ""}">{html.escape(one.name)}</th>'
        for one in columns
    )
    body = []
    for k, cells in rows:
        own = f"g{k}" if k is not None and k < N_LINKED else "left-out"
        tds = "".join(
            f'<td class="{"text" if one.is_text else ""}">{cell}</td>'
            for one, cell in zip(columns, cells, strict=True)
        )
        body.append(f'<tr class="{own}" tabindex="0">{tds}</tr>')
    meanings = "; ".join(f"<b>{html.escape(c.name)}</b> {html.escape(c.meaning)}" for c in columns)
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="table of carbons">'
        f'<table class="carbons"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
        f'<p class="meanings">{meanings}.</p>\n'
    )
