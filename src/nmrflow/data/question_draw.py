"""From molecules with peaks to questions as people ask them: some of what is true, with errors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from nmrflow.config.building import check_shares
from nmrflow.data.dataset import EpochBatches
from nmrflow.data.peak_table import NO_TOKEN, PeakTable
from nmrflow.errors import ConfigError
from nmrflow.numerics import Draws, generator_for
from nmrflow.spectra.places import HUNDREDTHS, NO_PLACE

_UNKNOWN = -1
_TENTH = HUNDREDTHS // 10
_Chance = Callable[..., Tensor]
"""Numbers between 0 and 1 for each row, of the shape wanted."""


class Rows(NamedTuple):
    """Molecules with their peaks, as they lie in tables; on any device.

    Args:
        tokens: ``(n, t)``, -1 behind the end.
        shifts: As :mod:`nmrflow.spectra.places` has them, -1 for none, ``(n, p)``.
        hydrogens: ``(n, p)``.
        is_measured: ``(n,)``.
    """

    tokens: Tensor
    shifts: Tensor
    hydrogens: Tensor
    is_measured: Tensor


class Asked(NamedTuple):
    """Molecules, and what is told of each.

    Args:
        tokens: ``(n, t)``, -1 behind the end.
        code: Bits, bool, ``(n, n_bins)``.
        facts: As :class:`nmrflow.flow.structure.StructureCoupling` takes them.
    """

    tokens: Tensor
    code: Tensor
    facts: Tensor


class PeakRows(Dataset[Rows]):
    """Tables of predicted peaks, followed by one of measured peaks: indices are over both.

    Args:
        tables: Of molecules that are not measured; of each draw is one row, ``row * n_draws +
            draw``.
        measured: One row for each.
    """

    def __init__(self, tables: PeakTable, measured: PeakTable) -> None:
        self.tables, self.measured = tables, measured
        self.n_molecules, self.n_draws = tables.shifts.shape[:2]
        self.n_measured = len(measured.tokens)

    def kinds(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Counts of atoms and bonds by kind of molecules that are not measured."""
        found: NDArray[np.uint8] = self.tables.kinds[rows]
        return found

    def __len__(self) -> int:
        return int(self.n_molecules * self.n_draws + self.n_measured)

    def __getitems__(self, indices: Sequence[int]) -> Rows:
        """A batch at once."""
        index = np.asarray(indices)
        n = self.n_molecules * self.n_draws
        row, draw = np.divmod(index[index < n], self.n_draws)
        real = index[index >= n] - n
        parts = [
            (self.tables.tokens[row], self.tables.shifts[row, draw], self.tables.hydrogens[row]),
            (
                self.measured.tokens[real],
                self.measured.shifts[real, 0],
                self.measured.hydrogens[real],
            ),
        ]
        tokens = _stacked([p[0] for p in parts], NO_TOKEN)
        shifts = _stacked([p[1] for p in parts], NO_PLACE)
        hydrogens = _stacked([p[2] for p in parts], 0)
        is_measured = torch.arange(len(index)) >= len(row)
        n_told = int((tokens >= 0).sum(1).max())
        return Rows(tokens[:, :n_told], shifts, hydrogens, is_measured)


def _stacked(parts: Sequence[NDArray[np.unsignedinteger]], nothing: int) -> Tensor:
    width = max(part.shape[1] for part in parts)
    out = np.full((sum(map(len, parts)), width), nothing, np.int64)
    start = 0
    for part in parts:
        out[start : start + len(part), : part.shape[1]] = part
        start += len(part)
    if nothing:
        out[out == nothing] = _UNKNOWN
    return torch.from_numpy(out)


