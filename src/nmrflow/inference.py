"""A trained network at work: what notebooks and commands use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nmrflow import checkpoint as checkpoints
from nmrflow.chem.structure import Structure
from nmrflow.config import ALLOWED_IN_CHECKPOINT, build
from nmrflow.console import progress
from nmrflow.data.dataset import EVALUATION_BATCH_SIZE
from nmrflow.data.records import Source
from nmrflow.data.splits import Split
from nmrflow.errors import CheckpointError, NmrflowError, SpectrumError, StructureError
from nmrflow.metrics.spectrum import LOGIT_THRESHOLD
from nmrflow.module import Network, build_network
from nmrflow.numerics import generator_for
from nmrflow.types import Latent


@dataclass(frozen=True)
class PredictedSpectrum:
    """The forward direction's answer for one structure.

    Args:
        structure: The structure as it went in.
        probabilities: Probability of each bit of the code, ``(n_bins,)``.
        code: The bits, 0/1, ``(n_bins,)``: set where the probability is above one half.
        shifts_ppm: Centres of the set bins in ppm, ascending; each ± half a bin.
    """

    structure: Structure
    probabilities: NDArray[np.float64]
    code: NDArray[np.uint8]
    shifts_ppm: tuple[float, ...]


@dataclass(frozen=True)
class Proposal:
    """One draw of the backward direction: x = f⁻¹(z, y) for one random z.

    Args:
        structure: The molecule that the rounded x is; None where it is none.
        refusal: Why the rounded x is no molecule; None where it is one.
        x: What the inverse returned, before rounding, ``(C, H, W)``.
        z: The residual that was drawn.
    """

    structure: Structure | None
    refusal: str | None
    x: NDArray[np.float32]
    z: NDArray[np.float32]


class TrainedFlow:
    """A network with the weights of a checkpoint.

    Args:
        network: Codec, axis and flow.
        description: The checkpoint's own account: configuration, data, split, versions.
    """

    def __init__(self, network: Network, description: dict[str, Any]) -> None:
        self.codec, self.axis, self.flow = network
        self.network = network
        self.description = description
        self.flow.eval()

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a user of this network must know, as sentences."""
        sentences = [f"Structures lose {lost}." for lost in self.codec.loses]
        if self.codec.depends_on_atom_order:
            sentences.append(
                "Predictions depend on how the atoms are numbered and on which Kekulé form is "
                "drawn: the network sees a numbering, not a molecule."
            )
        return tuple(sentences)

    @property
    def source(self) -> Source:
        """The data that it was trained on, at the place where they were then."""
        own = self.description["config"]["data"]
        located = own | {"path": self.description["data_path"]} if "path" in own else own
        source: Source = build(located, object, ALLOWED_IN_CHECKPOINT)
        return source

    @property
    def split(self) -> Split:
        """The split that it was trained under: what it has not seen is on its validation side."""
        split: Split = build(self.description["config"]["split"], object, ALLOWED_IN_CHECKPOINT)
        return split

    def __repr__(self) -> str:
        d = self.description
        return "\n".join(
            (
                f"TrainedFlow of experiment {d['config']['name']!r}: trained on {d['n_train']} "
                f"spectra of {d['data']}, split {d['split']} with seed {d['split_seed']}",
                *self.caveats,
            )
        )

    def to_latent(self, structures: Sequence[Structure | str]) -> Latent:
        """Run the network forward: f of each structure's tensor.

        Args:
            structures: Structures, or SMILES, whose atom order is then that of the text.

        Returns:
            z ``(n, n_residual)`` and y ``(n, n_bins)``; y are logits of the code's bits.

        Raises:
            StructureError: If one cannot be read or lies outside the codec's domain; the
                message names its position. Also for an empty list.
        """
        _, x = self._read_structures(structures)
        return self._to_latent(x)

    @torch.no_grad()
    def from_latent(self, latent: Latent) -> list[Proposal]:
        """Run the network backward: f⁻¹ of each latent, rounded and decoded, nothing repaired.

        Args:
            latent: z ``(n, n_residual)`` and y ``(n, n_bins)``.

        Raises:
            ShapeError: If a slot has another width.
        """
        weight = next(self.flow.parameters())
        proposals = []
        for z, y in zip(
            *(torch.split(slot, EVALUATION_BATCH_SIZE) for slot in latent), strict=True
        ):
            x = self.flow.from_latent(Latent(z.to(weight), y.to(weight)))[0].cpu().numpy()
            proposals += [self._decode(*pair) for pair in zip(x, z.cpu().numpy(), strict=True)]
        return proposals

    def predict_spectrum(self, structures: Sequence[Structure | str]) -> list[PredictedSpectrum]:
        """Predict the code of each structure; arguments and errors as of :meth:`to_latent`."""
        read, x = self._read_structures(structures)
        logits = self._to_latent(x).y.double()
        codes = (logits > LOGIT_THRESHOLD).numpy().astype(np.uint8)
        centres = self.axis.centres_ppm()
        return [
            PredictedSpectrum(s, p, code, tuple(float(c) for c in centres[code == 1]))
            for s, p, code in zip(read, logits.sigmoid().numpy(), codes, strict=True)
        ]

    def propose_structures(
        self,
        spectra: Sequence[Sequence[float]] | NDArray[np.generic],
        n_samples: int,
        seed: int,
    ) -> list[list[Proposal]]:
        """Propose structures for measured spectra: y from the spectrum, z from the prior.

        The measured code becomes y by writing the mean training logit of true and of false
        bits; z is drawn from N(0, I).

        Args:
            spectra: Peak lists in ppm, or spectrum codes as an integer or boolean array
                ``(n, n_bins)`` of zeros and ones.
            n_samples: Draws per spectrum, at least 1.
            seed: Seed of the draws. The draws of the i-th spectrum depend on the seed and i
                only: more samples extend the list, they do not change it.

        Returns:
            For each spectrum its ``n_samples`` proposals, in the order drawn.

        Raises:
            SpectrumError: If a peak list or code is none, naming its position, or
                ``n_samples`` is below 1.
        """
        return list(
            progress(self.iterate_proposals(spectra, n_samples, seed), len(spectra), "proposing")
        )

    def iterate_proposals(
        self,
        spectra: Sequence[Sequence[float]] | NDArray[np.generic],
        n_samples: int,
        seed: int,
    ) -> Iterator[list[Proposal]]:
        """As :meth:`propose_structures`, spectrum by spectrum: for many, in little memory."""
        if n_samples < 1:
            raise SpectrumError(f"n_samples={n_samples}: at least 1")
        codes = [self._read_code(i, spectrum) for i, spectrum in enumerate(spectra)]
        side = self.description["training_side"]
        logits = torch.tensor([side["mean_logit_false"], side["mean_logit_true"]])
        # Several spectra at once: an inverse of few samples mostly waits for the weights.
        n_together = max(1, EVALUATION_BATCH_SIZE // n_samples)
        for start in range(0, len(codes), n_together):
            part = range(start, min(start + n_together, len(codes)))
            z = [self.flow.sample_z(n_samples, generator_for(seed, "propose", i)) for i in part]
            y = [logits[torch.from_numpy(codes[i]).long()].expand(n_samples, -1) for i in part]
            drawn = self.from_latent(Latent(torch.cat(z), torch.cat(y)))
            yield from (drawn[k * n_samples : (k + 1) * n_samples] for k in range(len(part)))

    def predict_logits(self, structures: Sequence[Structure]) -> NDArray[np.float64]:
        """Logits of each structure's bits, ``(n, n_bins)``; errors as of :meth:`to_latent`."""
        return self.to_latent(structures).y.double().numpy()

    def _read_structures(
        self, structures: Sequence[Structure | str]
    ) -> tuple[list[Structure], NDArray[np.uint8]]:
        read, tensors = [], []
        for position, given in enumerate(structures):
            try:
                structure = Structure.from_smiles(given) if isinstance(given, str) else given
                tensors.append(self.codec.encode(structure))
            except StructureError as error:
                raise StructureError(f"structure {position} ({given}): {error}") from error
            read.append(structure)
        if not read:
            raise StructureError("no structures were given; at least one is needed")
        return read, np.stack(tensors)

    @torch.no_grad()
    def _to_latent(self, x: NDArray[np.uint8]) -> Latent:
        weight = next(self.flow.parameters())
        parts = [
            self.flow.to_latent(part.to(weight))[0]
            for part in torch.split(torch.from_numpy(x), EVALUATION_BATCH_SIZE)
        ]
        return Latent(*(torch.cat(slot).cpu() for slot in zip(*parts, strict=True)))

    def _read_code(
        self, position: int, spectrum: Sequence[float] | NDArray[np.generic]
    ) -> NDArray[np.uint8]:
        if isinstance(spectrum, np.ndarray) and spectrum.dtype.kind in "biu":
            is_code = spectrum.shape == (self.axis.n_bins,) and np.isin(spectrum, (0, 1)).all()
            if not is_code:
                raise SpectrumError(
                    f"spectrum {position}: a code is {self.axis.n_bins} zeros and ones, "
                    f"got shape {spectrum.shape}"
                )
            return spectrum.astype(np.uint8)
        try:
            return self.axis.code_from_shifts([float(shift) for shift in spectrum])
        except (SpectrumError, TypeError, ValueError) as error:
            raise SpectrumError(f"spectrum {position}: {error}") from error

    def _decode(self, x: NDArray[np.float32], z: NDArray[np.float32]) -> Proposal:
        try:
            return Proposal(self.codec.decode(self.codec.round(x)), None, x, z)
        except StructureError as error:
            return Proposal(None, str(error), x, z)


def load_checkpoint(path: str | Path) -> TrainedFlow:
    """Load a trained network.

    Args:
        path: A checkpoint file, or a folder: then the newest ``last.ckpt`` in or under it.

    Raises:
        CheckpointError: If there is none, it is damaged, foreign, or carries anything but
            tensors and plain values; nothing in the file is ever executed.
    """
    checkpoint = checkpoints.read(path)
    description = checkpoint[checkpoints.KEY]
    try:
        network = build_network(description["config"]["model"], 0, ALLOWED_IN_CHECKPOINT)
        weights = {
            name.removeprefix("flow."): tensor
            for name, tensor in checkpoint["state_dict"].items()
            if name.startswith("flow.")
        }
        network.flow.load_state_dict(weights)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: lacks {error}; it is incomplete") from error
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: weights and configuration disagree ({reason})") from error
    except NmrflowError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return TrainedFlow(network, description)
