"""Several processes on one training: which is the first, and how they may be started."""

import os

import lightning.pytorch as pl
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher
from lightning.pytorch.utilities import rank_zero_only

from nmrflow.errors import ConfigError


def is_first() -> bool:
    """Whether this process is the one that writes and speaks; known before the others are met."""
    return not getattr(rank_zero_only, "rank", 0)


def check_processes(trainer: pl.Trainer, n_threads: int) -> None:
    """Make sure that each process will be a run of its own from the beginning, as stages need.

    Raises:
        ConfigError: If they would begin in the middle, or each go through a whole multirun.
    """
    launcher = trainer.strategy.launcher
    if trainer.world_size == 1 or launcher is None:  # None: somebody else starts them.
        return
    if not isinstance(launcher, _SubprocessScriptLauncher):
        raise ConfigError("trainer.strategy: its processes cannot run stages; give ddp")
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise ConfigError(
            "a multirun of runs on several processes each: start run by run, or let torchrun or "
            "SLURM start the processes"
        )
    # Lightning would give each process its share of the processor's cores.
    os.environ.setdefault("OMP_NUM_THREADS", str(n_threads))
