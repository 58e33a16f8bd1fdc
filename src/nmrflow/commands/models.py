"""``nmrflow models``: the networks that come with the package."""

from nmrflow.console import say, show_table
from nmrflow.errors import CheckpointError
from nmrflow.model.pretrained import FOLDER, load_pretrained, names, verify


def list_all() -> None:
    """Name, size, training data and card of each."""
    rows = []
    for name in names():
        size = f"{(FOLDER / f'{name}.ckpt').stat().st_size / 2**20:.1f} MiB"
        about = load_pretrained(name).description
        split = f"split {about['split']} {about['split_seed']}"
        data = f"{about['n_train']} spectra of {about['data']}, {split}"
        rows.append((name, size, data, str(FOLDER / f"{name}.md")))
    show_table("Networks", ("name", "size", "trained on", "card"), rows, n_left=2)


def verify_all() -> None:
    """Compare every file with what was packaged: weights, card and calibration.

    Raises:
        CheckpointError: If one differs, or there are none; after all have been looked at.
    """
    every = names()
    wrong = 0
    for name in every:
        found = verify(name)
        say(found or f"{name}: as packaged")
        wrong += bool(found)
    if wrong or not every:
        raise CheckpointError(f"{wrong} of {len(every)} networks are not as packaged")
