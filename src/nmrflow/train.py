"""Train a network: ``python -m nmrflow.train +experiment=baseline``."""

import gc
import json
import sys
from functools import partial
from pathlib import Path

import hydra
import lightning.pytorch as pl
import torch
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger, WandbLogger
from omegaconf import DictConfig

from nmrflow.callbacks import AtomicCheckpointIO
from nmrflow.config import build, build_named, check_counts, to_plain
from nmrflow.console import quiet_libraries, say, show_scores
from nmrflow.data.datamodule import SpectrumDataModule
from nmrflow.errors import errors_for_people
from nmrflow.losses import Objective
from nmrflow.module import FlowModule, build_network
from nmrflow.resume import find_resumable
from nmrflow.scoring import score_network
from nmrflow.training_side import summarise


def train(config: DictConfig, run_dir: Path) -> dict[str, float]:
    """Train what a composed configuration describes, in ``run_dir``.

    Returns:
        The last epoch's scores on the validation side, as in ``run_dir/evaluation.json``.
    """
    plain = to_plain(config, run_dir=str(run_dir))
    check_counts(plain, seed=0, n_threads=1, batch_size=1)
    check_counts(plain["split"], seed=0)
    check_counts(plain["trainer"], max_epochs=1)
    seed = plain["seed"]
    torch.set_num_threads(plain["n_threads"])
    say(f"run {run_dir}\nseed {seed}, {plain['n_threads']} thread(s)")

    network = build_network(plain["model"], seed)
    data = SpectrumDataModule(
        source=build(plain["data"], object),
        split=build(plain["split"], object),
        codec=network.codec,
        axis=network.axis,
        batch_size=plain["batch_size"],
        seed=seed,
    )
    say(data.describe())
    training_side = summarise(data.train_set)
    portable = to_plain(config, run_dir="RUN")  # a checkpoint may move, and names no folder
    module = FlowModule(
        flow=network.flow,
        objective=build(plain["loss"], Objective),
        optimizer=build(plain["optimizer"], partial),
        seed=seed,
        description={"config": portable, **data.provenance(), "training_side": training_side},
    )
    resume = plain["resume"] and find_resumable(plain["resume"], module.description)
    loggers = build_named(plain["logger"], Logger)
    trainer = build(
        plain["trainer"],
        pl.Trainer,
        callbacks=build_named(plain["callbacks"], Callback),
        logger=loggers,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=str(run_dir),
    )
    try:
        for logger in loggers:
            logger.log_hyperparams(plain)
        trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
        scores = score_network(network, data.validation_set, training_side)
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.summary.update(scores)
    finally:
        # A multirun is one process: without this, W&B writes all its jobs into one run.
        if "wandb" in sys.modules:
            failed = sys.exc_info()[0] is not None
            sys.modules["wandb"].finish(exit_code=int(failed))
    conditions = data.provenance() | {"seed": seed, "experiment": plain["name"]}
    (run_dir / "evaluation.json").write_text(json.dumps(conditions | scores, indent=2) + "\n")
    show_scores(f"validation side, n = {scores['n']}", scores)
    say(f"checkpoint {run_dir / 'checkpoints' / 'last.ckpt'}")
    return scores


@hydra.main(version_base="1.3", config_path="pkg://nmrflow.conf", config_name="train")
def main(config: DictConfig) -> None:
    """Hydra's entry: one job."""
    quiet_libraries()
    with errors_for_people():
        train(config, Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    # What has been imported stays: without this Python walks all of it once more at exit, which
    # takes a second. Here and not in main(), which a multirun enters once a job.
    gc.freeze()
    main()
