"""The additivity rules meet measured shifts, respect symmetry, and refuse what they must."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from embedded.additivity import predict_shifts
from embedded.enumeration import FAMILIES, enumerate_hydrocarbons
from embedded.make import generate
from nmrflow.chem.structure import Structure, sort_bonds
from nmrflow.errors import StructureError


@cache
def made() -> list[tuple[Structure, tuple[float, ...]]]:
    """All of them; not while tests are collected, which every process does."""
    return generate()


def generated() -> list[Structure]:
    return [structure for structure, _ in made()]


# Measured shifts in ppm, rounded as textbooks give them, in the atom order of the SMILES.
MEASURED = {
    "CCCCC": [13.9, 22.6, 34.5, 22.6, 13.9],
    "CC(C)C": [24.3, 25.2, 24.3, 24.3],
    "CC(C)(C)CC": [29.1, 30.6, 29.1, 29.1, 36.9, 8.9],
    "C=CCC": [113.3, 140.2, 27.4, 13.4],
    "C=CCCCC": [114.2, 139.0, 33.6, 31.3, 22.3, 14.0],
    "C=C(C)C": [111.3, 141.8, 24.2, 24.2],
    "C=CC(C)C": [111.3, 145.9, 32.3, 22.0, 22.0],
    "C=CC(C)(C)C": [109, 149, 33.8, 29.4, 29.4, 29.4],
    "C#CCCCC": [68.6, 84.5, 18.1, 30.7, 21.9, 13.5],
    "C1CCCC1": [25.8] * 5,
    "CC1CCCCC1": [22.9, 33.1, 35.8, 26.8, 26.6, 26.8, 35.8],
    "Cc1ccccc1": [21.4, 137.8, 129.2, 128.4, 125.5, 128.4, 129.2],
    "CCc1ccccc1": [15.7, 28.9, 144.2, 128.0, 128.4, 125.7, 128.4, 128.0],
    "CC(C)c1ccccc1": [24.0, 34.1, 24.0, 148.8, 126.4, 128.4, 125.8, 128.4, 126.4],
    "CC(C)(C)c1ccccc1": [31.4, 34.7, 31.4, 31.4, 151.0, 125.3, 128.2, 125.5, 128.2, 125.3],
    "Cc1ccccc1C": [19.7, 136.4, 129.7, 125.9, 125.9, 129.7, 136.4, 19.7],
}


@pytest.mark.parametrize("smiles", MEASURED)
def test_known_molecules_are_met_within_2_5_ppm(smiles: str) -> None:
    # 2.5 ppm is what the rules promise for molecules that are not crowded.
    assert predict_shifts(Structure.from_smiles(smiles)) == pytest.approx(
        MEASURED[smiles], abs=2.5
    )


@pytest.mark.parametrize(
    ("smiles", "sums"),
    [
        # Worked by hand from the tables of embedded.increments.
        ("CC", [-2.3 + 9.1] * 2),
        ("CC(C)(C)C", [-2.3 + 9.1 + 3 * 9.4 - 3.4, -2.3 + 4 * 9.1 - 4 * 1.5]),
        ("C=CC", [123.3 - 7.9, 123.3 + 10.6, -2.3 + 19.5]),
        ("C=C(C)C", [123.3 - 2 * 7.9 + 2.5, 123.3 + 2 * 10.6 - 4.8, -2.3 + 19.5 + 9.4 - 1.1]),
        ("C#CC", [71.9 - 5.7, 71.9 + 6.9, -2.3 + 4.4]),
        ("CC#CC", [-2.3 + 4.4, 71.9 + 6.9 - 5.7]),
    ],
)
def test_rules_are_added_up_as_written(smiles: str, sums: list[float]) -> None:
    shifts = predict_shifts(Structure.from_smiles(smiles))
    assert shifts[: len(sums)] == pytest.approx([round(value, 1) for value in sums])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_shifts_do_not_depend_on_the_atom_order(data: st.DataObject) -> None:
    structure = data.draw(st.sampled_from(generated()))
    order = data.draw(st.permutations(range(structure.n_atoms)))
    shifts = predict_shifts(structure)
    assert predict_shifts(structure.permuted(order)) == tuple(shifts[old] for old in order)


def test_equivalent_atoms_have_the_same_shift() -> None:
    for structure in generated()[::10]:
        shifts = predict_shifts(structure)
        by_rank: dict[int, set[float]] = {}
        ranks = Chem.CanonicalRankAtoms(structure.to_mol(), breakTies=False)
        for rank, shift in zip(ranks, shifts, strict=True):
            by_rank.setdefault(rank, set()).add(shift)
        assert all(len(values) == 1 for values in by_rank.values())


def test_kekule_form_and_flags_do_not_matter() -> None:
    structure = Structure.from_smiles("Cc1ccc(CC)cc1")
    other = Structure(
        structure.elements,
        sort_bonds(
            (b.begin, b.end, 3 - b.order if b.aromatic else 1, False) for b in structure.bonds
        ),
    )
    assert predict_shifts(other) == predict_shifts(structure)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("CCO", "hydrocarbons only"),
        ("CC(C)(C)C(C)C", "too crowded"),
        ("CC(C)(C)C(C)(C)C", "too crowded"),
        ("C=CC=C", "2 multiple bonds"),
        ("CC(C)(C)C#C", "quaternary carbon next to a triple bond"),
        ("C1CC2CC1CC2", "2 rings"),
        ("C1CCCCCCCCCC1", "a ring of 11"),
        ("CC1CCCC1", "no rings with substituents"),
        ("CC1CCC(C)CC1", "no rings with substituents"),
        ("CC(C)C1CCCCC1", "branched alkyl group on cyclohexane"),
        ("C1=CCCCC1", "only unsaturated ring"),
        ("C=Cc1ccccc1", "only unsaturated ring"),
        ("C#Cc1ccccc1", "only unsaturated ring"),
        ("CC(C)c1ccccc1C", "branched alkyl group next to another"),
    ],
)
def test_what_the_rules_do_not_cover_is_refused(smiles: str, reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        predict_shifts(Structure.from_smiles(smiles))


def test_generate_pairs_every_structure_with_one_shift_per_carbon() -> None:
    pairs = generate()
    assert pairs == made()
    assert 1300 <= len(pairs) <= 2000
    for structure, shifts in pairs:
        assert len(shifts) == structure.n_atoms
        # From cyclopropane to the inner carbon of a crowded 1,1-disubstituted ethene.
        assert all(-3.0 < shift < 165.0 for shift in shifts)


def test_every_family_is_represented() -> None:
    embedded = {structure.connectivity for structure in generated()}
    for family in FAMILIES:
        members = {structure.connectivity for structure in enumerate_hydrocarbons([family])}
        assert len(members & embedded) > 0.9 * len(members)
