"""Every score of a network on a set of records: what ``nmrflow.evaluate`` writes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmrflow.console import progress
from nmrflow.data.dataset import EVALUATION_BATCH_SIZE, SpectrumDataset
from nmrflow.data.splits import structure_hash
from nmrflow.errors import StructureError
from nmrflow.metrics import calibration, conditional, latent, probes, spectrum, structure
from nmrflow.metrics.entropy import cell_entropy_bits
from nmrflow.metrics.inversion import inversion_scores
from nmrflow.model.results import Proposal, RankedProposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws, generator_for
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
    encoded = _encode(trained, validation, seed)
    everything = [train.x, validation.x] if train else [validation.x]
    x_back = _invert(trained, encoded)
    real_counts = _cell_counts(trained, validation.x.numpy())
    z = encoded.z_structural
    scores = {
        "n": len(validation),
        "n_seen_in_training": sum(structure_hash(s.connectivity) in seen for s in structures),
        **_forward(trained, encoded, side["constant_bins"]),
        **_prefixed(
            "inversion/",
            inversion_scores(encoded.x.cpu().numpy(), x_back, structures, trained.codec),
        ),
        **_correlations("published_inverse/", real_counts, _cell_counts(trained, _set(x_back))),
        **_prefixed("latent/", latent.residual_statistics(z)),
        **_prefixed("latent/", latent.dimension_statistics(z)),
        "entropy/x_bits": cell_entropy_bits(torch.cat(everything).numpy()),
        "entropy/n": sum(map(len, everything)),
    }
    if not complete:
        return scores
    encoded_train = None if train is None else _encode(trained, train, seed)
    return {
        **scores,
        **_probes(encoded, encoded_train),
        **_conditional(trained, encoded, encoded_train, seed),
        **_backward(trained, validation, real_counts, n_samples=n_samples, seed=seed),
    }


class _Encoded(NamedTuple):
    """A set of records in latent space, y being the query where the flow can be asked one."""

    x: Tensor
    z: Tensor
    y: Tensor
    logits: NDArray[np.float64]
    code: NDArray[np.bool_]
    n_structural: int

    @property
    def z_structural(self) -> NDArray[np.floating]:
        """Of z what carries the structure."""
        return self.z[:, : self.n_structural].cpu().numpy()


@torch.no_grad()
def _encode(trained: TrainedFlow, dataset: SpectrumDataset, seed: int) -> _Encoded:
    flow = trained.flow
    xs, slots, logits = [], [], []
    for number, batch in enumerate(dataset.batches()):
        generator = generator_for(seed, "encode", number)
        x = flow.fill(batch.x, batch.code, Draws(generator, len(batch.x)))
        latent = flow.to_latent(x)[0]
        xs.append(x)
        slots.append(latent)
        logits.append(flow.predicted_within(x, latent).double().cpu().numpy())
    z, y = (torch.cat(slot) for slot in zip(*slots, strict=True))
    code = dataset.code.numpy().astype(bool)
    return _Encoded(torch.cat(xs), z, y, np.concatenate(logits), code, flow.n_structural)


@torch.no_grad()
def _invert(trained: TrainedFlow, encoded: _Encoded) -> NDArray[np.floating]:
    slots = encoded.z, encoded.y
    parts = zip(*(torch.split(s, EVALUATION_BATCH_SIZE) for s in slots), strict=True)
    inverses = [trained.flow.from_latent(Latent(z, y))[0].cpu().numpy() for z, y in parts]
    return np.concatenate(inverses)


def _forward(
    trained: TrainedFlow, encoded: _Encoded, constant_bins: dict[str, list[int]]
) -> Scores:
    logits, true = encoded.logits, encoded.code
    predicted = spectrum.to_bits(logits, trained.logit_thresholds)
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
    z_train, z = train.z_structural, encoded.z_structural
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
    """The test that the paper's text describes: y from the measured spectrum, z drawn.

    With the formula known, a network that can be asked for one is; of one that cannot, those
    samples are kept that happen to have it.
    """
    truths = [record.structure for record in validation.records]
    blind = _propose(trained, validation, None, n_samples=n_samples, seed=seed)
    if trained.takes_formula:
        formulas = [truth.formula for truth in truths]
        told = _propose(trained, validation, formulas, n_samples=n_samples, seed=seed)
    else:
        same = [
            [c for c in candidates if c.structure.formula == truth.formula]
            for candidates, truth in zip(blind.ranked, truths, strict=True)
        ]
        told = blind._replace(ranked=same)
    known = set(trained.description["training_side"]["structure_hashes"])
    names = [truth.connectivity for truth in truths]
    scores = _correlations("structure/", real_counts, np.array(blind.counts))
    for suffix, found in (("", blind), ("_formula", told)):
        ranked = [
            [c.structure.connectivity for c in candidates[: structure.N_FIRST]]
            for candidates in found.ranked
        ]
        scores |= _named("structure/", structure.ranking_scores(ranked, names), suffix)
        if not suffix or trained.takes_formula:
            sampled = structure.sampling_scores(
                found.samples, names, lambda name: structure_hash(name) in known
            )
            scores |= _named("structure/", sampled, suffix)
        if found.log_p is not None:
            scores[f"structure/log_p_truth{suffix}"] = float(found.log_p.mean())
    return scores


class _Proposed(NamedTuple):
    """What was proposed for every record: names of samples, ranked candidates, first counts."""

    samples: list[list[str | None]]
    ranked: list[list[RankedProposal]]
    counts: list[tuple[int, int]]
    log_p: NDArray[np.float64] | None


def _propose(
    trained: TrainedFlow,
    validation: SpectrumDataset,
    formulas: list[str] | None,
    *,
    n_samples: int,
    seed: int,
) -> _Proposed:
    codes = validation.code.numpy()
    samples: list[list[str | None]] = []
    ranked, counts = [], []
    queries = trained.iterate_proposals(codes, n_samples, seed, formulas)
    title = "backward test" if formulas is None else "backward test, formula known"
    for k, proposals in enumerate(progress(queries, len(codes), title)):
        counts.append(trained.codec.count_bonds(_rounded(trained, proposals[0])))
        drawn = (p.structure for p in proposals)
        samples.append([None if s is None else s.connectivity for s in drawn])
        ranked.append(trained.rank(proposals, codes[k], None if formulas is None else formulas[k]))
    log_p = None
    if trained.takes_formula:
        log_p = trained.log_p([r.structure for r in validation.records], codes, formulas)
    return _Proposed(samples, ranked, counts, log_p)


def _rounded(trained: TrainedFlow, proposal: Proposal) -> NDArray[np.uint8]:
    try:
        return trained.codec.round(proposal.x)
    except StructureError:  # diverged: no cell can be said to be set
        return np.zeros(trained.codec.shape, dtype=np.uint8)


def _cell_counts(trained: TrainedFlow, cells: NDArray[np.generic]) -> NDArray[np.int64]:
    return np.array([trained.codec.count_bonds(tensor) for tensor in cells])


def _set(x: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Cells that count as set in the published code's test of the inverse."""
    return x > 0


def _correlations(prefix: str, real: NDArray[np.int64], generated: NDArray[np.int64]) -> Scores:
    """Real against generated numbers of bonds and of aromatic bonds, a row per molecule."""
    return {
        f"{prefix}{name}_correlation": structure.count_correlation(real[:, k], generated[:, k])
        for k, name in enumerate(("bond_count", "aromatic_bond_count"))
    }


def _prefixed(prefix: str, scores: dict[str, Any]) -> Scores:
    return _named(prefix, scores, "")


def _named(prefix: str, scores: Mapping[str, Any], suffix: str) -> Scores:
    return {f"{prefix}{name}{suffix}": value for name, value in scores.items()}
