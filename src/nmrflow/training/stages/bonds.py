"""The bonds are learned, on generated and measured spectra."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor
from torch.optim import Optimizer

from nmrflow.chem.structure import Structure
from nmrflow.config.building import check_counts, check_shares
from nmrflow.data.corpus import Corpus, EpochDraw, Mixed
from nmrflow.data.dataset import SpectrumDataset
from nmrflow.losses import Objective
from nmrflow.training.module import FlowModule
from nmrflow.training.optimizer import MuonAdamW, Trapeze
from nmrflow.training.resemblance import resemblance
from nmrflow.training.stages.base import StageContext, ensemble_of
from nmrflow.training.stages.epochs import EpochStage, check_stage


@dataclass(kw_only=True, eq=False)
class BondStage(EpochStage):
    """Train the flow's bonds, y being the code of each molecule.

    Args:
        corpus: Name of the stage that wrote the corpus.
        objective: What is minimised.
        n_molecules: How many molecules are gone through, repeats included.
        n_epochs: Parts in which that is done; after each a checkpoint is written.
        batch_size: Molecules at a time, of each process.
        share_measured: Share of measured spectra of the training side in each batch.
        share_alike: Share of the draws from the corpus that follow how much its molecules
            resemble measured ones (:mod:`nmrflow.training.resemblance`); the others are all alike.
        optimizer: Makes the optimiser from the parameters.
    """

    corpus: str
    objective: Objective
    n_molecules: int
    n_epochs: int = 20
    batch_size: int = 256
    share_measured: float = 0.008
    share_alike: float = 0.7
    optimizer: Callable[[Iterable[Tensor]], Optimizer] = MuonAdamW

    def __post_init__(self) -> None:
        check_counts(vars(self), n_molecules=1, n_epochs=1, batch_size=1)
        check_shares(vars(self), "share_measured", "share_alike")

    def run(self, context: StageContext) -> dict[str, Any]:
        """Train; goes on after the last checkpoint that is there."""
        module = FlowModule(
            network=context.network,
            objective=self.objective,
            optimizer=self.optimizer,
            schedule=Trapeze(),
            seed=context.seed,
            description={"training_side": {}},
        )
        return {"bonds_nats": self.fit(context, partial(self._draw, context), module)}

    def _draw(self, context: StageContext, batch_size: int) -> tuple[Mixed, EpochDraw]:
        """What is gone through: the corpus, by resemblance, and the measured spectra."""
        check_stage(context, "corpus", self.corpus)
        network = context.network
        corpus = Corpus(context.folders[self.corpus])
        measured = SpectrumDataset(context.train, network.codec, network.axis)
        weights = np.full(corpus.n_molecules, 1 - self.share_alike)
        if self.share_alike:
            names = sorted({record.structure.connectivity for record in context.train})
            count_kinds = ensemble_of(network).features.count_kinds
            known = [count_kinds(network.graph(Structure.from_smiles(name))) for name in names]
            weights += self.share_alike * resemblance(np.stack(known), corpus, context.seed)
        mixed = Mixed(corpus, measured)
        return mixed, EpochDraw(
            mixed,
            n=self.n_molecules // self.n_epochs,
            batch_size=batch_size,
            share_measured=self.share_measured,
            seed=context.seed,
            weights=weights,
        )
