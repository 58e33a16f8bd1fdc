"""A trained network at work, both ways: what notebooks and commands use."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nmrflow.chem.structure import Structure
from nmrflow.config.building import ALLOWED_IN_CHECKPOINT
from nmrflow.console import progress
from nmrflow.errors import CheckpointError, NmrflowError, SpectrumError, StructureError
from nmrflow.flow.latent import Latent
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.calibration import find_calibration
from nmrflow.model.facts import facts_of
from nmrflow.model.network import build_network
from nmrflow.model.predictor import Predictor, Questions
from nmrflow.model.results import Proposal
from nmrflow.model.schema import check_description
from nmrflow.numerics import Draws, generator_for
from nmrflow.spectra.question import Question

_LIKELIHOODS_AT_ONCE = 64
"""Whole sequences of more leave a processor's cache, and take half as long again."""


class TrainedFlow(Predictor):
    """The same, backward too: spectra to structures, with their likelihoods."""

    @property
    def has_likelihood(self) -> bool:
        """Whether single structures have a probability."""
        return self.network.has_flow and bool(self.flow.has_likelihood)

    @property
    def weighs_likelihood(self) -> bool:
        """Whether candidates that somebody gives are weighed by their probability, too."""
        is_apart = self.calibration is not None and self.calibration.is_of_given
        return not is_apart and self.has_likelihood

    @property
    def takes_formula(self) -> bool:
        """Whether proposals can be asked to have a given molecular formula."""
        tells = self.domain.tells_kinds or self.codec.tells_hydrogens
        return self.network.has_flow and tells and "facts" in self.flow.conditions

    @torch.no_grad()
    def to_latent(
        self,
        structures: Sequence[Structure | str] | Sequence[Proposal],
        questions: Questions | None = None,
    ) -> Latent:
        """Run the network forward: f of each structure's tensor.

        Args:
            structures: Structures, or SMILES, whose atom order is then that of the text; or
                proposals, whose x is taken as it was drawn.
            questions: What y shall say, for networks whose z depends on it, and what is known.
                None: y is the predicted spectrum.

        Returns:
            z ``(n, n_residual)`` and y ``(n, n_bins)``; y are logits of the code's bits.

        Raises:
            StructureError: If one cannot be read or lies outside the domain; the message names
                its position. Also for an empty list.
            SpectrumError: If a question is none, or there is another number of them.
        """
        asked = None if questions is None else self.ask(questions)
        told = self._conditions(asked, len(structures))
        if structures and isinstance(structures[0], Proposal):
            drawn = np.stack([p.x for p in structures if isinstance(p, Proposal)])
            return self._to_latent(torch.from_numpy(drawn).to(self.flow.dtype), told)
        cells = self._encode(self.read_structures(structures))  # type: ignore[arg-type]
        code = None if asked is None else torch.from_numpy(self._codes(asked))
        return self._to_latent(self.flow.fill(cells, code), told)

    @torch.no_grad()
    def from_latent(
        self,
        latent: Latent,
        questions: Sequence[Question] | None = None,
        *,
        explains: bool = True,
    ) -> list[Proposal]:
        """Run the network backward: f⁻¹ of each latent, rounded and decoded, nothing repaired.

        Args:
            latent: z ``(n, n_residual)`` and y ``(n, n_bins)``.
            questions: Of each row, for what is known of it.
            explains: Whether to compute what of y each molecule leaves unexplained; without,
                x has y itself at that place, and the molecules' spectra need no prediction.

        Raises:
            ShapeError: If a slot has another width.
        """
        told = self._conditions(questions, len(latent.z))
        known: dict[bytes, tuple[Structure | None, str | None]] = {}
        proposals = []
        for rows in _batches(len(latent.z), self.flow.batch_size):
            own = Latent(*(slot[rows].to(self.flow.device, self.flow.dtype) for slot in latent))
            part = None if told is None else {name: t[rows] for name, t in told.items()}
            with nullcontext() if explains else self.flow.given_query():
                x, log_det = self.flow.from_latent(own, part)
            logits = self.flow.predicted_within(x, own).cpu().numpy() if explains else None
            log_p = None
            if self.has_likelihood:
                log_p = self.flow.log_probability_drawn(own.z, log_det).cpu().numpy()
            facts = [None] * len(own.z) if part is None else _as_bytes(part["facts"])
            for k, (x_, z, y) in enumerate(
                zip(x.cpu().numpy(), own.z.cpu().numpy(), (own.y > 0).cpu().numpy(), strict=True)
            ):
                structure, refusal = self.decode(x_, known)
                proposals.append(
                    Proposal(
                        structure,
                        refusal,
                        x_,
                        z,
                        None if logits is None else logits[k],
                        (y.tobytes(), facts[k]),
                        None if log_p is None else float(log_p[k]),
                    )
                )
        return proposals

    def propose_structures(
        self, questions: Questions, n_samples: int, seed: int
    ) -> list[list[Proposal]]:
        """Propose structures for measured spectra: y from the spectrum, z from the prior.

        The measured code becomes y by writing the mean training logit of true and of false
        bits; z is drawn from N(0, I).

        Args:
            questions: Spectra, and what is known beside them.
            n_samples: Draws per spectrum, at least 1.
            seed: Seed of the draws. The draws of the i-th spectrum depend on the seed and i
                only: more samples extend the list, they do not change it.

        Returns:
            For each spectrum its ``n_samples`` proposals, in the order drawn.

        Raises:
            SpectrumError: If a question is none, naming its position, or ``n_samples`` is below
                1, or a formula is told to a network that cannot use it.
        """
        drawn = self.iterate_proposals(questions, n_samples, seed)
        return list(progress(drawn, len(questions), "proposing"))

    def iterate_proposals(
        self, questions: Questions, n_samples: int, seed: int, *, explains: bool = True
    ) -> Iterator[list[Proposal]]:
        """As :meth:`propose_structures`, spectrum by spectrum: for many, in little memory."""
        if n_samples < 1:
            raise SpectrumError(f"n_samples={n_samples}: at least 1")
        asked = self.ask(questions)
        codes = self._codes(asked)
        side = self.description["training_side"]
        logits = torch.tensor([side["mean_logit_false"], side["mean_logit_true"]])
        # Several spectra at once: an inverse of few samples mostly waits for the weights.
        n_together = max(1, self.flow.batch_size // n_samples)
        for start in range(0, len(codes), n_together):
            part = range(start, min(start + n_together, len(codes)))
            draws = (Draws(generator_for(seed, "propose", i), n_samples) for i in part)
            z = torch.cat([self.flow.sample_z(own) for own in draws])
            y = [logits[torch.from_numpy(codes[i]).long()].expand(n_samples, -1) for i in part]
            of_row = [asked[i] for i in part for _ in range(n_samples)]
            drawn = self.from_latent(Latent(z, torch.cat(y)), of_row, explains=explains)
            yield from (drawn[k * n_samples : (k + 1) * n_samples] for k in range(len(part)))

    @torch.no_grad()
    def log_p(
        self, structures: Sequence[Structure | str], questions: Questions
    ) -> NDArray[np.float64]:
        """Log p(structure | question) of pairs, in nats, ``(n,)``.

        Exact, of the canonical form of the structure. Where the question tells a formula: among
        the molecules of that formula.

        Raises:
            SpectrumError: If this network has no likelihood, or as :meth:`propose_structures`.
            StructureError: As :meth:`to_latent`.
        """
        if not self.has_likelihood:
            raise SpectrumError("this network has no likelihood of structures")
        asked = self.ask(questions)
        told = self._conditions(asked, len(structures))
        cells = self._encode(self.read_structures(structures))
        codes = torch.from_numpy(self._codes(asked))
        parts = []
        for rows in _batches(len(cells), _LIKELIHOODS_AT_ONCE):
            own = None if told is None else {name: t[rows] for name, t in told.items()}
            parts.append(self.flow.log_probability(cells[rows], codes[rows], own))
        return np.asarray(torch.cat(parts).double().cpu().numpy())

    def asked(self, question: Question) -> tuple[torch.Tensor, dict[str, torch.Tensor] | None]:
        """The code of a question, bool ``(1, n_bins)``, and what the flow is told beside it."""
        return torch.from_numpy(self._codes([question])).bool(), self._conditions([question], 1)

    def _codes(self, asked: Sequence[Question]) -> NDArray[np.uint8]:
        return np.array([one.code(self.axis) for one in asked]).reshape(-1, self.axis.n_bins)

    def _conditions(
        self, asked: Sequence[Question] | None, n: int
    ) -> dict[str, torch.Tensor] | None:
        """What the flow is told of n molecules."""
        if asked is None:
            return None
        if len(asked) != n:
            raise SpectrumError(f"{len(asked)} spectra for {n} structures")
        if not self.takes_formula:
            if any(one.formula is not None for one in asked):
                raise SpectrumError("this network cannot be asked for a formula")
            return None
        assert self.flow.likely is not None
        n_facts = self.flow.likely.unknown_condition(1).shape[1]
        facts = facts_of(asked, self.codec, n_facts)
        return None if facts is None else {"facts": facts}

    def _encode(self, structures: Sequence[Structure]) -> torch.Tensor:
        return torch.from_numpy(np.stack([self.codec.encode(s) for s in structures]))

    def _to_latent(self, x: torch.Tensor, told: dict[str, torch.Tensor] | None) -> Latent:
        parts = [
            self.flow.to_latent(
                x[rows].to(self.flow.device),
                None if told is None else {name: t[rows] for name, t in told.items()},
            )[0]
            for rows in _batches(len(x), self.flow.batch_size)
        ]
        return Latent(*(torch.cat(slot).cpu() for slot in zip(*parts, strict=True)))

    def decode(
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


def _as_bytes(facts: torch.Tensor) -> list[bytes | None]:
    return [row.tobytes() for row in facts.numpy()]


def _batches(n: int, size: int) -> Iterator[slice]:
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def load_checkpoint(path: str | Path, *, is_verified: bool = False) -> TrainedFlow:
    """Load a trained network.

    Args:
        path: A checkpoint file, or a folder: then the newest ``last.ckpt`` in or under it.
        is_verified: It is known to be whole and ours; the flow, which predictions do not need,
            is then built when it is first wanted.

    Raises:
        CheckpointError: If there is none, it is damaged, foreign, or carries anything but
            tensors and plain values; nothing in the file is ever executed.
    """
    checkpoint = checkpoints.read(path)
    description = checkpoint[checkpoints.KEY]
    try:
        check_description(description)
        model, weights = description["config"]["model"], checkpoint["state_dict"]
        network = build_network(model, 0, ALLOWED_IN_CHECKPOINT, weights)
        if not is_verified and network.has_flow:
            _ = network.flow
        trained = TrainedFlow(network, description)
        if len(trained.logit_thresholds) != network.axis.n_bins:
            raise CheckpointError(
                f"{len(trained.logit_thresholds)} thresholds for {network.axis.n_bins} bits"
            )
        found = trained.calibration = find_calibration(checkpoints.find(path), trained.ranking)
        if (forward := network.forward) and found:
            forward.widening = found.widening
        return trained
    except NmrflowError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except KeyError as error:
        raise CheckpointError(f"{path}: lacks {error}; it is incomplete") from error
    except Exception as error:  # whatever a constructor stumbled over
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"{path}: its network cannot be built ({type(error).__name__}: {reason}); use another"
        ) from error
