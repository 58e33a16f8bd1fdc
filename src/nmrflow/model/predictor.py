"""A trained network at work, forward: structures to spectra."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nmrflow.chem.structure import Structure
from nmrflow.config.building import ALLOWED_IN_CHECKPOINT, build
from nmrflow.data.records import Source
from nmrflow.data.splits import Split
from nmrflow.errors import ConfigError, SpectrumError, StructureError
from nmrflow.files.reading import names_a_file
from nmrflow.metrics.calibration import probabilities
from nmrflow.metrics.spectrum import LOGIT_THRESHOLD
from nmrflow.model.calibration import Calibration, RankingWeights
from nmrflow.model.network import Network
from nmrflow.model.questions import Asked, read_questions
from nmrflow.model.results import PredictedShifts, PredictedSpectrum
from nmrflow.shifts.distribution import ShiftDistribution
from nmrflow.shifts.mixture import LaplaceMixture
from nmrflow.spectra.question import Question

Questions = Sequence[Asked] | NDArray[np.generic]
"""What is asked of each molecule, as :func:`nmrflow.model.questions.read_questions` reads it."""


class Predictor:
    """A network with the weights of a checkpoint, forward: structures to spectra.

    Args:
        network: Codec, axis, flow and forward side.
        description: The checkpoint's own account: configuration, data, split, versions.
        calibration: What held-out spectra say about its answers, where that was measured.
    """

    def __init__(
        self,
        network: Network,
        description: dict[str, Any],
        calibration: Calibration | None = None,
    ) -> None:
        self.network = network
        self.codec, self.axis, self.domain = network.codec, network.axis, network.domain
        self.description = description
        self.calibration = calibration
        side = description["training_side"]
        self.logit_thresholds = np.array(
            side.get("logit_thresholds") or [LOGIT_THRESHOLD] * self.axis.n_bins
        )

    @property
    def flow(self) -> Any:  # noqa: ANN401 - a nmrflow.flow.Flow, whose import takes long
        """The bijection, in evaluation mode."""
        return self.network.flow.eval()

    @property
    def predicts_shifts(self) -> bool:
        """Whether each atom's shift has a distribution, and not only each bit a probability."""
        return self.network.forward is not None

    @property
    def ranking(self) -> RankingWeights:
        """How given candidates are weighed: as calibrated, or else as configured."""
        if self.calibration is not None:
            return self.calibration.ranking
        return RankingWeights(**self.description["config"].get("ranking", {}))

    @property
    def proposal_ranking(self) -> RankingWeights:
        """The same of candidates that the network proposes itself."""
        if self.calibration is not None:
            if self.calibration.proposals is not None:
                return self.calibration.proposals
            if not self.calibration.is_of_given:
                return self.calibration.ranking
        own = self.description["config"].get("proposal_ranking")
        return RankingWeights(**own) if own else self.ranking

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

    def source_at(self, path: str | None) -> Source:
        """The data that it was trained on, at the place where they are now.

        What the checkpoint itself says of places is not followed: it may be a stranger's.

        Args:
            path: Their file; None for those that come with the package or are downloaded.

        Raises:
            ConfigError: If they lay in a file, and none is given.
        """
        own = self.description["config"]["data"]
        told = self.description.get("data_path")
        if "path" in own and path is None and told is not None:
            raise ConfigError(
                f"trained on {self.description['data']}, then at {str(told)!r}: paths in a "
                "checkpoint are not followed; say where that file is (nmrflow.evaluate: "
                "training_path=FILE; yardsticks: --data FILE)"
            )
        kept = {k: v for k, v in own.items() if not names_a_file(k) and k not in ("url", "sha256")}
        placed = {"path": path} if "path" in own else {}
        source: Source = build(kept | placed, object, ALLOWED_IN_CHECKPOINT)
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
                f"{type(self).__name__} of experiment {d['config']['name']!r}: trained on "
                f"{d['n_train']} spectra of {d['data']}, split {d['split']} with seed "
                f"{d['split_seed']}",
                *self.caveats,
            )
        )

    def ask(self, questions: Questions) -> list[Question]:
        """Questions in any form as such; raises as :func:`read_questions`."""
        return read_questions(questions, self.axis)

    def check(self, structure: Structure) -> None:
        """Refuse a structure that the network cannot answer for.

        Raises:
            StructureError: If it lies outside the domain, or has no atom of the observed element.
        """
        self.domain.check(structure)
        nucleus = self.axis.nucleus
        if nucleus.element not in structure.elements:
            raise StructureError(
                f"{structure.formula} has no {nucleus.noun}, and so no {nucleus.name} spectrum"
            )

    def read_structures(self, structures: Sequence[Structure | str]) -> list[Structure]:
        """Structures, or SMILES, as structures within the network's domain.

        Raises:
            StructureError: If one cannot be read, or as :meth:`check`; the message names its
                position. Also for an empty list.
        """
        read = []
        for position, given in enumerate(structures):
            try:
                structure = Structure.from_smiles(given) if isinstance(given, str) else given
                self.check(structure)
            except StructureError as error:
                raise StructureError(f"structure {position} ({given}): {error}") from error
            read.append(structure)
        if not read:
            raise StructureError("no structures were given; at least one is needed")
        return read

    def predict_logits(self, structures: Sequence[Structure | str]) -> NDArray[np.float64]:
        """Logits of each structure's bits, ``(n, n_bins)``; errors as of :meth:`to_latent`."""
        read = self.read_structures(structures)
        if self.network.forward is not None:
            return self.network.forward.logits([self.network.graph(s) for s in read]).numpy()
        return self._predict_by_flow(read)

    def predict_spectrum(self, structures: Sequence[Structure | str]) -> list[PredictedSpectrum]:
        """Predict the code of each structure; arguments and errors as of :meth:`to_latent`."""
        read = self.read_structures(structures)
        logits = self.predict_logits(read)
        codes = (logits > self.logit_thresholds).astype(np.uint8)
        centres = self.axis.centres_ppm()
        return [
            PredictedSpectrum(s, p, code, tuple(float(c) for c in centres[code == 1]))
            for s, p, code in zip(read, probabilities(logits), codes, strict=True)
        ]

    def predict_shifts(
        self,
        structures: Sequence[Structure | str],
        level: float = 0.9,
        dtype: torch.dtype = torch.float64,
    ) -> list[PredictedShifts]:
        """Predict the shift of each observed atom.

        Args:
            structures: As of :meth:`to_latent`.
            level: Probability of the interval, between 0 and 1.
            dtype: In which the networks compute: float32 is three times as fast, and good to
                about 1e-4 ppm.

        Raises:
            SpectrumError: If this network predicts bits only, or for another level.
            StructureError: As :meth:`to_latent`.
        """
        return [one for part, _ in self.predict_parts(structures, level, dtype) for one in part]

    def predict_parts(
        self,
        structures: Sequence[Structure | str],
        level: float = 0.9,
        dtype: torch.dtype = torch.float64,
    ) -> Iterator[tuple[list[PredictedShifts], ShiftDistribution]]:
        """As :meth:`predict_shifts`, some molecules at a time, each part with its distribution."""
        forward = self.network.forward
        if forward is None:
            raise SpectrumError("this network predicts bits, and no carbon's shift")
        if not 0 < level < 1:
            raise SpectrumError(f"level={level}: a probability between 0 and 1 is needed")
        read = self.read_structures(structures)
        graphs, start = [self.network.graph(structure) for structure in read], 0
        for found in forward.distributions(graphs, dtype):
            in_dtype = LaplaceMixture(*(part.to(dtype) for part in found.mixture))
            points = torch.full((len(found.share), 3), torch.nan, dtype=torch.float64)
            seen = found.share > 0
            ends = ((1 - level) / 2, 0.5, (1 + level) / 2)
            points[seen] = in_dtype.rows(seen).quantiles(ends).double()
            part = read[start : start + found.n]
            start += found.n
            own_points = torch.split(points, [structure.n_atoms for structure in part])
            yield (
                [
                    PredictedShifts(structure, own, median, low, high, level)
                    for structure, own, at in zip(part, found.split(), own_points, strict=True)
                    for low, median, high in [at.numpy().T]
                ],
                found,
            )

    @torch.no_grad()
    def _predict_by_flow(self, structures: Sequence[Structure]) -> NDArray[np.float64]:
        cells = torch.from_numpy(np.stack([self.codec.encode(s) for s in structures]))
        parts = [
            self.flow.predict(self.flow.fill(part)).double().cpu()
            for part in torch.split(cells, self.flow.batch_size)
        ]
        return np.asarray(torch.cat(parts).numpy())
