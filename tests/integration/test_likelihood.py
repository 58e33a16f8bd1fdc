"""The likelihood is exact: structures are drawn as often as log p says."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.structure import Structure
from nmrflow.flow import Flow, SpectrumCoupling, StructureCoupling, StructureTransformer
from nmrflow.flow.latent import Latent
from nmrflow.flow.tokens import Grammar
from nmrflow.losses import FlowOutputs, LikelihoodLoss
from nmrflow.numerics import Draws, generator_for

# As long as the tables of the networks are, or with several kinds of atoms.
DOMAINS = {
    "hydrocarbons": Domain([["C", 0, 4]], max_atoms=17, min_atoms=2),
    "CHNO": Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=4),
}
# Those that molecules are made for: of up to four atoms there are few.
SMALL = {
    "hydrocarbons": Domain([["C", 0, 4]], max_atoms=4, min_atoms=2),
    "CHNO": Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=3),
}
SEEDS = {"hydrocarbons": "CCCC", "CHNO": "NCO"}
N_BINS = 16
N_DRAWS = 30_000
N_STEPS = 150


@pytest.fixture(scope="module", params=DOMAINS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def codec(name: str) -> TableCodec:
    return TableCodec(DOMAINS[name])


@pytest.fixture(scope="module")
def structures(name: str, codec: TableCodec) -> Tensor:
    """Plausible molecules of few atoms, as cells."""
    seed = Structure.from_smiles(SEEDS[name])
    found = generate_molecules([seed], 1_000, 0, SMALL[name], with_seeds=True)
    cells = np.stack([codec.encode(structure) for structure in found])
    assert len(cells) > 15
    return torch.from_numpy(cells)


@pytest.fixture(scope="module")
def codes(structures: Tensor) -> Tensor:
    """Codes that tell something of the molecule, but not all."""
    generator = torch.Generator().manual_seed(3)
    sums = structures.float() @ torch.randn(structures.shape[1], N_BINS, generator=generator)
    return (sums > 0.5).float()


@pytest.fixture(scope="module")
def flow(codec: TableCodec, structures: Tensor, codes: Tensor) -> Flow:
    """A small flow, trained until it knows these molecules."""
    domain = codec.domain
    flow = Flow(
        nodes={
            "spectrum": SpectrumCoupling,
            "structure": partial(
                StructureCoupling,
                conditional=partial(StructureTransformer, width=32, n_layers=2, n_heads=2),
                floor=1e-3,
            ),
        },
        cell_shape=codec.shape,
        n_bins=N_BINS,
        known={
            "predictor": None,
            "grammar": Grammar(domain.valences, domain.max_atoms, codec.pairs),
        },
    )
    optimizer = torch.optim.Adam(flow.parameters(), lr=3e-3)
    loss_of = LikelihoodLoss()
    for step in range(N_STEPS):
        draws = Draws(generator_for(0, "step", step), len(structures))
        told = flow.draw_conditions(structures, draws)
        x = flow.fill(structures, codes, draws)
        latent, log_det = flow.to_latent(x, told)
        loss = loss_of(FlowOutputs(x, codes, latent, log_det, codes.clone))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return flow.eval()


def draw(flow: Flow, code: Tensor, formula: Tensor | None) -> Tensor:
    """Rounded cells of many draws."""
    y = torch.where(code > 0.5, 1.0, -1.0).double()
    n_cells = flow.cell_shape[0]
    parts = []
    with torch.no_grad():
        for k in range(10):
            z = flow.sample_z(Draws(generator_for(1, "draws", k), N_DRAWS // 10))
            told = {} if formula is None else {"facts": formula.expand(len(z), -1)}
            x, _ = flow.from_latent(Latent(z, y.expand(len(z), -1)), told)
            parts.append((x[:, :n_cells] + 0.5).floor().to(torch.uint8))
    return torch.cat(parts)


@pytest.fixture(scope="module")
def drawn(flow: Flow, codes: Tensor) -> Tensor:
    """Of the code in the middle, no formula being known."""
    return draw(flow, codes[len(codes) // 2], None)


@pytest.mark.parametrize("formula_known", [False, True])
def test_frequencies_are_those_of_the_likelihood(
    flow: Flow,
    codec: TableCodec,
    structures: Tensor,
    codes: Tensor,
    drawn: Tensor,
    *,
    formula_known: bool,
) -> None:
    query = len(codes) // 2
    code = codes[query]
    told = {}
    if formula_known:
        asked = codec.decode(structures[query].numpy()).formula
        formula = torch.tensor([codec.domain.count(asked)])
        told = {"facts": formula.expand(len(structures), -1)}
        drawn = draw(flow, code, formula)
    with torch.no_grad():
        log_p = flow.log_probability(structures, code.expand(len(structures), -1), told)
    p = log_p.exp().double().numpy()
    names = {cells.numpy().tobytes(): k for k, cells in enumerate(structures)}
    index = np.array([names.get(cells.tobytes(), len(names)) for cells in drawn.numpy()])
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


def test_mass_of_all_tables_is_one(flow: Flow, codes: Tensor, drawn: Tensor) -> None:
    # Every draw's own probability, weighed by how often it is drawn, sums to 1 over what is drawn.
    code = codes[len(codes) // 2]
    distinct, counts = torch.unique(drawn, dim=0, return_counts=True)
    with torch.no_grad():
        log_p = flow.log_probability(distinct, code.expand(len(distinct), -1))
    seen = float(log_p.exp().sum())
    # What the draws have missed is about the share of draws that came once (Good and Turing).
    missed = float((counts == 1).sum()) / len(drawn)
    assert seen + missed == pytest.approx(1.0, abs=0.01)
