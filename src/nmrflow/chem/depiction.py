"""Structures as pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from rdkit.Chem import Draw, rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from nmrflow.chem.structure import Structure


def draw_structures(
    structures: Sequence[Structure],
    legends: Sequence[str] | None = None,
    *,
    n_columns: int = 4,
    size_px: tuple[int, int] = (220, 170),
) -> str:
    """Draw structures side by side.

    Args:
        structures: What to draw, in order.
        legends: A line under each; its formula if None.
        n_columns: Structures in a row.
        size_px: Width and height of each drawing in pixels.

    Returns:
        An SVG document without references to anything outside it.
    """
    mols = [structure.to_mol() for structure in structures]
    for mol in mols:
        rdDepictor.Compute2DCoords(mol)
    svg = Draw.MolsToGridImage(  # type: ignore[no-untyped-call]
        mols,
        molsPerRow=min(n_columns, max(len(mols), 1)),
        subImgSize=size_px,
        legends=list(legends or (structure.formula for structure in structures)),
        useSVG=True,
    )
    return str(getattr(svg, "data", svg))  # inside a notebook RDKit wraps the text


def draw_structure_png(structure: Structure, size_px: tuple[int, int] = (440, 340)) -> bytes:
    """Draw one structure, for pictures that are put together elsewhere.

    Args:
        structure: What to draw.
        size_px: Width and height in pixels.

    Returns:
        A PNG file's content.
    """
    mol = structure.to_mol()
    rdDepictor.Compute2DCoords(mol)
    canvas = rdMolDraw2D.MolDraw2DCairo(*size_px)
    options: Any = canvas.drawOptions()  # RDKit types its attributes as something else
    options.bondLineWidth = 3
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, mol)
    canvas.FinishDrawing()
    return bytes(canvas.GetDrawingText())


def draw_annotated(
    structure: Structure,
    notes: Mapping[int, str],
    colours: Mapping[int, tuple[float, float, float]],
    *,
    size_px: tuple[int, int] = (360, 270),
    form: str = "svg",
) -> bytes:
    """Draw one structure with a note beside some atoms and a coloured disc behind some.

    Args:
        structure: What to draw.
        notes: Text by position of the atom.
        colours: Red, green and blue, 0 to 1, by position of the atom.
        size_px: Width and height in pixels.
        form: ``"svg"`` or ``"png"``.

    Returns:
        The file's content; an SVG refers to nothing outside it.
    """
    mol = structure.to_mol()
    rdDepictor.Compute2DCoords(mol)
    for atom, note in notes.items():
        mol.GetAtomWithIdx(atom).SetProp("atomNote", note)
    kinds = {"svg": rdMolDraw2D.MolDraw2DSVG, "png": rdMolDraw2D.MolDraw2DCairo}
    canvas = kinds[form](*size_px)
    options: Any = canvas.drawOptions()
    options.annotationFontScale = 0.75
    options.bondLineWidth = max(2, size_px[0] // 240)
    options.highlightRadius = 0.24
    options.fillHighlights = True
    options.padding = 0.08
    rdMolDraw2D.PrepareAndDrawMolecule(
        canvas,
        mol,
        highlightAtoms=list(colours),
        highlightAtomColors=dict(colours),
        highlightBonds=[],
    )
    canvas.FinishDrawing()
    drawn = canvas.GetDrawingText()
    return drawn if isinstance(drawn, bytes) else drawn.encode()
