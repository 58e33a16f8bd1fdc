"""Shift networks: invariance, batches, ensembles and precision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nmrflow.chem.graph import MolecularGraph, molecular_graph
from nmrflow.chem.structure import Structure
from nmrflow.shifts.network import GraphBatch, ShiftEnsemble, ShiftNetwork, collate, of_batch
from nmrflow.shifts.surroundings import find_surroundings
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()
SMILES = ("C", "CC#C", "Cc1ccccc1", "CC1(C)C2CCC1(C)C=C2", "CC(=O)OCCN")


def graphs_of(*smiles: str) -> list[MolecularGraph]:
    return [molecular_graph(Structure.from_smiles(s)) for s in smiles]


def small(seed: int = 0) -> ShiftNetwork:
    torch.manual_seed(seed)
    return ShiftNetwork(width=24, n_steps=4, n_components=3, dropout=0.1).eval()


def log_unset(ensemble: ShiftEnsemble, batch: GraphBatch) -> Tensor:
    return ensemble(batch).log_unset(AXIS)


@pytest.fixture
def ensemble() -> ShiftEnsemble:
    return ShiftEnsemble([small(0), small(1)]).eval()


@settings(max_examples=25)
@given(data=st.data(), of_carbon=st.booleans())
def test_numbering_does_not_matter(
    molecules: st.SearchStrategy[Structure], data: st.DataObject, of_carbon: bool
) -> None:
    structure = data.draw(st.from_type(Structure) if of_carbon else molecules)
    network = small().double()
    order = data.draw(st.permutations(range(structure.n_atoms)))
    graphs = [molecular_graph(s) for s in (structure, structure.permuted(order))]
    batch = collate(graphs)
    with torch.no_grad():
        mixture = network(batch)
        found = of_batch(mixture, batch).log_unset(AXIS)
    torch.testing.assert_close(found[0], found[1])
    n = structure.n_atoms
    torch.testing.assert_close(mixture.centre_ppm[n:], mixture.centre_ppm[:n][order])


def test_the_kekule_form_does_not_matter(ensemble: ShiftEnsemble) -> None:
    one = Structure.from_smiles("Cc1ccccc1C")
    flipped = tuple(b._replace(order=3 - b.order) if b.aromatic else b for b in one.bonds)
    other = Structure(one.elements, flipped)
    found = log_unset(ensemble, collate([molecular_graph(one), molecular_graph(other)]))
    torch.testing.assert_close(found[0], found[1])


def test_a_batch_says_of_each_molecule_what_it_says_alone(ensemble: ShiftEnsemble) -> None:
    graphs = graphs_of(*SMILES)
    with torch.no_grad():
        together = log_unset(ensemble, collate(graphs[::-1]))
        for row, graph in enumerate(graphs[::-1]):
            alone = log_unset(ensemble, collate([graph]))[0]
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
        unset = of_batch(small()(batch), batch).log_unset(AXIS, stray=1e-4)
    assert (unset[0] == -torch.tensor(1e-4)).all()
    assert unset[1].min() < -1e-2


def test_an_ensemble_is_the_mean_of_its_members(ensemble: ShiftEnsemble) -> None:
    batch = collate(graphs_of(*SMILES))
    with torch.no_grad():
        found = log_unset(ensemble, batch)
        alone = [log_unset(ShiftEnsemble([n]), batch).exp() for n in ensemble.networks]
        mixture = ensemble(batch).mixture
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
        expected = log_unset(ensemble, batch)
        assert not torch.equal(log_unset(other, batch), expected)
        other.load_state_dict(ensemble.state_dict())
        assert torch.equal(log_unset(other, batch), expected)


def test_double_precision_says_the_same(ensemble: ShiftEnsemble) -> None:
    batch = collate(graphs_of(*SMILES))
    with torch.no_grad():
        single = log_unset(ensemble, batch)
        double = log_unset(ensemble.double(), batch)
        assert ensemble(batch).mixture.centre_ppm.dtype == torch.float64
    assert torch.equal(single, double)  # It is computed in float64 anyway.


def test_evaluation_is_deterministic_and_training_is_not(ensemble: ShiftEnsemble) -> None:
    batch = collate(graphs_of(*SMILES))
    with torch.no_grad():
        assert torch.equal(log_unset(ensemble, batch), log_unset(ensemble, batch))
        ensemble.train()
        assert not torch.equal(log_unset(ensemble, batch), log_unset(ensemble, batch))


def test_an_empty_batch_is_no_trouble(ensemble: ShiftEnsemble) -> None:
    assert log_unset(ensemble, collate([])).shape == (0, 128)


def test_any_number_of_components() -> None:
    batch = collate(graphs_of("CC"))
    for k in (1, 4, 6):
        mixture = ShiftNetwork(width=8, n_steps=1, n_components=k)(batch)
        assert mixture.centre_ppm.shape == (2, k)
        assert np.isfinite(mixture.centre_ppm.detach().numpy()).all()


def test_members_are_joined_one_behind_the_other(ensemble: ShiftEnsemble) -> None:
    batch = collate(graphs_of(*SMILES))
    with torch.no_grad():
        found = ensemble(batch)
        members = [network.double()(batch) for network in ensemble.networks]
    assert found.n == len(SMILES)
    assert found.n_members == 2
    for k, member in enumerate(members):
        own = slice(3 * k, 3 * (k + 1))
        torch.testing.assert_close(found.mixture.centre_ppm[:, own], member.centre_ppm)
        torch.testing.assert_close(found.mixture.scale_ppm[:, own], member.scale_ppm)


def test_a_distribution_is_cut_at_the_molecules(ensemble: ShiftEnsemble) -> None:
    graphs = graphs_of(*SMILES)
    with torch.no_grad():
        parts = ensemble(collate(graphs)).split()
        for graph, part in zip(graphs, parts, strict=True):
            alone = ensemble(collate([graph])).mixture
            assert len(part.centre_ppm) == len(graph.atoms)
            torch.testing.assert_close(part.centre_ppm, alone.centre_ppm, rtol=0, atol=1e-9)
        assert ensemble(collate([])).split() == []


def test_logits_are_those_of_the_probabilities(ensemble: ShiftEnsemble) -> None:
    with torch.no_grad():
        found = ensemble(collate(graphs_of(*SMILES, "O")))
        logits, unset = found.logits(AXIS), found.log_unset(AXIS)
    assert logits.isfinite().all()
    torch.testing.assert_close(logits.sigmoid(), -torch.expm1(unset))


@given(data=st.data())
@settings(max_examples=20)
def test_atoms_with_the_same_surroundings_are_computed_once(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structures = data.draw(st.lists(molecules, min_size=1, max_size=4))
    batch = collate([molecular_graph(structure) for structure in structures])
    network = small(0).double().eval()
    n_exchanges = len(network.steps)
    edges = batch.source, batch.target, batch.kind
    alike = find_surroundings(batch.atoms, *edges, n_exchanges)
    with torch.no_grad():
        for own, each in zip(network(batch, alike), network(batch), strict=True):
            torch.testing.assert_close(own, each, rtol=1e-9, atol=1e-9)
    n_states = [len(alike.first), *(len(exchange.own) for exchange in alike.exchanges)]
    assert n_states == sorted(n_states)
    assert n_states[-1] <= len(batch.atoms)


def test_what_is_the_same_within_reach_has_one_state() -> None:
    """In nonane and decane the ends are alike for two bonds, then the chains' middles differ."""
    batch = collate(graphs_of("CCCCCCCCC", "CCCCCCCCCC"))
    alike = find_surroundings(batch.atoms, batch.source, batch.target, batch.kind, 6)
    n_states = [len(alike.first), *(len(exchange.own) for exchange in alike.exchanges)]
    assert n_states == [2, 3, 4, 5, 6, 7, 8]
    assert alike.place[0] == alike.place[8]
    assert alike.place[0] != alike.place[4]
    assert find_surroundings(*collate([])[:1], *collate([])[3:6], 2).place.shape == (0,)
