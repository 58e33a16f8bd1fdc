"""Shift distributions, noisy-or and invariance of the message-passing yardstick."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import laplace

from nmrflow.chem.carbon_graphs import carbon_graphs
from nmrflow.chem.structure import Structure
from nmrflow.evaluation.yardsticks.message_passing import (
    START_SCALE_PPM,
    STRAY,
    ShiftNetwork,
    bin_probabilities,
    bit_loss,
    noisy_or,
    to_batch,
)
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()


@pytest.fixture
def network() -> ShiftNetwork:
    return ShiftNetwork(AXIS).eval()


def test_bin_probabilities_are_those_of_a_laplace_mixture() -> None:
    parameters = torch.randn(7, 6)
    edges = torch.arange(1, 5) * 30.0
    found = bin_probabilities(parameters, edges).numpy()
    centre, log_scale, weight = parameters.double().numpy().reshape(7, 3, 2).transpose(1, 0, 2)
    share = np.exp(weight) / np.exp(weight).sum(axis=1, keepdims=True)
    scale = START_SCALE_PPM * np.exp(log_scale)
    cdf = [(share * laplace.cdf(edge, 100 * centre, scale)).sum(axis=1) for edge in edges.numpy()]
    expected = np.diff(np.stack([np.zeros(7), *cdf, np.ones(7)], axis=1), axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@given(st.integers(0, 1_000))
def test_every_carbon_is_in_one_bin(seed: int) -> None:
    parameters = 5 * torch.randn(4, 9, generator=torch.Generator().manual_seed(seed))
    found = bin_probabilities(parameters, torch.arange(1, 128) * 1.6)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(dim=1), 1, atol=1e-5)


def test_noisy_or_is_the_chance_that_any_carbon_falls_into_a_bin() -> None:
    bins = torch.rand(5, 3) * 0.9
    molecule = torch.tensor([0, 0, 1, 1, 1])
    found = 1 - torch.exp(noisy_or(bins, torch.ones(5), molecule, 2))
    for row, carbons in enumerate(([0, 1], [2, 3, 4])):
        for b in range(3):
            chance = 0.0  # of any carbon, over all ways in which each is in the bin or not
            for way in range(1, 2 ** len(carbons)):
                p = 1.0
                for k, carbon in enumerate(carbons):
                    hit = float(bins[carbon, b])
                    p *= hit if way >> k & 1 else 1 - hit
                chance += p
            assert float(found[row, b]) == pytest.approx(chance, abs=2 * STRAY)


def test_equivalent_carbons_count_as_one() -> None:
    one = noisy_or(torch.tensor([[0.3]]), torch.ones(1), torch.zeros(1, dtype=torch.long), 1)
    two = noisy_or(
        torch.tensor([[0.3], [0.3]]), torch.full((2,), 0.5), torch.zeros(2, dtype=torch.long), 1
    )
    torch.testing.assert_close(one, two)


def test_bit_loss_is_binary_cross_entropy() -> None:
    log_unset = -torch.rand(4, 6) - 0.1
    code = torch.randint(0, 2, (4, 6)).float()
    expected = torch.nn.functional.binary_cross_entropy(
        1 - torch.exp(log_unset), code, reduction="sum"
    )
    torch.testing.assert_close(bit_loss(log_unset, code), expected / 4)


@settings(max_examples=25)
@given(structure=st.from_type(Structure), data=st.data())
def test_numbering_does_not_matter(structure: Structure, data: st.DataObject) -> None:
    torch.manual_seed(0)
    network = ShiftNetwork(AXIS).eval()
    order = data.draw(st.permutations(range(structure.n_atoms)))
    graphs = carbon_graphs([structure, structure.permuted(order)])
    with torch.no_grad():
        found = network(to_batch(graphs, np.arange(2)))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)
    assert ((found.exp() >= 0) & (found.exp() <= 1)).all()


def test_a_batch_says_of_each_molecule_what_it_says_alone(network: ShiftNetwork) -> None:
    smiles = ("C", "CC#C", "Cc1ccccc1", "CC1(C)C2CCC1(C)C=C2")
    graphs = carbon_graphs([Structure.from_smiles(s) for s in smiles])
    with torch.no_grad():
        together = network(to_batch(graphs, np.array([3, 1, 0, 2])))
        for place, row in enumerate((3, 1, 0, 2)):
            alone = network(to_batch(graphs, np.array([row])))
            torch.testing.assert_close(together[place], alone[0], atol=1e-5, rtol=1e-4)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_a_bond_far_away_reaches_a_carbon(network: ShiftNetwork) -> None:
    graphs = carbon_graphs([Structure.from_smiles(s) for s in ("CCCCC=C", "CCCCCC")])
    state = {}
    network.leave.register_forward_hook(lambda _m, given, _o: state.update(seen=given[0]))
    with torch.no_grad():
        network(to_batch(graphs, np.arange(2)))
    assert (state["seen"][0] - state["seen"][6]).abs().max() > 1e-4  # the first methyls
