"""The scores of a network on a set of records: what ``nmrflow.evaluate`` writes."""

from typing import Any

import numpy as np
import torch

from nmrflow.data.dataset import SpectrumDataset
from nmrflow.data.splits import structure_hash
from nmrflow.metrics.inversion import inversion_scores
from nmrflow.metrics.latent import residual_statistics
from nmrflow.metrics.spectrum import constant_scores, spectrum_scores, to_bits
from nmrflow.module import Network


@torch.no_grad()
def score_network(
    network: Network, dataset: SpectrumDataset, training_side: dict[str, Any]
) -> dict[str, float]:
    """Forward, inverse and latent scores on a set of records.

    Args:
        network: Codec, axis and trained flow.
        dataset: Records to score on, encoded with that codec and axis.
        training_side: As :func:`nmrflow.training_side.summarise` gave it.

    Returns:
        ``n``, ``n_seen_in_training`` (records whose molecule is on the training side),
        ``spectrum/…``, ``spectrum/constant/…``, ``inversion/…`` and ``latent/…``.
    """
    weight = next(network.flow.parameters())
    logits, residuals, inverses = [], [], []
    for batch in dataset.batches():
        latent, _ = network.flow.to_latent(batch.x.to(weight))
        logits.append(latent.y.cpu().numpy())
        residuals.append(latent.z.cpu().numpy())
        inverses.append(network.flow.from_latent(latent)[0].cpu().numpy())
    predicted = to_bits(np.concatenate(logits))
    true = dataset.code.numpy().astype(bool)
    structures = [record.structure for record in dataset.records]
    seen = set(training_side["structure_hashes"])
    inversion = inversion_scores(
        dataset.x.numpy(), np.concatenate(inverses), structures, network.codec
    )
    return {
        "n": len(dataset),
        "n_seen_in_training": sum(structure_hash(s.connectivity) in seen for s in structures),
        **_prefixed("spectrum/", spectrum_scores(predicted, true)),
        **_prefixed("spectrum/constant/", constant_scores(training_side["constant_bins"], true)),
        **_prefixed("inversion/", inversion),
        **_prefixed("latent/", residual_statistics(np.concatenate(residuals))),
    }


def _prefixed(prefix: str, scores: dict[str, float]) -> dict[str, float]:
    return {prefix + name: value for name, value in scores.items()}
