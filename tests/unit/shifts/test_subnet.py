"""The subnet of a coupling: bond orders in, finite logits of the code out."""

import numpy as np
import pytest
import torch
from torch import Tensor

from nmrflow.chem.codecs.table import bond_orders
from nmrflow.chem.graph import molecular_graph
from nmrflow.chem.structure import Structure
from nmrflow.errors import ShapeError, SpectrumError
from nmrflow.shifts.forward import SpectrumSubnet
from nmrflow.shifts.mixture import STRAY
from nmrflow.shifts.network import collate

SMILES = ("CC", "Cc1ccccc1", "C1CC2CCC1C2", "C" * 17)
STRAY_LOGIT = float(np.log(np.expm1(STRAY)))


@pytest.fixture
def subnet() -> SpectrumSubnet:
    torch.manual_seed(0)
    return SpectrumSubnet((136, 1, 1), (128, 1, 1), n_networks=2, width=16, n_steps=2)


def slots_of(*smiles: str, dtype: torch.dtype = torch.float32) -> Tensor:
    orders = np.stack([bond_orders(Structure.from_smiles(s)) for s in smiles])
    return torch.from_numpy(orders).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_are_those_of_the_ensemble(subnet: SpectrumSubnet, dtype: torch.dtype) -> None:
    slots = slots_of(*SMILES, dtype=dtype)[:, :, None, None]
    if dtype == torch.float64:
        subnet = subnet.double()
    graphs = [molecular_graph(Structure.from_smiles(s)) for s in SMILES]
    with torch.no_grad():
        logits = subnet(slots)
        unset = subnet.ensemble.log_unset(collate(graphs), subnet.axis)
    assert logits.shape == (4, 128, 1, 1)
    assert logits.dtype == dtype
    torch.testing.assert_close(logits.double().sigmoid().flatten(1), -torch.expm1(unset))


def test_fractions_are_ignored_and_shapes_tolerated(subnet: SpectrumSubnet) -> None:
    slots = slots_of(*SMILES, dtype=torch.float64)
    with torch.no_grad():
        expected = subnet(slots)
        assert torch.equal(subnet(slots + 0.999 * torch.rand_like(slots)), expected)
        assert torch.equal(subnet(slots[..., None, None]), expected)
        flat = SpectrumSubnet((136,), (128,), n_networks=2, width=16, n_steps=2)
        flat.load_state_dict(subnet.state_dict())
        assert torch.equal(flat(slots), expected.flatten(1))


def test_rows_that_are_no_molecule_get_the_logit_of_a_stray_peak(subnet: SpectrumSubnet) -> None:
    slots = slots_of("CC", "CC", "CC", "CC", "CC", "CC", "CCC")
    slots[0] = 0  # no bonds
    slots[1] = 3  # far too many
    slots[2, 5] = 1  # atoms 2 and 3, bound to nobody else
    slots[3, 0] = torch.nan
    slots[4, 0] = -0.5
    slots[5, 0] = torch.inf
    with torch.no_grad():
        logits = subnet(slots).flatten(1)
    assert logits.isfinite().all()
    torch.testing.assert_close(logits[:6], torch.full((6, 128), STRAY_LOGIT))
    assert logits[6].max() > STRAY_LOGIT + 1
    with torch.no_grad():
        assert subnet(slots[:0]).shape == (0, 128, 1, 1)
        torch.testing.assert_close(subnet(slots[:2]).flatten(1), logits[:2])


def test_it_says_the_same_while_it_is_trained(subnet: SpectrumSubnet) -> None:
    slots = slots_of(*SMILES)
    assert torch.equal(subnet.train()(slots), subnet.eval()(slots))
    subnet(slots).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in subnet.parameters())


def test_other_numbers_of_bins() -> None:
    subnet = SpectrumSubnet((136,), (64, 2, 2), n_networks=1, width=8, n_steps=1)
    assert subnet(slots_of("CC", "CCC")).shape == (2, 64, 2, 2)
    with pytest.raises(SpectrumError, match="evenly"):
        SpectrumSubnet((136,), (100,), n_networks=1, width=8)


def test_wrong_shapes_are_refused(subnet: SpectrumSubnet) -> None:
    with pytest.raises(ShapeError, match="136"):
        SpectrumSubnet((137,), (128,))
    with pytest.raises(ShapeError, match="136"):
        subnet(torch.zeros(2, 135))
