"""Every notebook runs from top to bottom."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

FOLDER = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="module")
def kernel(finished_run: Path, table: Path) -> Iterator[KernelManager]:
    """One process for all of them: most of a notebook's time goes into importing torch."""
    manager = KernelManager()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NMRFLOW_CHECKPOINT", str(finished_run))
        patch.setenv("NMRFLOW_RUNS", str(finished_run))
        patch.setenv("NMRFLOW_TABLE", str(table))
        manager.start_kernel(cwd=str(FOLDER))
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # jupyter's own, in this process; none is ours
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook(path: Path, kernel: KernelManager) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "run nbstripout"
    notebook.cells.insert(0, new_code_cell("%reset -f"))
    client = NotebookClient(notebook, km=kernel)
    try:
        client.execute()
    finally:
        client.kc.stop_channels()
