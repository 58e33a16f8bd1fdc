"""Every score of a network on a set of records: what ``nmrflow.evaluate`` writes."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmrflow.answers.candidates import Candidate, order, weigh_drawn
from nmrflow.answers.conditions import of_question
from nmrflow.console import progress
from nmrflow.data.dataset import EVALUATION_BATCH_SIZE, SpectrumDataset
from nmrflow.data.splits import structure_hash
from nmrflow.errors import StructureError
from nmrflow.evaluation.backward import backward_scores, choose
from nmrflow.evaluation.paper.bonds import Counts, bond_correlations, bond_counts
from nmrflow.evaluation.paper.conditional import conditional_scores
from nmrflow.evaluation.paper.entropy import cell_entropy_bits
from nmrflow.evaluation.scores_file import named
from nmrflow.evaluation.shifts import shift_scores
from nmrflow.evaluation.trials import question_of
from nmrflow.flow.latent import Latent
from nmrflow.metrics import calibration, latent, probes, spectrum, structure
from nmrflow.metrics.inversion import inversion_scores
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws, generator_for

Scores = dict[str, Any]
"""Numbers, maps and curves by name (``subject/quantity``); None where nothing can be said."""

SCORING = {"n_samples": 50, "seed": 0, "n_records": 1000}
"""For checkpoints from before the configuration said it."""

MIN_TO_PROBE = 20
"""Training-side records below which no probe is fitted."""


def score(  # noqa: PLR0913 - most by name
    trained: TrainedFlow,
    validation: SpectrumDataset,
    train: SpectrumDataset | None,
    *,
    n_samples: int,
    seed: int,
    n_records: int = SCORING["n_records"],
    complete: bool = True,
) -> Scores:
    """Forward, inverse, latent and backward scores on a set of records.

    Records are encoded with the network's codec and axis. The probes and the learned prior need
    the training side; without, their scores are None. ``n_samples`` are drawn per query of the
    backward test. ``complete`` is also what has to be sampled or fitted, which takes many times
    as long: the backward test, the conditional deviation and variation, the probes. A network
    whose codec tells hydrogens is asked backward for ``n_records`` of the records
    (:mod:`nmrflow.evaluation.backward`), and the rest is left out.

    Returns:
        ``n``, ``n_seen_in_training`` (records whose molecule is on the training side), and
        the scores; ``docs/scores.md`` says what each means.
    """
    side = trained.description["training_side"]
    structures = [record.structure for record in validation.records]
    seen = set(side["structure_hashes"])
    counts = {
        "n": len(validation),
        "n_seen_in_training": sum(structure_hash(s.connectivity) in seen for s in structures),
        **shift_scores(trained, validation.records),
    }
    if trained.codec.tells_hydrogens or not trained.network.has_flow:
        logits = trained.predict_logits(structures)
        code = validation.code.numpy().astype(bool)
        scores = {**counts, **_forward(trained, logits, code, side["constant_bins"])}
        if complete and trained.network.has_flow:
            chosen = choose(trained, validation.records, n_records, seed)
            scores |= backward_scores(trained, chosen, n_samples=n_samples, seed=seed)
        return scores
    encoded = _encode(trained, validation, seed)
    everything = [train.x, validation.x] if train else [validation.x]
    x_back = _invert(trained, encoded)
    real_counts = bond_counts(trained.codec, validation.x.numpy())
    x, z = encoded.x.cpu().numpy(), encoded.z.cpu().numpy()
    scores = {
        **counts,
        **_forward(trained, encoded.logits, encoded.code, side["constant_bins"]),
        **named("inversion/", inversion_scores(x, x_back, structures, trained.codec)),
        # The published code's test of the inverse: what is above 0 counts as set.
        **bond_correlations(
            "published_inverse/", real_counts, bond_counts(trained.codec, x_back > 0)
        ),
        **named("latent/", latent.residual_statistics(z)),
        **named("latent/", latent.dimension_statistics(z)),
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
    return _Encoded(torch.cat(xs), z, y, np.concatenate(logits), code)


@torch.no_grad()
def _invert(trained: TrainedFlow, encoded: _Encoded) -> NDArray[np.floating]:
    slots = (torch.split(slot, EVALUATION_BATCH_SIZE) for slot in (encoded.z, encoded.y))
    latents = itertools.starmap(Latent, zip(*slots, strict=True))
    return np.concatenate([trained.flow.from_latent(one)[0].cpu().numpy() for one in latents])


def _forward(
    trained: TrainedFlow,
    logits: NDArray[np.float64],
    true: NDArray[np.bool_],
    constant_bins: dict[str, list[int]],
) -> Scores:
    predicted = spectrum.to_bits(logits, trained.logit_thresholds)
    curve = calibration.reliability_curve(calibration.probabilities(logits), true)
    return {
        **named("spectrum/", spectrum.spectrum_scores(predicted, true)),
        **named("spectrum/constant/", spectrum.constant_scores(constant_bins, true)),
        **named("spectrum/", spectrum.bit_counts(predicted, true)),
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
    z_train = None if train is None else train.z
    scores = conditional_scores(
        lambda z, y: trained.flow.from_latent(Latent(z, y))[0], encoded.z, encoded.y, z_train, seed
    )
    return named("conditional/", scores)


def _backward(
    trained: TrainedFlow,
    validation: SpectrumDataset,
    real_counts: Counts,
    *,
    n_samples: int,
    seed: int,
) -> Scores:
    """The test that the paper's text describes: y from the measured spectrum, z drawn.

    With the formula known, a network that can be asked for one is; of one that cannot, those
    samples are kept that happen to have it.
    """
    truths = [record.structure for record in validation.records]
    blind = _propose(trained, validation, tells_formula=False, n_samples=n_samples, seed=seed)
    if trained.takes_formula:
        told = _propose(trained, validation, tells_formula=True, n_samples=n_samples, seed=seed)
    else:
        same = [
            [c for c in candidates if c.structure.formula == truth.formula]
            for candidates, truth in zip(blind.ranked, truths, strict=True)
        ]
        told = blind._replace(ranked=same)
    known = set(trained.description["training_side"]["structure_hashes"])
    names = [truth.connectivity for truth in truths]
    scores = bond_correlations("structure/", real_counts, blind.counts)
    for suffix, found in (("", blind), ("_formula", told)):
        ranked = [
            [c.structure.connectivity for c in candidates[: structure.N_FIRST]]
            for candidates in found.ranked
        ]
        scores |= named("structure/", structure.ranking_scores(ranked, names), suffix)
        if not suffix or trained.takes_formula:
            sampled = structure.sampling_scores(
                found.samples, names, lambda name: structure_hash(name) in known
            )
            scores |= named("structure/", sampled, suffix)
        if found.log_p is not None:
            scores[f"structure/log_p_truth{suffix}"] = float(found.log_p.mean())
    return scores


class _Proposed(NamedTuple):
    """What was proposed for every record: names of samples, ranked candidates, first counts."""

    samples: list[list[str | None]]
    ranked: Sequence[Sequence[Candidate]]
    counts: Counts
    log_p: NDArray[np.float64] | None


def _propose(
    trained: TrainedFlow,
    validation: SpectrumDataset,
    *,
    tells_formula: bool,
    n_samples: int,
    seed: int,
) -> _Proposed:
    records = validation.records
    questions = [question_of(r, tells_formula=tells_formula) for r in records]
    samples, ranked, first = [], [], []
    drawn = trained.iterate_proposals(questions, n_samples, seed, explains=False)
    title = "backward test, formula known" if tells_formula else "backward test"
    pairs = zip(questions, drawn, strict=True)
    for question, proposals in progress(pairs, len(questions), title):
        first.append(_rounded(trained, proposals[0]))
        names = (p.structure for p in proposals)
        samples.append([None if s is None else s.connectivity for s in names])
        ranked.append(
            order(weigh_drawn(trained, question, of_question(proposals, question).proposals))
        )
    truths = [record.structure for record in records]
    log_p = trained.log_p(truths, questions) if trained.has_likelihood else None
    return _Proposed(samples, ranked, bond_counts(trained.codec, first), log_p)


def _rounded(trained: TrainedFlow, proposal: Proposal) -> NDArray[np.uint8]:
    try:
        return trained.codec.round(proposal.x)
    except StructureError:  # diverged: no cell can be said to be set
        return np.zeros(trained.codec.shape, dtype=np.uint8)
