"""Texts that do not lie on each other, and pictures in which all belongs together."""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.answers.fit import Fit
from nmrflow.answers.prediction import Prediction, gather
from nmrflow.chem.depiction import sketch
from nmrflow.chem.structure import Structure
from nmrflow.model.results import PredictedShifts
from nmrflow.output.drawings import disc_of, spectrum_svg, structure_svg
from nmrflow.output.labels import beside_atoms, overlap, spread
from nmrflow.output.marks import shown_range
from nmrflow.output.tables import carbons
from nmrflow.spectra.nucleus import Carbon13

MOLECULES = (
    "CO", "C", "CC(C)C1CCC(C)CC1O", "C1CCC2C(C1)CCC3C2CCC4(C3CCC4C(C)CCCC(C)C)C",
    "CC(=O)OC1=CC=CC=C1C(=O)NCC(C)C1CCC(C)CC1O", "C12C3C4C1C5C2C3C45", "C" * 60,
)  # fmt: skip


@given(st.lists(st.floats(-300, 300), max_size=40), st.floats(0.1, 20))
def test_spread_texts_are_apart_in_their_order_and_moved_no_more_than_needed(
    places: list[float], least: float
) -> None:
    moved = spread(places, least)
    order = sorted(range(len(places)), key=lambda k: (places[k], k))
    for a, b in pairwise(order):
        assert moved[b] - moved[a] >= least - 1e-6
    if all(b - a >= least for a, b in pairwise(sorted(places))):
        assert moved == pytest.approx(places, abs=1e-6)
    if places:
        assert sum(moved) == pytest.approx(sum(places), abs=1e-4)


@pytest.mark.parametrize("smiles", MOLECULES)
def test_no_label_lies_on_another_or_on_an_atom(smiles: str) -> None:
    drawn = sketch(Structure.from_smiles(smiles))
    radius, font = disc_of(drawn.points, drawn.bonds)
    texts = dict.fromkeys(range(len(drawn.points)), "128.4")
    boxes = beside_atoms(
        drawn.points, drawn.bonds, texts, radius=radius, font=font, size=drawn.size
    )
    assert len(boxes) >= 0.7 * len(texts)
    for one, other in combinations(boxes.values(), 2):
        assert not overlap(one, other)
    for left, top, right, bottom in boxes.values():
        assert 0 <= left < right <= drawn.size[0]
        assert 0 <= top < bottom <= drawn.size[1]
        for x, y in drawn.points:
            assert not (left < x < right and top < y < bottom)
    for x, y in drawn.points:
        assert 0 < x < drawn.size[0]
        assert 0 < y < drawn.size[1]


@given(st.lists(st.floats(-10, 230), min_size=1, max_size=30))
def test_an_axis_holds_its_peaks(shifts: list[float]) -> None:
    low, high = shown_range(shifts, Carbon13())
    assert low < min(shifts) <= max(shifts) < high
    assert low % 10 == high % 10 == 0
    assert high - low <= max(shifts) - min(shifts) + 80


def classes_of(svg: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for element in ET.fromstring(svg).iter():
        found.update(c for c in element.get("class", "").split() if c[:1] == "g")
    return found


def test_everything_of_a_group_has_its_class(prediction: Prediction, toluene_fit: Fit) -> None:
    for answer in (prediction, toluene_fit):
        groups = {f"g{k}" for k in range(5)}
        assert set(classes_of(structure_svg(answer))) == groups
        assert set(classes_of(spectrum_svg(answer))) == groups
        table = carbons(answer)
        assert all(f'<tr class="{k}"' in table for k in groups)
        for group in answer.groups if isinstance(answer, Prediction) else ():
            assert f"{group.shift_ppm:.2f}" in table


def test_numbers_of_the_drawing_are_those_of_the_table(
    shifts_by_hand: Callable[..., PredictedShifts],
) -> None:
    found = gather(shifts_by_hand("CCO", (18.1, 57.8, 0.0)))
    drawn = {e.text for e in ET.fromstring(structure_svg(found)).iter() if e.tag == "text"}
    assert {"1", "2", "18.1", "57.8"} <= drawn
    assert "3" not in drawn


def test_svg_holds_no_text_that_somebody_gave(prediction: Prediction) -> None:
    svg = spectrum_svg(prediction, '"><script>alert(1)</script>')
    assert "<script" not in svg
    ET.fromstring(svg)
