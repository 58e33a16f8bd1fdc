"""The report on one or several runs: ``python -m nmrflow.evaluation.report DIR``."""

import argparse
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from nmrflow.console import progress, say
from nmrflow.errors import DataError, NmrflowError, errors_for_people
from nmrflow.evaluation.figures import Evaluation, draw_runs
from nmrflow.evaluation.report import sections
from nmrflow.evaluation.report.page import PICTURES, write_report
from nmrflow.evaluation.report.runs import KIND, read_runs
from nmrflow.evaluation.report.sections import Yardsticks
from nmrflow.evaluation.scores_file import read_yardsticks
from nmrflow.output.pictures import to_file

_BRIEF = (
    "Some of these runs were scored in brief, without what has to be sampled or fitted: train "
    "with `scoring.complete=true` for all of it, or score their checkpoints with "
    "`nmrflow.evaluate`."
)


def make_report(folder: Path) -> tuple[Path, Path]:
    """Write the report on all runs in a folder.

    Returns:
        ``report.md`` and ``report.html`` in that folder.

    Raises:
        DataError: If there are no runs, or the files cannot be written.
    """
    try:
        title, text, drawn = _compose(folder)
    except NmrflowError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{folder}: holds scores that are not as nmrflow.train writes them "
            f"({type(error).__name__}: {error}); train again, or remove those runs"
        ) from error
    return write_report(folder, title, text, drawn)


def _compose(folder: Path) -> tuple[str, str, dict[str, bytes]]:
    """The title, the text as Markdown, and the pictures by name."""
    runs = read_runs(folder)
    yardsticks = {
        entry["conditions"]["split_sha256"]: {k: v for k, v in entry.items() if k != "conditions"}
        for entry in read_yardsticks(folder)
    }
    families = {
        sections.plain(", ".join(map(str, family))): list(members)
        for family, members in groupby(runs, key=lambda run: tuple(run[k] for k in KIND[:3]))
    }
    main = {name: _most_numerous(members) for name, members in families.items()}
    title = f"nmrflow: {len(runs)} runs"
    parts = [
        f"# {title}",
        "Each figure below is of the runs in this folder and in those under it.",
    ]
    if len(families) > 1:
        parts += ["## Side by side", sections.overview(main)]
    drawn: dict[str, bytes] = {}
    for number, (name, members) in enumerate(progress(families.items(), len(families), "report")):
        splits = [run["split_sha256"] for run in main[name]]
        measured = [yardsticks[split] for split in splits if split in yardsticks]
        text, pictures = _family(name, main[name], members, measured, prefix=f"{number}_")
        parts += text
        drawn |= pictures
    return title, "\n\n".join(parts) + "\n", drawn


def _most_numerous(members: Sequence[Evaluation]) -> list[Evaluation]:
    """Of runs of several lengths those of the commonest length (of two, the shorter)."""
    lengths = Counter(sorted(run["n_epochs"] for run in members))
    (commonest, _), *_ = lengths.most_common(1)
    return [run for run in members if run["n_epochs"] == commonest]


def _family(
    name: str,
    runs: list[Evaluation],
    members: list[Evaluation],
    yardsticks: Sequence[Yardsticks],
    prefix: str,
) -> tuple[list[str], dict[str, bytes]]:
    """Text and pictures on runs that differ in seeds and lengths only."""
    longest = max(members, key=lambda run: len(run["epochs"]))
    curves = runs if len(longest["epochs"]) == runs[0]["n_epochs"] else [longest]
    drawn = {
        prefix + key: to_file(figure, "svg") for key, figure in draw_runs(runs, curves).items()
    }

    def picture(key: str, words: str) -> list[str]:
        return [f"![{words}]({PICTURES}/{prefix}{key}.svg)"] if prefix + key in drawn else []

    shown = f"split seed {curves[0]['split_seed']}" if len(curves) == 1 else f"{len(curves)} runs"
    text = [
        f"## {name}",
        sections.conditions(runs),
        "### The paper and ours",
        "The paper's values are of its own 1,467 rows and random splits. What each of ours is, "
        "and where the paper leaves it open, is said in `docs/reproduction.md`. The deviations "
        "are given in both norms, because the paper's fit neither throughout.",
        sections.paper_section(runs, members),
        sections.PUBLISHED_INVERSE,
        "### Forward: predicted spectrum codes",
        sections.comparison(runs, yardsticks, sections.FORWARD),
        _yardstick_note(runs, yardsticks),
        *picture("reliability", "Predicted against observed frequency of bits"),
        "### Backward: structures from measured codes",
        "y is the measured code, z is drawn from N(0, I), the inverse is rounded at one half and "
        "decoded, nothing is repaired. Candidates are ranked by the likelihood of the measured "
        "code under their own predicted spectrum, then by how often they were drawn. With the "
        "formula known, candidates of another formula are dropped.",
        sections.comparison(runs, yardsticks, sections.BACKWARD),
        *([] if all("structure/top1" in run for run in runs) else [_BRIEF]),
        "### What z holds",
        sections.comparison(runs, [], sections.LATENT),
        "### Conditional deviation (Table 4)",
        sections.deviation_section(runs),
        *picture("deviation", "Conditional deviation against noise"),
        f"### Learning curves (Figure 3), {shown}",
        *picture("learning_curves", "Losses and F1 by epoch"),
        f"### Examples (the form of Table 2), split seed {runs[0]['split_seed']}",
        sections.examples_section(runs[0]),
        *(
            line
            for k, example in enumerate(runs[0]["examples"])
            for line in picture(
                f"example_{k}", f"Spectrum of molecule {sections.plain(example['molecule_id'])}"
            )
        ),
        "### Every score",
        sections.everything(runs),
    ]
    return text, drawn


def _yardstick_note(runs: Sequence[Evaluation], yardsticks: Sequence[Yardsticks]) -> str:
    if not yardsticks:
        return (
            "Yardsticks are not computed for these splits yet: `python -m "
            "nmrflow.evaluation.yardsticks DIR`, then this report again."
        )
    corpus = yardsticks[0].get("lookup", {}).get("structure/n_corpus")
    return (
        f"Yardsticks: means over {len(yardsticks)} of the same {len(runs)} splits, nothing of "
        "the validation side read before scoring. Nearest neighbour: the code of the training "
        "molecule with the most similar fingerprint; backward, the training molecules with the "
        "most similar codes. Message passing: a graph network trained on the training side. "
        f"Lookup: {corpus:,} molecules generated from the training side, ranked by the "
        "likelihood of the measured code under that graph network."
    )


def main() -> None:
    """Entry of the command line."""
    parser = argparse.ArgumentParser(prog="nmrflow.evaluation.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="a run folder, or a multirun's")
    with errors_for_people():
        for file in make_report(parser.parse_args().folder):
            say(f"written {file}")


if __name__ == "__main__":
    main()
