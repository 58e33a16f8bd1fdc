"""The nearest neighbour, forward and backward, against what a person would choose."""

import numpy as np

from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record
from nmrflow.evaluation.yardsticks.measured import Measured, measured
from nmrflow.evaluation.yardsticks.neighbours import nearest_codes, rank_by_code
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList

AXIS = ShiftAxis()


def peaks(bits: tuple[int, ...]) -> PeakList:
    return PeakList(tuple(Peak(float(AXIS.centres_ppm()[bit])) for bit in bits))


def spectra(*rows: tuple[str, tuple[int, ...]]) -> Measured:
    """Molecules with the code bits that are set."""
    records = [
        Record("m", "s", Structure.from_smiles(smiles), peaks(bits), "") for smiles, bits in rows
    ]
    return measured(records, AXIS)


def test_measured_depends_on_no_order_of_rows() -> None:
    rows = (("CCC", (1,)), ("C=C", (70, 80)), ("CCC", (0, 1)))
    one, other = spectra(*rows), spectra(*rows[::-1])
    assert one.connectivities == other.connectivities == ["C=C", "CCC", "CCC"]
    assert np.array_equal(one.codes, other.codes)
    assert one.codes.sum(axis=1).tolist() == [2, 2, 1]
    assert one.formulas == ["C2H4", "C3H8", "C3H8"]


def test_forward_gives_the_code_of_the_most_similar_molecule() -> None:
    train = spectra(("Cc1ccccc1", (13, 80)), ("CCCCCC", (8, 14)), ("C#C", (45,)))
    queries = spectra(("CCc1ccccc1", (0,)), ("CCCCCCC", (0,)), ("CC#C", (0,)))
    codes = dict(zip(queries.connectivities, nearest_codes(train, queries), strict=True))
    assert np.flatnonzero(codes["CCc1ccccc1"]).tolist() == [13, 80]
    assert np.flatnonzero(codes["CCCCCCC"]).tolist() == [8, 14]


def test_backward_ranks_by_common_bits_then_near_ones_then_text() -> None:
    train = spectra(
        ("CCCC", (1, 2, 3)),  # 2 of 4 bits
        ("CCCCC", (1, 2)),  # 2 of 3 bits
        ("C#C", (1, 50, 60)),  # 1 of 5, nothing else near
        ("CC#C", (1, 6, 60)),  # 1 of 5, another bit near
        ("C=C", (100,)),  # nothing
        ("CC=C", (101,)),  # nothing
        ("CCCC", (90,)),  # a worse spectrum of a molecule that has its place
    )
    (ranked,) = rank_by_code(train, spectra(("CCCCCC", (1, 2, 5))))
    assert ranked == ["CCCCC", "CCCC", "C#CC", "C#C", "C=C", "C=CC"]


def test_backward_with_formula_ranks_isomers_only() -> None:
    train = spectra(("CCCC", (1, 2)), ("CC(C)C", (7,)), ("CCC", (1,)))
    queries = spectra(("CCCC", (1,)), ("CCCCC", (1,)))
    ranked = rank_by_code(train, queries, same_formula=True)
    assert ranked == [["CCCC", "CC(C)C"], []]
