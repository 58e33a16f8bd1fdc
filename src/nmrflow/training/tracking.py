"""A run's numbers as files, and in Weights & Biases, offline unless asked."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from lightning.pytorch.core.saving import save_hparams_to_yaml
from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from nmrflow.errors import ConfigError
from nmrflow.evaluation import figures
from nmrflow.evaluation.scores_file import flatten_scores
from nmrflow.files.writing import write_text, written_whole


class EpochCsvLogger(Logger):
    """``metrics.csv``, a row per epoch, and ``hparams.yaml``: each whole at any moment."""

    name = version = ""

    def __init__(self, save_dir: str) -> None:
        super().__init__()
        self._folder = Path(save_dir)
        self._rows: list[dict[str, float]] = []

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self._folder)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any]) -> None:  # type: ignore[override]
        """Write the run's configuration, plain values."""
        with written_whole(self._folder / "hparams.yaml") as unfinished:
            save_hparams_to_yaml(unfinished, params)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add a row, and write all of them."""
        self._rows.append({**metrics, "step": len(self._rows) if step is None else step})
        stream = io.StringIO()
        columns = sorted({name for row in self._rows for name in row})
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_text(self._folder / "metrics.csv", stream.getvalue())


class EpochWandbLogger(WandbLogger):
    """W&B with one history row per epoch, which also holds the table of all epochs so far."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        # Lightning 2.6.6 passes on a setting that wandb 0.31 has given up and warns about.
        self._wandb_init.pop("anonymous", None)
        self._rows: list[dict[str, float]] = []

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add a history row; the table is part of it, because on its own it would be another."""
        import wandb

        self._rows.append(dict(metrics))
        columns: list[str | int] = list(self._rows[0])
        data: list[Any] = [[row.get(str(column)) for column in columns] for row in self._rows]
        table: Any = wandb.Table(columns=columns, data=data)
        super().log_metrics({**metrics, "epochs": table}, step)

    def log_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Put a run's scores, tables and pictures into its summary.

        The summary, not the history: that has one row per epoch and stays so.
        """
        import wandb

        summary = self.experiment.summary
        summary.update(flatten_scores(evaluation))
        for name, rows in (
            ("examples", evaluation["examples"]),
            ("reliability", evaluation["calibration/reliability"]),
        ):
            data: list[Any] = [[str(value) for value in row.values()] for row in rows]
            table: Any = wandb.Table(columns=list(rows[0]), data=data)
            summary[f"tables/{name}"] = table
        for name, figure in figures.draw_runs([evaluation], [evaluation], 4).items():
            summary[f"pictures/{name}"] = wandb.Image(figure)
            plt.close(figure)


@contextmanager
def one_run() -> Iterator[None]:
    """Close W&B's run behind the block: a multirun, one process, would write all into one."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.startswith("wandb."):
            raise ConfigError(
                f"W&B refuses ({error}); correct logger.wandb or its variables, or do without: "
                "logger=csv"
            ) from error
        raise
    finally:
        if "wandb" in sys.modules:
            failed = sys.exc_info()[0] is not None
            sys.modules["wandb"].finish(exit_code=int(failed))
