"""Two spectra beside each other, as a card of a page."""

import html

from nmrflow.answers.comparison import Compared
from nmrflow.answers.sentences import remarks_on
from nmrflow.output.drawings import N_LINKED, mirror_of_lists


def pairs_of(found: Compared) -> list[tuple[str, str]]:
    """Peaks beside their likes, from high to low; in brackets one that has its pair already."""
    one, other = found.one, found.other
    beside, behind = found.comparison.shared
    rows = [(f"{one[a]:.2f}", f"{other[b]:.2f}") for a, b in found.comparison.pairs]
    rows += [(f"{one[a]:.2f}", f"({other[b]:.2f})") for a, b in beside]
    rows += [(f"({one[b]:.2f})", f"{other[a]:.2f}") for a, b in behind]
    seen = {a for a, _ in (*found.comparison.pairs, *beside)}
    rows += [(f"{shift:.2f}", "") for k, shift in enumerate(one) if k not in seen]
    seen = {b for _, b in found.comparison.pairs} | {a for a, _ in behind}
    rows += [("", f"{shift:.2f}") for k, shift in enumerate(other) if k not in seen]
    return sorted(rows, key=lambda row: -float((row[0] or row[1]).strip("()")))


def similarity_of(found: Compared) -> str:
    """In a sentence."""
    return f"similarity {found.comparison.similarity:.3f} (0: nothing alike, 1: equal)"


def compared_card(found: Compared) -> str:
    """A card with both spectra, mirrored, and their peaks beside each other."""
    remarks = [line for question in found.questions for line in remarks_on(question)]
    facts = "".join(f"<p>{html.escape(line)}</p>" for line in remarks)
    pairs = {(f"{found.one[a]:.2f}", f"{found.other[b]:.2f}"): k
             for k, (a, b) in enumerate(found.comparison.pairs)}  # fmt: skip
    rows = []
    for row in pairs_of(found):
        k = pairs.get(row)
        own = f"g{k}" if k is not None and k < N_LINKED else "left-out"
        rows.append(f'<tr class="{own}" tabindex="0"><td>{row[0]}</td><td>{row[1]}</td></tr>')
    drawn = mirror_of_lists(found.one, found.other, found.comparison.pairs)
    return (
        f'<section class="card"><h2>{html.escape(similarity_of(found).capitalize())}</h2>{facts}'
        f'<div class="spectrum">{drawn}</div>'
        '<div class="scroll" tabindex="0" role="group" aria-label="table of peaks">'
        '<table class="carbons"><thead><tr><th scope="col">first</th><th scope="col">second</th>'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="meanings">Shifts in ppm, pairs beside each other; in brackets a peak that has '
        "its pair already.</p></section>\n"
    )
