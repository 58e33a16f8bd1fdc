"""Pictures: SVG text and sticks where the shifts are."""

import matplotlib as mpl
import pytest

mpl.use("Agg")

from nmrflow.chem.depiction import draw_structures
from nmrflow.chem.structure import Structure
from nmrflow.spectra.plot import plot_mirror


def test_structures_are_drawn_as_one_self_contained_svg() -> None:
    svg = draw_structures([Structure.from_smiles("Cc1ccccc1"), Structure.from_smiles("CC")])
    assert svg.lstrip().startswith("<?xml")
    assert "</svg>" in svg
    assert "href" not in svg


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg")
def test_sticks_stand_at_their_shifts_on_a_falling_axis() -> None:
    ax = plot_mirror([21.4, 128.0, 128.0], [30.0])
    up, down = ax.collections
    assert sorted({float(path.vertices[0][0]) for path in up.get_paths()}) == [21.4, 128.0]
    assert {float(path.vertices[1][1]) for path in down.get_paths()} == {-1.0}
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "measured (2)",
        "predicted (1)",
    ]
    assert plot_mirror([1.0], [2.0], ax=ax) is ax
