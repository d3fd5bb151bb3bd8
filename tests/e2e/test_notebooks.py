"""The notebooks in examples/ run from nothing, and end in something to look at."""

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: make test-notebooks installs it")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: make test-notebooks installs it")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: make test-notebooks installs it")

ROOT = Path(__file__).parents[2]


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
@pytest.mark.usefixtures("shared_cache")
@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_from_nothing(path: Path, tmp_path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells), "what it prints is not kept in the repository"
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [set(out.get("data", ())) for cell in book.cells for out in cell.get("outputs", ())]
    assert any(kinds & {"text/html", "image/svg+xml"} for kinds in shown)
