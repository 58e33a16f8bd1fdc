"""The likelihood is exact: structures are drawn as often as log p says."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from nmrflow.chem.codecs.table import BondOrderCodec
from nmrflow.chem.generation.walk import generate_hydrocarbons
from nmrflow.chem.structure import Structure
from nmrflow.flow import BondTransformer, StructureFlow
from nmrflow.flow.latent import Latent
from nmrflow.losses import FlowOutputs, LikelihoodLoss
from nmrflow.numerics import Draws, generator_for

N_BINS = 16
N_DRAWS = 100_000
N_STEPS = 150


@pytest.fixture(scope="module")
def structures() -> Tensor:
    """Plausible hydrocarbons of 2 to 4 carbons, as images."""
    codec = BondOrderCodec()
    butane = Structure.from_smiles("CCCC")
    found = generate_hydrocarbons([butane], 1_000, 0, max_carbons=4, with_seeds=True)
    images = np.stack([codec.encode(structure) for structure in found])
    assert len(images) > 15
    return torch.from_numpy(images)


@pytest.fixture(scope="module")
def codes(structures: Tensor) -> Tensor:
    """Codes that tell something of the molecule, but not all."""
    generator = torch.Generator().manual_seed(3)
    sums = structures.sum(dim=(1, 2)).float() @ torch.randn(16, N_BINS, generator=generator)
    return (sums > 0.5).float()


@pytest.fixture(scope="module")
def flow(structures: Tensor, codes: Tensor) -> StructureFlow:
    """A small flow, trained until it knows these molecules."""
    torch.manual_seed(0)
    conditional = partial(BondTransformer, width=32, n_layers=2, n_heads=2)
    flow = StructureFlow(n_bins=N_BINS, conditional=conditional, floor=1e-3)
    optimizer = torch.optim.Adam(flow.parameters(), lr=3e-3)
    loss_of = LikelihoodLoss()
    for step in range(N_STEPS):
        generator = generator_for(0, "step", step)
        draws = Draws(generator, len(structures))
        x = flow.fill(structures, codes, draws)
        formula = flow.draw_formula(structures, draws)
        latent, log_det = flow.to_latent(x, formula)
        loss = loss_of(FlowOutputs(x, codes, latent, log_det, codes.clone, flow.n_structural))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return flow.eval()


def draw(flow: StructureFlow, code: Tensor, formula: Tensor | None) -> Tensor:
    """Rounded images of many draws."""
    y = torch.where(code > 0.5, 1.0, -1.0).double()
    parts = []
    with torch.no_grad():
        for k in range(10):
            z = flow.sample_z(Draws(generator_for(1, "draws", k), N_DRAWS // 10))
            told = None if formula is None else formula.expand(len(z), -1)
            x, _ = flow.from_latent(Latent(z, y.expand(len(z), -1)), told)
            # Cells below the diagonal hold nothing but noise.
            parts.append((x[:, 0] + 0.5).floor().triu().to(torch.uint8))
    return torch.cat(parts)


@pytest.mark.parametrize("formula_known", [False, True])
def test_frequencies_are_those_of_the_likelihood(
    flow: StructureFlow,
    structures: Tensor,
    codes: Tensor,
    *,
    formula_known: bool,
) -> None:
    query = len(codes) // 2
    code = codes[query]
    told = flow.formula_of(structures[query : query + 1]) if formula_known else None
    condition = None if told is None else told.expand(len(structures), -1)
    with torch.no_grad():
        log_p = flow.log_probability(structures, code.expand(len(structures), -1), condition)
    p = log_p.exp().double().numpy()
    drawn = draw(flow, code, told)
    names = {image.numpy().tobytes(): k for k, image in enumerate(structures[:, 0])}
    index = np.array([names.get(image.tobytes(), len(names)) for image in drawn.numpy()])
    observed = np.bincount(index, minlength=len(names) + 1)
    # What is left over: other tables, be they of molecules in another form or of larger ones.
    expected = N_DRAWS * np.append(p, 1 - p.sum())
    assert 0 <= expected[-1] < 0.5 * N_DRAWS
    rare = expected < 5
    rare[-1] = True
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    assert len(expected) > (2 if formula_known else 5)
    assert chisquare(observed, expected).pvalue > 1e-3


def test_mass_of_all_tables_is_one(flow: StructureFlow, codes: Tensor) -> None:
    # Every draw's own probability, weighed by how often it is drawn, sums to 1 over what is drawn.
    drawn = draw(flow, codes[0], None)
    distinct = torch.unique(drawn, dim=0)
    images = distinct.new_zeros(len(distinct), 4, 16, 16)
    images[:, 0] = distinct
    with torch.no_grad():
        log_p = flow.log_probability(images, codes[0].expand(len(images), -1))
    seen = float(log_p.exp().sum())
    # What the draws have missed is about the share of draws that came once (Good and Turing).
    _, counts = torch.unique(drawn, dim=0, return_counts=True)
    missed = float((counts == 1).sum()) / len(drawn)
    assert seen + missed == pytest.approx(1.0, abs=0.01)
