"""Train a network: ``python -m nmrflow.train +experiment=baseline``."""

import gc
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import hydra
import lightning.pytorch as pl
import torch
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from nmrflow.config import build, build_by_name, build_named, check_counts, to_plain
from nmrflow.console import quiet_libraries, say, show_scores
from nmrflow.errors import errors_for_people
from nmrflow.evaluation.samples import show_examples
from nmrflow.evaluation.scores_file import EVALUATION, find_finished, write_scores
from nmrflow.evaluation.scoring import Scores, score
from nmrflow.losses import Objective
from nmrflow.model.network import build_network
from nmrflow.model.trained import TrainedFlow
from nmrflow.training.callbacks import AtomicCheckpointIO, EpochWandbLogger
from nmrflow.training.datamodule import SpectrumDataModule
from nmrflow.training.module import FlowModule
from nmrflow.training.resume import configuration_digest, find_resumable
from nmrflow.training.stages import Stage, StageContext, run_stages, stage_digests
from nmrflow.training.summary import summarise


def train(config: DictConfig, run_dir: Path) -> Scores:
    """Train what a composed configuration describes, in ``run_dir``.

    Returns:
        The last epoch's scores on the validation side with their conditions, as in
        ``run_dir/evaluation.json``.
    """
    plain = to_plain(config, run_dir=str(run_dir))
    check_counts(plain, seed=0, n_threads=1, batch_size=1)
    check_counts(plain["split"], seed=0)
    check_counts(plain["trainer"], max_epochs=1)
    check_counts(plain["scoring"], n_samples=1, seed=0)
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
    stages = build_by_name(plain["stages"], Stage)
    context = StageContext(
        network=network,
        train=data.train_set.records,
        excluded=data.excluded_connectivities(),
        folder=run_dir / "stages",
        folders={},
        trainer=plain["trainer"],
        seed=seed,
        n_threads=plain["n_threads"],
    )
    portable = to_plain(config, run_dir="RUN")  # a checkpoint may move, and names no folder
    module = FlowModule(
        network=network,
        objective=build(plain["loss"], Objective),
        optimizer=build(plain["optimizer"], partial),
        seed=seed,
        description={
            "config": portable,
            **data.provenance(),
            "stages_sha256": stage_digests(stages, plain, context),
            "training_side": training_side,
        },
    )
    digest = configuration_digest(module.description)
    finished = plain["keep_finished"] and find_finished(run_dir, digest)
    if finished:
        say(f"finished before, kept: {run_dir}")
        return finished
    # What may be refused comes before the stages, which take long.
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
    if resume and (earlier := resume.parent.parent / "stages").is_dir():
        context = replace(context, folder=earlier)
    module.description["training_side"] |= run_stages(stages, plain, context)
    try:
        for logger in loggers:
            logger.log_hyperparams(plain)
        trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
        trained = TrainedFlow(network, module.description)
        validation, train_ = data.validation_set, data.train_set
        scores = score(trained, validation, train_, **plain["scoring"])
        evaluation = {
            **data.provenance(),
            "seed": seed,
            "experiment": plain["name"],
            "configuration_sha256": digest,
            "scoring_seed": plain["scoring"]["seed"],
            **scores,
            "epochs": module.description.get("epochs", []),
            "examples": show_examples(trained, validation.records),
        }
        for logger in loggers:
            if isinstance(logger, EpochWandbLogger):
                logger.log_evaluation(evaluation)
    finally:
        # A multirun is one process: without this, W&B writes all its jobs into one run.
        if "wandb" in sys.modules:
            failed = sys.exc_info()[0] is not None
            sys.modules["wandb"].finish(exit_code=int(failed))
    write_scores(evaluation, run_dir / EVALUATION)
    show_scores(f"validation side, n = {scores['n']}", scores)
    say(f"checkpoint {run_dir / 'checkpoints' / 'last.ckpt'}")
    return evaluation


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
