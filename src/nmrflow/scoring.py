"""Every score of a network on a set of records: what ``nmrflow.evaluate`` writes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmrflow.chem.structure import Structure
from nmrflow.console import progress
from nmrflow.data.dataset import EVALUATION_BATCH_SIZE, SpectrumDataset
from nmrflow.data.splits import structure_hash
from nmrflow.errors import StructureError
from nmrflow.inference import Proposal, TrainedFlow
from nmrflow.metrics import calibration, conditional, latent, probes, spectrum, structure
from nmrflow.metrics.entropy import cell_entropy_bits
from nmrflow.metrics.inversion import inversion_scores
from nmrflow.numerics import generator_for
from nmrflow.types import Latent

Scores = dict[str, Any]
"""Numbers, maps and curves by name (``subject/quantity``); None where nothing can be said."""

N_DISTURBED = 16
"""Molecules on which the deviation under noise is measured: it takes 245 inverses each."""

SCORING = {"n_samples": 50, "seed": 0}
"""For checkpoints from before the configuration said it."""

MIN_TO_PROBE = 20
"""Training-side records below which no probe is fitted."""


def score(
    trained: TrainedFlow,
    validation: SpectrumDataset,
    train: SpectrumDataset | None,
    *,
    n_samples: int,
    seed: int,
    complete: bool = True,
) -> Scores:
    """Forward, inverse, latent and backward scores on a set of records.

    Args:
        trained: The network.
        validation: Records to score on, encoded with its codec and axis.
        train: Records of the training side, which the probes and the learned prior need;
            their scores are None without.
        n_samples: Draws per query of the backward test.
        seed: Seed of everything that is drawn here.
        complete: Also what has to be sampled or fitted, which takes many times as long: the
            backward test, the conditional deviation and variation, the probes.

    Returns:
        ``n``, ``n_seen_in_training`` (records whose molecule is on the training side), and
        the scores; ``docs/scores.md`` says what each means.
    """
    side = trained.description["training_side"]
    structures = [record.structure for record in validation.records]
    seen = set(side["structure_hashes"])
    encoded = _encode(trained, validation)
    everything = [train.x, validation.x] if train else [validation.x]
    x_back = _invert(trained, encoded)
    real_counts = _cell_counts(trained, validation.x.numpy())
    z = encoded.z.cpu().numpy()
    scores = {
        "n": len(validation),
        "n_seen_in_training": sum(structure_hash(s.connectivity) in seen for s in structures),
        **_forward(encoded, side["constant_bins"]),
        **_prefixed(
            "inversion/",
            inversion_scores(validation.x.numpy(), x_back, structures, trained.codec),
        ),
        **_correlations("published_inverse/", real_counts, _cell_counts(trained, x_back > 0)),
        **_prefixed("latent/", latent.residual_statistics(z)),
        **_prefixed("latent/", latent.dimension_statistics(z)),
        "entropy/x_bits": cell_entropy_bits(torch.cat(everything).numpy()),
        "entropy/n": sum(map(len, everything)),
    }
    if not complete:
        return scores
    encoded_train = None if train is None else _encode(trained, train)
    return {
        **scores,
        **_probes(encoded, encoded_train),
        **_conditional(trained, encoded, encoded_train, seed),
        **_backward(trained, validation, real_counts, n_samples=n_samples, seed=seed),
    }


class _Encoded(NamedTuple):
    """A set of records in latent space, and their measured codes."""

    z: Tensor
    y: Tensor
    code: NDArray[np.bool_]


@torch.no_grad()
def _encode(trained: TrainedFlow, dataset: SpectrumDataset) -> _Encoded:
    weight = next(trained.flow.parameters())
    slots = [trained.flow.to_latent(batch.x.to(weight))[0] for batch in dataset.batches()]
    z, y = (torch.cat(slot) for slot in zip(*slots, strict=True))
    return _Encoded(z, y, dataset.code.numpy().astype(bool))


@torch.no_grad()
def _invert(trained: TrainedFlow, encoded: _Encoded) -> NDArray[np.floating]:
    parts = zip(*(torch.split(s, EVALUATION_BATCH_SIZE) for s in encoded[:2]), strict=True)
    inverses = [trained.flow.from_latent(Latent(z, y))[0].cpu().numpy() for z, y in parts]
    return np.concatenate(inverses)


def _forward(encoded: _Encoded, constant_bins: dict[str, list[int]]) -> Scores:
    logits, true = encoded.y.cpu().numpy(), encoded.code
    predicted = spectrum.to_bits(logits)
    curve = calibration.reliability_curve(calibration.probabilities(logits), true)
    return {
        **_prefixed("spectrum/", spectrum.spectrum_scores(predicted, true)),
        **_prefixed("spectrum/constant/", spectrum.constant_scores(constant_bins, true)),
        **_prefixed("spectrum/", spectrum.bit_counts(predicted, true)),
        "calibration/ece": calibration.expected_calibration_error(curve),
        "calibration/reliability": curve,
    }


def _probes(encoded: _Encoded, train: _Encoded | None) -> Scores:
    names = {"linear": probes.LinearProbe, "mlp": probes.TwoLayerProbe}
    if train is None or len(train.z) < MIN_TO_PROBE:
        return {f"latent/y_from_z_auroc_{name}": None for name in names}
    z_train, z = train.z.cpu().numpy(), encoded.z.cpu().numpy()
    return {
        f"latent/y_from_z_auroc_{name}": probe(z_train, train.code).auroc(z, encoded.code)
        for name, probe in names.items()
    }


@torch.no_grad()
def _conditional(
    trained: TrainedFlow, encoded: _Encoded, train: _Encoded | None, seed: int
) -> Scores:
    def inverse(z: Tensor, y: Tensor) -> Tensor:
        return trained.flow.from_latent(Latent(z, y))[0]

    chosen = np.unique(np.linspace(0, len(encoded.z) - 1, N_DISTURBED).round().astype(int))
    z, y = encoded.z[chosen], encoded.y[chosen]
    drawn = None
    if train is not None:
        generator = generator_for(seed, "learned prior")
        drawn = conditional.draw_from_prior(train.z, len(z), generator)
    scores: Scores = {"conditional/n_molecules": len(chosen)}
    for name, around in (("local", z), ("prior", drawn)):
        deviation: Scores = dict.fromkeys(conditional.Deviation._fields)
        if around is not None:
            repeated = y.repeat(len(around) // len(y), 1)
            generator = generator_for(seed, "noise", name)
            deviation = conditional.conditional_deviation(
                inverse, around, repeated, generator
            )._asdict()
        scores |= {f"conditional/{_placed(field, name)}": v for field, v in deviation.items()}
    variation = conditional.conditional_variation(
        inverse, encoded.y, encoded.z.shape[1], generator_for(seed, "variation")
    )
    return scores | _prefixed("conditional/", variation)


def _placed(field: str, name: str) -> str:
    """``cd_l2`` around ``local`` residuals is ``cd_local_l2``."""
    head, *tail = field.split("_")
    return "_".join([head, name, *tail])


def _backward(
    trained: TrainedFlow,
    validation: SpectrumDataset,
    real_counts: NDArray[np.int64],
    *,
    n_samples: int,
    seed: int,
) -> Scores:
    """The test that the paper's text describes: y from the measured spectrum, z drawn."""
    codes = validation.code.numpy()
    known = set(trained.description["training_side"]["structure_hashes"])
    truths = [record.structure for record in validation.records]
    names = [truth.connectivity for truth in truths]
    samples: list[list[str | None]] = []
    ranked: list[list[str]] = []
    ranked_formula: list[list[str]] = []
    counts = []
    queries = trained.iterate_proposals(codes, n_samples, seed)
    for proposals, code, truth in zip(
        progress(queries, len(codes), "backward test"), codes, truths, strict=True
    ):
        counts.append(trained.codec.count_bonds(_rounded(trained, proposals[0])))
        drawn = [p.structure for p in proposals]
        samples.append([None if s is None else s.connectivity for s in drawn])
        found = [s for s in drawn if s is not None]
        same_formula = [s for s in found if s.formula == truth.formula]
        likelihood = _log_likelihoods(trained, found, code)
        for of, kept in ((ranked, found), (ranked_formula, same_formula)):
            n_drawn = Counter(s.connectivity for s in kept)
            of.append(structure.rank_candidates(n_drawn, likelihood, structure.N_FIRST))
    return {
        **_correlations("structure/", real_counts, np.array(counts)),
        **_prefixed(
            "structure/",
            structure.sampling_scores(samples, names, lambda m: structure_hash(m) in known),
        ),
        **_prefixed("structure/", structure.ranking_scores(ranked, names)),
        **{
            f"structure/{name}_formula": value
            for name, value in structure.ranking_scores(ranked_formula, names).items()
        },
    }