class PeakBatches(EpochBatches):
    """Batches drawn anew each epoch, some of each measured; as of :class:`EpochBatches`.

    Args:
        rows: Drawn from with replacement.
        n: Molecules of an epoch.
        batch_size: Molecules at a time, of all processes together.
        share_measured: Of each batch.
        seed: Of the draws.
        weights: How often each molecule that is not measured is drawn, relative to the others.

    Raises:
        ConfigError: If there is nothing to draw from.
    """

    def __init__(
        self,
        rows: PeakRows,
        *,
        n: int,
        batch_size: int,
        share_measured: float,
        seed: int,
        weights: NDArray[np.floating],
    ) -> None:
        super().__init__(batch_size, seed)
        self.rows = rows
        below = np.cumsum(weights)
        self.n_real = round(batch_size * share_measured) if rows.n_measured else 0
        if self.n_real < batch_size and not (len(below) and below[-1] > 0):
            raise ConfigError("no molecules to learn from but the measured: share_measured=1")
        self._below = below / below[-1] if len(below) else below
        self.n_batches = max(1, n // batch_size)

    def __len__(self) -> int:
        return self.n_batches

    def whole_batches(self) -> Iterator[list[int]]:
        """Drawn by the seed and the epoch's number."""
        generator = generator_for(self.seed, "peaks", self.epoch)
        n_made, n_draws = self.batch_size - self.n_real, self.rows.n_draws
        for _ in range(self.n_batches):
            place = torch.rand(n_made, dtype=torch.float64, generator=generator)
            row = np.searchsorted(self._below, place.numpy(), side="right")
            draw = torch.randint(n_draws, (n_made,), generator=generator).numpy()
            real = torch.randint(max(self.rows.n_measured, 1), (self.n_real,), generator=generator)
            made = (row * n_draws + draw).tolist()
            yield [*made, *(real + self.rows.n_molecules * n_draws).tolist()]


@dataclass(frozen=True)
class QuestionDraw:
    """What a question tells of a molecule, and with which errors.

    Shares are of questions; each is drawn by itself.

    Args:
        exact: Tell the peaks' exact shifts; of the others the code alone is known.
        formula: Tell the whole formula.
        part_of_formula: Of the others, tell some of its numbers.
        hydrogens: Tell of every peak how many hydrogens its carbon has.
        some_hydrogens: Of the others, tell it of some peaks.
        carbons: Tell how many C, CH, CH2 and CH3 there are.
        drop: Chance of a peak to be missing.
        stray: A peak too many, at another molecule's shift.
        tenths: Round all shifts to 0.1 ppm.
        jitter_ppm: Mean deviation of measured shifts in another measurement; Laplace's.

    Raises:
        ConfigError: If a share is none.
    """

    exact: float = 0.9
    formula: float = 0.5
    part_of_formula: float = 0.2
    hydrogens: float = 0.5
    some_hydrogens: float = 0.2
    carbons: float = 0.15
    drop: float = 0.01
    stray: float = 0.03
    tenths: float = 0.5
    jitter_ppm: float = 0.25

    def __post_init__(self) -> None:
        check_shares(vars(self), *(name for name in vars(self) if name != "jitter_ppm"))

    def __call__(
        self,
        rows: Rows,
        totals: Tensor,
        *,
        is_ion: Tensor,
        edges: Tensor,
        n_peaks: int,
        draws: Draws,
    ) -> Asked:
        """Questions of molecules.

        Args:
            rows: ``n`` of them.
            totals: All that could be known, ``(n, n_counts)``: elements, hydrogens, then
                carbons by their hydrogens, the last four.
            is_ion: Whose formula is not told, as nobody reads it, ``(n,)``.
            edges: Between the bins of the code, in the shifts' unit, ``(n_bins - 1,)``.
            n_peaks: Pairs of numbers that are told of peaks.
            draws: Of ``n`` rows.
        """
        device = rows.shifts.device
        n, p = rows.shifts.shape

        def chance(*shape: int) -> Tensor:
            return draws.uniform(*shape).to(device)

        def decide(share: float) -> Tensor:
            return chance(1) < share

        shifts, own_hydrogens, there = self._measured(rows, chance)
        told = decide(self.hydrogens)
        told = told | (decide(self.some_hydrogens) & (chance(p) < chance(1)))
        hydrogens = torch.where(told & there, own_hydrogens, _UNKNOWN)
        # A peak is met once; what is told of it tells two at one place apart.
        key = torch.where(there, 8 * shifts + hydrogens + 1, -1)
        order = key.argsort(1, descending=True)
        key, shifts, hydrogens = (part.gather(1, order) for part in (key, shifts, hydrogens))
        there = (key >= 0) & torch.cat([key[:, :1] >= -1, key[:, 1:] != key[:, :-1]], 1)
        bins = torch.bucketize(shifts.to(edges.dtype), edges, right=True)
        code = torch.zeros(n, len(edges) + 1, dtype=torch.bool, device=device)
        code = code.scatter_reduce(1, bins, there, "amax")
        is_told = there & decide(self.exact)
        pairs = torch.stack([shifts, hydrogens], 2)
        pairs = torch.where(is_told[..., None], pairs, _UNKNOWN)
        pairs = torch.nn.functional.pad(pairs, (0, 0, 0, n_peaks - p), value=_UNKNOWN)
        known = self._known(totals, is_ion, chance)
        return Asked(rows.tokens, code, torch.cat([known, pairs.flatten(1)], 1))

    def _measured(self, rows: Rows, chance: _Chance) -> tuple[Tensor, Tensor, Tensor]:
        """Shifts of another measurement, their hydrogens, and which peaks are in it."""
        shifts, there = rows.shifts, rows.shifts >= 0
        p = shifts.shape[1]
        signed = 2 * chance(p) - 1
        away = -signed.sign() * torch.log1p(-signed.abs().clamp(max=0.9999))
        off = (away * self.jitter_ppm * HUNDREDTHS).round().long()
        shifts = torch.where(rows.is_measured[:, None], shifts + off, shifts)
        rounded = (shifts + _TENTH // 2) // _TENTH * _TENTH
        shifts = torch.where(chance(1) < self.tenths, rounded, shifts)
        kept = there & (chance(p) >= self.drop)
        kept = kept | (there & (kept.sum(1, keepdim=True) == 0))
        # A stray takes the last place, which few molecules fill.
        adds = (chance(1)[:, 0] < self.stray) & ~there[:, -1] & there.roll(1, 0)[:, 0]
        shifts, hydrogens = shifts.clone(), rows.hydrogens.clone()
        for part in (shifts, hydrogens):
            part[:, -1] = torch.where(adds, part.roll(1, 0)[:, 0], part[:, -1])
        kept[:, -1] |= adds
        return shifts.clamp(min=0), hydrogens, kept

    def _known(self, totals: Tensor, is_ion: Tensor, chance: _Chance) -> Tensor:
        n_formula = totals.shape[1] - 4
        whole = chance(1) < self.formula
        some = chance(1) < self.part_of_formula
        formula = whole | (some & ~whole & (chance(n_formula) < chance(1)))
        formula &= ~is_ion[:, None]
        carbons = (chance(1) < self.carbons).expand(-1, 4)
        return torch.where(torch.cat([formula, carbons], 1), totals, _UNKNOWN)
