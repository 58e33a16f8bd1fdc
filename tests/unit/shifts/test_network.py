"""Shift networks: invariance, batches, ensembles and precision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nmrflow.chem.graph import MolecularGraph, molecular_graph
from nmrflow.chem.structure import Structure
from nmrflow.shifts.network import ShiftEnsemble, ShiftNetwork, collate, log_unset
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()
SMILES = ("C", "CC#C", "Cc1ccccc1", "CC1(C)C2CCC1(C)C=C2", "CC(=O)OCCN")


def graphs_of(*smiles: str) -> list[MolecularGraph]:
    return [molecular_graph(Structure.from_smiles(s)) for s in smiles]


def small(seed: int = 0) -> ShiftNetwork:
    torch.manual_seed(seed)
    return ShiftNetwork(width=24, n_steps=4, n_components=3, dropout=0.1).eval()


@pytest.fixture
def ensemble() -> ShiftEnsemble:
    return ShiftEnsemble([small(0), small(1)]).eval()


@settings(max_examples=25)
@given(structure=st.from_type(Structure), data=st.data())
def test_numbering_does_not_matter(structure: Structure, data: st.DataObject) -> None:
    network = small().double()
    order = data.draw(st.permutations(range(structure.n_atoms)))
    graphs = [molecular_graph(s) for s in (structure, structure.permuted(order))]
    batch = collate(graphs)
    with torch.no_grad():
        mixture = network(batch)
        found = log_unset(mixture, batch, AXIS)
    torch.testing.assert_close(found[0], found[1])
    n = structure.n_atoms
    torch.testing.assert_close(mixture.centre_ppm[n:], mixture.centre_ppm[:n][order])


def test_the_kekule_form_does_not_matter(ensemble: ShiftEnsemble) -> None:
    one = Structure.from_smiles("Cc1ccccc1C")
    flipped = tuple(b._replace(order=3 - b.order) if b.aromatic else b for b in one.bonds)
    other = Structure(one.elements, flipped)
    found = ensemble.log_unset(collate([molecular_graph(one), molecular_graph(other)]), AXIS)
    torch.testing.assert_close(found[0], found[1])


def test_a_batch_says_of_each_molecule_what_it_says_alone(ensemble: ShiftEnsemble) -> None:
    graphs = graphs_of(*SMILES)
    with torch.no_grad():
        together = ensemble.log_unset(collate(graphs[::-1]), AXIS)
        for row, graph in enumerate(graphs[::-1]):
            alone = ensemble.log_unset(collate([graph]), AXIS)[0]
            torch.testing.assert_close(together[row], alone, atol=1e-10, rtol=1e-10)


def test_a_bond_far_away_reaches_a_carbon() -> None:
    batch = collate(graphs_of("CCCCC=C", "CCCCCC"))
    with torch.no_grad():
        centres = ShiftNetwork(n_steps=5).eval()(batch).centre_ppm
    assert (centres[0] - centres[6]).abs().max() > 1e-4  # the first methyls


def test_only_carbons_give_peaks() -> None:
    """Water sets no bit but by stray peaks."""
    batch = collate(graphs_of("O", "C"))
    assert batch.share.tolist() == [0, 1]
    with torch.no_grad():
        unset = log_unset(small()(batch), batch, AXIS, stray=1e-4)
    assert (unset[0] == -torch.tensor(1e-4)).all()
    assert unset[1].min() < -1e-2


def test_an_ensemble_is_the_mean_of_its_members(ensemble: ShiftEnsemble) -> None:
    batch = collate(graphs_of(*SMILES))
    with torch.no_grad():
        found = ensemble.log_unset(batch, AXIS)
        alone = [ShiftEnsemble([n]).log_unset(batch, AXIS).exp() for n in ensemble.networks]
        mixture = ensemble.mixtures(batch)
        members = [network(batch).bin_probabilities(AXIS) for network in ensemble.networks]
    assert found.dtype == torch.float64
    assert (found < 0).all()
    torch.testing.assert_close(found.exp(), (alone[0] + alone[1]) / 2)
    assert len(mixture.centre_ppm) == len(batch.molecule)
    torch.testing.assert_close(
        mixture.bin_probabilities(AXIS).float(),
        (members[0] + members[1]) / 2,
        atol=1e-5,
        rtol=1e-4,
    )
    sums = mixture.log_weight.exp().sum(dim=-1)
    torch.testing.assert_close(sums, torch.ones(len(batch.atoms), dtype=torch.float64))
    with pytest.raises(ValueError, match="needs a network"):
        ShiftEnsemble([])


def test_weights_can_be_saved_and_loaded(ensemble: ShiftEnsemble) -> None:
    batch = collate(graphs_of(*SMILES))
    other = ShiftEnsemble([small(5), small(6)]).eval()
    with torch.no_grad():
        expected = ensemble.log_unset(batch, AXIS)
        assert not torch.equal(other.log_unset(batch, AXIS), expected)
        other.load_state_dict(ensemble.state_dict())
        assert torch.equal(other.log_unset(batch, AXIS), expected)


def test_double_precision_says_the_same(ensemble: ShiftEnsemble) -> None:
    batch = collate(graphs_of(*SMILES))
    with torch.no_grad():
        single = ensemble.log_unset(batch, AXIS)
        double = ensemble.double().log_unset(batch, AXIS)
        assert ensemble.mixtures(batch).centre_ppm.dtype == torch.float64
    assert torch.equal(single, double)  # It is computed in float64 anyway.


def test_evaluation_is_deterministic_and_training_is_not(ensemble: ShiftEnsemble) -> None:
    batch = collate(graphs_of(*SMILES))
    with torch.no_grad():
        assert torch.equal(ensemble.log_unset(batch, AXIS), ensemble.log_unset(batch, AXIS))
        ensemble.train()
        assert not torch.equal(ensemble.log_unset(batch, AXIS), ensemble.log_unset(batch, AXIS))


def test_an_empty_batch_is_no_trouble(ensemble: ShiftEnsemble) -> None:
    assert ensemble.log_unset(collate([]), AXIS).shape == (0, 128)


def test_any_number_of_components() -> None:
    batch = collate(graphs_of("CC"))
    for k in (1, 4, 6):
        mixture = ShiftNetwork(width=8, n_steps=1, n_components=k)(batch)
        assert mixture.centre_ppm.shape == (2, k)
        assert np.isfinite(mixture.centre_ppm.detach().numpy()).all()