def _log_likelihoods(
    trained: TrainedFlow, structures: Sequence[Structure], code: NDArray[np.generic]
) -> dict[str, float]:
    """Of the code under the forward prediction of each distinct molecule.

    A network that sees the numbering predicts each numbering otherwise: the first one drawn
    stands for the molecule.
    """
    distinct: dict[str, Structure] = {}
    for candidate in structures:
        distinct.setdefault(candidate.connectivity, candidate)
    if not distinct:
        return {}
    values = calibration.log_likelihood(trained.predict_logits(list(distinct.values())), code)
    return dict(zip(distinct, values.tolist(), strict=True))


def _rounded(trained: TrainedFlow, proposal: Proposal) -> NDArray[np.uint8]:
    try:
        return trained.codec.round(proposal.x)
    except StructureError:  # diverged: no cell can be said to be set
        return np.zeros(trained.codec.shape, dtype=np.uint8)


def _cell_counts(trained: TrainedFlow, cells: NDArray[np.generic]) -> NDArray[np.int64]:
    return np.array([trained.codec.count_bonds(tensor) for tensor in cells])


def _correlations(prefix: str, real: NDArray[np.int64], generated: NDArray[np.int64]) -> Scores:
    """Real against generated numbers of bonds and of aromatic bonds, a row per molecule."""
    return {
        f"{prefix}{name}_correlation": structure.count_correlation(real[:, k], generated[:, k])
        for k, name in enumerate(("bond_count", "aromatic_bond_count"))
    }


def _prefixed(prefix: str, scores: dict[str, Any]) -> Scores:
    return {prefix + name: value for name, value in scores.items()}
