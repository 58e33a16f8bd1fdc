"""Whether what a small flow draws comes as often as it says: every molecule counted.

All molecules of C, N and O of two to four heavy atoms, a network trained on them for a minute, and
for each set of what is known as many draws of z; their frequencies against log p by a chi-square
test, and the sum of all probabilities.
"""

import argparse
import time
from functools import partial

import torch
from scipy.stats import chisquare
from torch import Tensor, nn

from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.flow import AtomTransformer, Flow, SpectrumCoupling, StructureCoupling
from nmrflow.flow.latent import Latent
from nmrflow.flow.saturated import SaturatedGrammar
from nmrflow.flow.search import every_table
from nmrflow.flow.state import UNKNOWN
from nmrflow.model.network import grammar_of
from nmrflow.numerics import Draws, generator_for

N_BINS = 6
TRUTH = "CC(N)=O"
KNOWN = {
    "nothing": [],
    "oxygens": [2],
    "elements": [0, 1, 2],
    "formula": [0, 1, 2, 3],
    "kinds of carbon": [4, 5, 6, 7],
    "formula and kinds of carbon": [*range(8)],
}
"""Which totals: C, N, O, H, then carbons with 0, 1, 2 and 3 hydrogens."""
_AT_ONCE = 5_000
_LEAST_EXPECTED = 5.0
_LEAST = -1e6


class _Spectrum(nn.Linear):
    """Stands for the forward side, which is not asked here."""

    def forward(self, cells: Tensor) -> Tensor:
        return super().forward(cells.to(self.weight.dtype))


def facts_of(grammar: SaturatedGrammar, totals: Tensor, n_facts: int) -> Tensor:
    """Totals, and no peak: those of the code are read."""
    return torch.nn.functional.pad(totals, (0, n_facts - grammar.n_counts), value=UNKNOWN)


def train(node: StructureCoupling, tokens: Tensor, totals: Tensor, seconds: float) -> list[float]:
    """Learn molecules, some far more frequent than others, with some of their totals told."""
    generator = torch.Generator().manual_seed(0)
    often = torch.rand(len(tokens), generator=generator) ** 6
    optimizer = torch.optim.Adam(node.parameters(), lr=2e-3)
    n_facts = node.unknown_condition(1).shape[1]
    end, losses = time.monotonic() + seconds, []
    while time.monotonic() < end:
        rows = often.multinomial(128, replacement=True, generator=generator)
        is_told = torch.rand(128, totals.shape[1], generator=generator) < torch.rand(
            128, 1, generator=generator
        )
        told = torch.where(is_told, totals[rows], UNKNOWN)
        code = torch.ones(128, N_BINS, dtype=torch.bool)
        facts = facts_of(node.grammar, told, n_facts)
        log_p = node.log_probability_of_tokens(tokens[rows], code, facts)
        # What is said of a dead end is impossible once its totals are told.
        loss = -log_p[log_p > _LEAST].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return losses


@torch.no_grad()
def count(flow: Flow, counts: Tensor, n: int, seed: int) -> tuple[float, float, int, int]:
    """Sum of all probabilities, p of the chi-square test, its groups, and draws of none."""
    node = flow.likely
    assert isinstance(node, StructureCoupling)
    grammar = node.grammar
    tokens = every_table(grammar, counts)
    facts = facts_of(grammar, counts, node.unknown_condition(1).shape[1])
    parts = []
    for some in tokens.split(_AT_ONCE):
        code = torch.ones(len(some), N_BINS, dtype=torch.bool)
        parts.append(node.log_probability_of_tokens(some, code, facts.expand(len(some), -1)))
    p = torch.cat(parts).exp().double()
    place = {tuple(row): k for k, row in enumerate(grammar.to_cells(tokens).tolist())}
    seen = torch.zeros(len(tokens), dtype=torch.float64)
    draws = Draws(generator_for(seed, "likelihood"), n)
    z, n_other = flow.sample_z(draws), 0
    for some in z.split(_AT_ONCE):
        y = torch.ones(len(some), N_BINS, dtype=some.dtype)
        x = flow.from_latent(Latent(some, y), {"facts": facts.expand(len(some), -1)})[0]
        cells = (x[:, : grammar.n_cells]).round().long()
        for row in cells.tolist():
            k = place.get(tuple(row))
            n_other += k is None
            if k is not None:
                seen[k] += 1
    order = p.argsort()
    expected, found = n * p[order], seen[order]
    # Rare tables are counted together, so that each group is expected often enough.
    group = (expected.cumsum(0) / _LEAST_EXPECTED).floor().long()
    group = torch.where(expected >= _LEAST_EXPECTED, group.max() + 1 + torch.arange(len(p)), group)
    _, index = group.unique(return_inverse=True)
    sums = torch.zeros(2, int(index.max()) + 1, dtype=torch.float64)
    sums[0].index_add_(0, index, expected)
    sums[1].index_add_(0, index, found)
    test = chisquare(sums[1].numpy(), (sums[0] * sums[1].sum() / sums[0].sum()).numpy())
    return float(p.sum()), float(test.pvalue), sums.shape[1], n_other


def main() -> None:
    """Print a line for each set of what is known."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000, help="draws for each")
    parser.add_argument("--seconds", type=float, default=60, help="of training")
    given = parser.parse_args()
    torch.manual_seed(0)
    domain = Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=4)
    codec = TableCodec(domain, tells_hydrogens=True)
    grammar = grammar_of(codec)
    assert isinstance(grammar, SaturatedGrammar)
    sizes = {"width": 32, "n_layers": 2, "n_heads": 2, "pointer_width": 16, "n_peak_layers": 1}
    conditional = partial(AtomTransformer, **sizes)
    flow = Flow(
        nodes={
            "spectrum": SpectrumCoupling,
            "structure": partial(StructureCoupling, conditional=conditional),
        },
        cell_shape=(grammar.n_cells,),
        n_bins=N_BINS,
        known={"grammar": grammar, "predictor": _Spectrum(grammar.n_cells, N_BINS)},
    )
    node = flow.likely
    assert isinstance(node, StructureCoupling)
    unknown = torch.full((1, grammar.n_counts), UNKNOWN)
    tokens = every_table(grammar, unknown)
    totals = grammar.totals_of_tokens(tokens, grammar.counted)
    losses = train(node, tokens, totals, given.seconds)
    print(f"{len(tokens)} tables; {len(losses)} steps; loss {losses[0]:.2f} to {losses[-1]:.2f}")
    flow.double().eval()
    cells = torch.from_numpy(codec.encode(Structure.from_smiles(TRUTH))[None])
    truth = grammar.counts_of(cells.long())
    for name, told in KNOWN.items():
        counts = unknown.clone()
        counts[:, told] = truth[:, told]
        mass, p, n_groups, n_other = count(flow, counts, given.n, 1)
        print(
            f"{name}: mass {mass:.12f}, chi-square p {p:.4f} ({n_groups} groups), {n_other} others"
        )


if __name__ == "__main__":
    main()
