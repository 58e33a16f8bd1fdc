"""Train a network: ``python -m nmrflow.train +experiment=baseline``."""

import gc
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from nmrflow.config.composition import composed
from nmrflow.console import quiet_libraries
from nmrflow.errors import errors_for_people, run_with_hydra
from nmrflow.training.run import train as train


@composed("pkg://nmrflow.conf", "train")
def main(config: DictConfig) -> None:
    """Hydra's entry: one job."""
    quiet_libraries()
    with errors_for_people():
        train(config, Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    # What has been imported stays: without this Python walks all of it once more at exit, which
    # takes a second. Here and not in main(), which a multirun enters once a job.
    gc.freeze()
    run_with_hydra(main)
