"""A trained network at work: what notebooks and commands use."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from nmrflow.chem.codecs.table import count_atoms_and_bonds
from nmrflow.chem.structure import Structure
from nmrflow.config import ALLOWED_IN_CHECKPOINT, build
from nmrflow.console import progress
from nmrflow.data.records import Source
from nmrflow.data.splits import Split
from nmrflow.errors import CheckpointError, NmrflowError, SpectrumError, StructureError
from nmrflow.metrics.calibration import log_likelihood
from nmrflow.metrics.spectrum import LOGIT_THRESHOLD
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.calibration import Trust, find_trust
from nmrflow.model.codes import Spectra, Spectrum, read_codes
from nmrflow.model.network import Network, build_network
from nmrflow.model.results import PredictedShifts, PredictedSpectrum, Proposal, RankedProposal
from nmrflow.numerics import Draws, generator_for
from nmrflow.shifts.forward import SpectrumSubnet
from nmrflow.shifts.mixture import LaplaceMixture
from nmrflow.types import Latent

Formula = str
"""A molecular formula, for example ``C10H14``."""

_LIKELIHOODS_AT_ONCE = 64
"""Whole sequences of more leave a processor's cache, and take half as long again."""


class TrainedFlow:
    """A network with the weights of a checkpoint.

    Args:
        network: Codec, axis and flow.
        description: The checkpoint's own account: configuration, data, split, versions.
        trust: What held-out spectra say about its answers, where that was measured.
    """

    def __init__(
        self, network: Network, description: dict[str, Any], trust: Trust | None = None
    ) -> None:
        self.trust = trust
        self.codec, self.axis, self.flow = network
        self.network = network
        self.description = description
        self.flow.eval()
        side = description["training_side"]
        self.logit_thresholds = np.array(
            side.get("logit_thresholds") or [LOGIT_THRESHOLD] * self.axis.n_bins
        )

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

    def to_latent(
        self,
        structures: Sequence[Structure | str] | Sequence[Proposal],
        spectra: Spectra | None = None,
        formulas: Sequence[Formula] | None = None,
    ) -> Latent:
        """Run the network forward: f of each structure's tensor.

        Args:
            structures: Structures, or SMILES, whose atom order is then that of the text; or
                proposals, whose x is taken as it was drawn.
            spectra: What y shall say, for networks whose z depends on it; as of
                :meth:`propose_structures`. None: y is the predicted spectrum.
            formulas: As of :meth:`propose_structures`.

        Returns:
            z ``(n, n_residual)`` and y ``(n, n_bins)``; y are logits of the code's bits.

        Raises:
            StructureError: If one cannot be read or lies outside the codec's domain; the
                message names its position. Also for an empty list.
            SpectrumError: As :meth:`propose_structures`.
        """
        formula = self._read_formulas(formulas, len(structures))
        if structures and isinstance(structures[0], Proposal):
            x = np.stack([p.x for p in structures if isinstance(p, Proposal)])
            return self._to_latent(torch.from_numpy(x).to(self.flow.dtype), formula)
        encoded = self._encode(self.read_structures(structures))  # type: ignore[arg-type]
        code = None if spectra is None else torch.from_numpy(read_codes(spectra, self.axis))
        if code is not None and len(code) != len(encoded):
            raise SpectrumError(f"{len(code)} spectra for {len(encoded)} structures")
        with torch.no_grad():
            return self._to_latent(self.flow.fill(torch.from_numpy(encoded), code), formula)

    @torch.no_grad()
    def from_latent(
        self, latent: Latent, formulas: Sequence[Formula] | None = None
    ) -> list[Proposal]:
        """Run the network backward: f⁻¹ of each latent, rounded and decoded, nothing repaired.

        Args:
            latent: z ``(n, n_residual)`` and y ``(n, n_bins)``.
            formulas: Of each row, as of :meth:`propose_structures`.

        Raises:
            ShapeError: If a slot has another width.
        """
        formula = self._read_formulas(formulas, len(latent.z))
        known: dict[bytes, tuple[Structure | None, str | None]] = {}
        proposals = []
        for rows in _batches(len(latent.z), self.flow.batch_size):
            z, y = (slot[rows].to(self.flow.device, self.flow.dtype) for slot in latent)
            told = None if formula is None else formula[rows]
            x, log_det = self.flow.from_latent(Latent(z, y), told)
            logits = self.flow.predicted_within(x, Latent(z, y))
            log_p = self.flow.log_probability_drawn(z, log_det)
            rows_of = (tensor.cpu().numpy() for tensor in (x, z, logits))
            codes = [code.tobytes() for code in (y > 0).cpu().numpy()]
            asked = zip(codes, formulas[rows] if formulas else [None] * len(codes), strict=True)
            likely = [None] * len(codes) if log_p is None else log_p.tolist()
            for own, p, x_, z_, logits_ in zip(asked, likely, *rows_of, strict=True):
                proposals.append(Proposal(*self._decode(x_, known), x_, z_, logits_, own, p))
        return proposals

    def predict_spectrum(self, structures: Sequence[Structure | str]) -> list[PredictedSpectrum]:
        """Predict the code of each structure; arguments and errors as of :meth:`to_latent`."""
        read = self.read_structures(structures)
        logits = self._predict(self._encode(read))
        codes = (logits > self.logit_thresholds).astype(np.uint8)
        probabilities = expit(logits)
        centres = self.axis.centres_ppm()
        return [
            PredictedSpectrum(s, p, code, tuple(float(c) for c in centres[code == 1]))
            for s, p, code in zip(read, probabilities, codes, strict=True)
        ]

    def predict_shifts(
        self,
        structures: Sequence[Structure | str],
        level: float = 0.9,
        dtype: torch.dtype = torch.float64,
    ) -> list[PredictedShifts]:
        """Predict the shift of each carbon, from which :meth:`predict_spectrum` makes bits.

        Args:
            structures: As of :meth:`to_latent`.
            level: Probability of the interval, between 0 and 1.
            dtype: In which the networks compute: float32 is three times as fast, and good to
                about 1e-4 ppm.

        Raises:
            SpectrumError: If this network predicts bits only, or for another level.
            StructureError: As :meth:`to_latent`.
        """
        subnet = getattr(getattr(self.flow, "spectrum", None), "subnet", None)
        if not isinstance(subnet, SpectrumSubnet):
            raise SpectrumError("this network predicts bits, and no carbon's shift")
        if not 0 < level < 1:
            raise SpectrumError(f"level={level}: a probability between 0 and 1 is needed")
        read = self.read_structures(structures)
        found = []
        for rows in _batches(len(read), self.flow.batch_size):
            mixture = subnet.shifts(read[rows], dtype)
            in_dtype = LaplaceMixture(*(part.to(dtype) for part in mixture))
            points = in_dtype.quantiles(((1 - level) / 2, 0.5, (1 + level) / 2)).double()
            sizes = [structure.n_atoms for structure in read[rows]]
            own = zip(
                read[rows],
                *(torch.split(part, sizes) for part in (*mixture, points)),
                strict=True,
            )
            for structure, *parts, ends in own:
                low, median, high = ends.numpy().T
                found.append(
                    PredictedShifts(structure, LaplaceMixture(*parts), median, low, high, level)
                )
        return found

    def propose_structures(
        self,
        spectra: Spectra,
        n_samples: int,
        seed: int,
        formulas: Sequence[Formula] | None = None,
    ) -> list[list[Proposal]]:
        """Propose structures for measured spectra: y from the spectrum, z from the prior.

        The measured code becomes y by writing the mean training logit of true and of false
        bits; z is drawn from N(0, I).

        Args:
            spectra: Peak lists in ppm, as numbers or as text, or spectrum codes as an integer or
                boolean array ``(n, n_bins)`` of zeros and ones.
            n_samples: Draws per spectrum, at least 1.
            seed: Seed of the draws. The draws of the i-th spectrum depend on the seed and i
                only: more samples extend the list, they do not change it.
            formulas: The molecular formula of each spectrum's molecule, for networks that can
                use it (:attr:`takes_formula`).

        Returns:
            For each spectrum its ``n_samples`` proposals, in the order drawn.

        Raises:
            SpectrumError: If a peak list or code is none, naming its position, or
                ``n_samples`` is below 1.
        """
        return list(
            progress(
                self.iterate_proposals(spectra, n_samples, seed, formulas),
                len(spectra),
                "proposing",
            )
        )

    def iterate_proposals(
        self,
        spectra: Spectra,
        n_samples: int,
        seed: int,
        formulas: Sequence[Formula] | None = None,
    ) -> Iterator[list[Proposal]]:
        """As :meth:`propose_structures`, spectrum by spectrum: for many, in little memory."""
        if n_samples < 1:
            raise SpectrumError(f"n_samples={n_samples}: at least 1")
        codes = read_codes(spectra, self.axis)
        if formulas is not None and len(formulas) != len(codes):
            raise SpectrumError(f"{len(formulas)} formulas for {len(codes)} spectra")
        side = self.description["training_side"]
        logits = torch.tensor([side["mean_logit_false"], side["mean_logit_true"]])
        # Several spectra at once: an inverse of few samples mostly waits for the weights.
        n_together = max(1, self.flow.batch_size // n_samples)
        for start in range(0, len(codes), n_together):
            part = range(start, min(start + n_together, len(codes)))
            draws = [Draws(generator_for(seed, "propose", i), n_samples) for i in part]
            z = [self.flow.sample_z(draw) for draw in draws]
            y = [logits[torch.from_numpy(codes[i]).long()].expand(n_samples, -1) for i in part]
            told = None if formulas is None else [formulas[i] for i in part for _ in z[0]]
            drawn = self.from_latent(Latent(torch.cat(z), torch.cat(y)), told)
            yield from (drawn[k * n_samples : (k + 1) * n_samples] for k in range(len(part)))

    @property
    def log_p_weight(self) -> float:
        """Weight of log p in a candidate's score, where its consistency has 1."""
        return float(self.description["config"].get("ranking", {}).get("log_p_weight", 0.0))

    @property
    def takes_formula(self) -> bool:
        """Whether proposals can be asked to have a given molecular formula."""
        return self.flow.takes_formula

    def predict_logits(self, structures: Sequence[Structure]) -> NDArray[np.float64]:
        """Logits of each structure's bits, ``(n, n_bins)``; errors as of :meth:`to_latent`."""
        return self._predict(self._encode(self.read_structures(structures)))

    def rank(
        self,
        proposals: Sequence[Proposal],
        spectrum: Spectrum,
        formula: Formula | None = None,
    ) -> list[RankedProposal]:
        """The distinct molecules among proposals for a spectrum, best first.

        A candidate's score is its consistency plus, where the network has a likelihood,
        ``ranking.log_p_weight`` of its configuration times log p; ties go to what was drawn more
        often, then to the text.

        Args:
            proposals: Of one spectrum.
            spectrum: That spectrum.
            formula: That was asked for, if one was.
        """
        one = [spectrum] if not isinstance(spectrum, np.ndarray) else spectrum[None]
        code = read_codes(one, self.axis)[0]
        first: dict[str, Proposal] = {}
        n_drawn: Counter[str] = Counter()
        for proposal in proposals:
            if proposal.structure is not None:
                first.setdefault(proposal.structure.connectivity, proposal)
                n_drawn[proposal.structure.connectivity] += 1
        if not first:
            return []
        structures = [p.structure for p in first.values() if p.structure is not None]
        # Without a likelihood x is real numbers near a molecule: the molecule may say otherwise.
        logits = (
            np.stack([p.logits for p in first.values()])
            if self.takes_formula
            else self.predict_logits(structures)
        )
        consistency = log_likelihood(logits, code)
        log_p = None
        if self.takes_formula:
            log_p = self._log_p_of_drawn([*first.values()], code, formula)
        weight = self.log_p_weight
        candidates = [
            RankedProposal(
                structure,
                n_drawn[name],
                float(fits),
                None if log_p is None else float(log_p[k]),
                float(fits) + (weight * float(log_p[k]) if log_p is not None and weight else 0.0),
            )
            for k, (name, structure, fits) in enumerate(
                zip(first, structures, consistency, strict=True)
            )
        ]
        return sorted(candidates, key=lambda c: (-c.score, -c.n_drawn, c.structure.connectivity))

    def log_p(
        self,
        structures: Sequence[Structure | str],
        spectra: Spectra,
        formulas: Sequence[Formula] | None = None,
    ) -> NDArray[np.float64]:
        """Log p(structure | spectrum) of pairs, in nats, ``(n,)``.

        Exact, of the canonical form of the structure. With formulas: among the molecules of
        that formula.

        Raises:
            SpectrumError: If this network has no likelihood, or as :meth:`propose_structures`.
            StructureError: As :meth:`to_latent`.
        """
        if not self.takes_formula:
            raise SpectrumError("this network has no likelihood of structures")
        x = self._encode(self.read_structures(structures))
        return self._log_p(x, read_codes(spectra, self.axis), formulas)

    def _log_p_of_drawn(
        self, proposals: Sequence[Proposal], code: NDArray[np.uint8], formula: Formula | None
    ) -> NDArray[np.float64]:
        """Log p of valid proposals; known of those drawn for this query in canonical form."""
        x = self._encode([p.structure for p in proposals if p.structure is not None])
        asked = code.astype(bool).tobytes(), formula
        log_p = np.array([np.nan if p.log_p is None else p.log_p for p in proposals])
        for k, (proposal, canonical) in enumerate(zip(proposals, x, strict=True)):
            if proposal.asked != asked or (self.codec.round(proposal.x) != canonical).any():
                log_p[k] = np.nan
        other = np.isnan(log_p)
        if other.any():
            codes = np.tile(code, (int(other.sum()), 1))
            told = None if formula is None else [formula] * len(codes)
            log_p[other] = self._log_p(x[other], codes, told)
        return log_p

    @torch.no_grad()
    def _log_p(
        self, x: NDArray[np.uint8], codes: NDArray[np.uint8], formulas: Sequence[Formula] | None
    ) -> NDArray[np.float64]:
        told = self._read_formulas(formulas, len(x))
        parts = [
            self.flow.log_probability(
                torch.from_numpy(x)[rows],
                torch.from_numpy(codes)[rows],
                None if told is None else told[rows],
            )
            for rows in _batches(len(x), _LIKELIHOODS_AT_ONCE)
        ]
        return torch.cat(parts).double().cpu().numpy()

    def _read_formulas(self, formulas: Sequence[Formula] | None, n: int) -> torch.Tensor | None:
        if formulas is None:
            return None
        if not self.takes_formula:
            raise SpectrumError("this network cannot be asked for a formula")
        if len(formulas) != n:
            raise SpectrumError(f"{len(formulas)} formulas for {n} molecules")
        return torch.tensor([count_atoms_and_bonds(formula) for formula in formulas])

    @torch.no_grad()
    def _predict(self, x: NDArray[np.uint8]) -> NDArray[np.float64]:
        parts = [
            self.flow.predict(self.flow.fill(part)).double().cpu()
            for part in torch.split(torch.from_numpy(x), self.flow.batch_size)
        ]
        return torch.cat(parts).numpy()

    def read_structures(self, structures: Sequence[Structure | str]) -> list[Structure]:
        """Structures, or SMILES, as structures within the network's domain.

        Raises:
            StructureError: If one cannot be read or lies outside the codec's domain; the
                message names its position. Also for an empty list.
        """
        read = []
        for position, given in enumerate(structures):
            try:
                structure = Structure.from_smiles(given) if isinstance(given, str) else given
                self.codec.check(structure)
            except StructureError as error:
                raise StructureError(f"structure {position} ({given}): {error}") from error
            read.append(structure)
        if not read:
            raise StructureError("no structures were given; at least one is needed")
        return read

    def _encode(self, structures: Sequence[Structure]) -> NDArray[np.uint8]:
        return np.stack([self.codec.encode(structure) for structure in structures])

    @torch.no_grad()
    def _to_latent(self, x: torch.Tensor, formula: torch.Tensor | None) -> Latent:
        parts = [
            self.flow.to_latent(
                x[rows].to(self.flow.device), None if formula is None else formula[rows]
            )[0]
            for rows in _batches(len(x), self.flow.batch_size)
        ]
        return Latent(*(torch.cat(slot).cpu() for slot in zip(*parts, strict=True)))

    def _decode(
        self, x: NDArray[np.floating], known: dict[bytes, tuple[Structure | None, str | None]]
    ) -> tuple[Structure | None, str | None]:
        """The molecule, or why there is none; what was decoded before is ``known``."""
        try:
            rounded = self.codec.round(x)
        except StructureError as error:
            return None, str(error)
        key = rounded.tobytes()
        if key not in known:
            try:
                known[key] = self.codec.read(rounded), None
            except StructureError as error:
                known[key] = None, str(error)
        return known[key]


def _batches(n: int, size: int) -> Iterator[slice]:
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


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
        return TrainedFlow(network, description, find_trust(checkpoints.find(path)))
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: lacks {error}; it is incomplete") from error
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: weights and configuration disagree ({reason})") from error
    except NmrflowError as error:
        raise CheckpointError(f"{path}: {error}") from error
