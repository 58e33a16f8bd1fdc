"""What a model configuration describes; read by who trains it and by who uses it.

Apart from :mod:`nmrflow.training.module`, so that an answer does not wait for Lightning's import.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from nmrflow.chem.codecs.published import MoleculeCodec
from nmrflow.config import ALLOWED_TO_TRAIN, build
from nmrflow.flow import SpectrumFlow
from nmrflow.spectra.axis import ShiftAxis


class Network(NamedTuple):
    """What a model configuration describes: the encodings and the bijection between them."""

    codec: MoleculeCodec
    axis: ShiftAxis
    flow: SpectrumFlow


def build_network(
    model: Mapping[str, Any], seed: int, allowed: tuple[str, ...] = ALLOWED_TO_TRAIN
) -> Network:
    """Build codec, axis and flow; the flow's ends follow from the two others.

    Raises:
        ConfigError: As :func:`nmrflow.config.build`.
        ShapeError: If the flow does not fit the encodings.
    """
    codec: MoleculeCodec = build(model["codec"], object, allowed)
    axis: ShiftAxis = build(model["axis"], ShiftAxis, allowed)
    flow: SpectrumFlow = build(
        model["flow"], SpectrumFlow, allowed, in_shape=codec.shape, n_bins=axis.n_bins, seed=seed
    )
    return Network(codec, axis, flow)
