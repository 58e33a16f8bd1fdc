"""Structures as pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit.Chem import Draw, rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from nmrflow.chem.structure import Structure

_BOND, _BOND_LENGTH = 40.0, 1.5  # Of a bond, in units of a drawing; as RDKit places atoms.
_MARGIN, _LEAST, _MOST = 44, 150, 620
_ZOOM = 3
_HEADER_END = "<!-- END OF HEADER -->\n"


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


@dataclass(frozen=True)
class Sketch:
    """A drawn molecule, and where its atoms are, for whoever writes beside them.

    Args:
        content: Of ``"svg"`` the elements alone, which refer to nothing outside them; of
            ``"png"`` the file.
        size: Width and height, in units of the coordinates; a PNG has several pixels a unit.
        points: Of each atom.
        bonds: Pairs of atoms.
    """

    content: bytes
    size: tuple[int, int]
    points: tuple[tuple[float, float], ...]
    bonds: tuple[tuple[int, int], ...]


def sketch(structure: Structure, form: str = "svg") -> Sketch:
    """Draw a molecule with room for a line of text around every atom.

    Args:
        structure: What to draw.
        form: ``"svg"`` or ``"png"``.
    """
    mol = rdMolDraw2D.PrepareMolForDrawing(structure.to_mol())
    placed = (
        mol.GetConformer().GetPositions()[:, :2] if mol.GetNumConformers() else np.zeros((1, 2))
    )
    extent = np.ptp(placed, axis=0)
    scale = min(_BOND / _BOND_LENGTH, *((_MOST - 2 * _MARGIN) / np.maximum(extent, 0.1)))
    width, height = (int(max(_LEAST, span * scale + 2 * _MARGIN)) for span in extent)
    zoom = 1 if form == "svg" else _ZOOM
    kinds = {"svg": rdMolDraw2D.MolDraw2DSVG, "png": rdMolDraw2D.MolDraw2DCairo}
    canvas = kinds[form](zoom * width, zoom * height)
    options: Any = canvas.drawOptions()
    options.clearBackground = form == "png"
    options.fixedBondLength = zoom * scale
    options.bondLineWidth = 1.4 * zoom
    options.minFontSize = options.maxFontSize = int(zoom * max(7, 0.36 * _BOND_LENGTH * scale))
    options.padding = 0.0
    canvas.DrawMolecule(mol)
    points = [canvas.GetDrawCoords(atom) for atom in range(mol.GetNumAtoms())]
    canvas.FinishDrawing()
    drawn = canvas.GetDrawingText()
    content = drawn if isinstance(drawn, bytes) else drawn.partition(_HEADER_END)[2].encode()
    return Sketch(
        content.removesuffix(b"</svg>\n"),
        (width, height),
        tuple((point.x / zoom, point.y / zoom) for point in points),
        tuple((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()),
    )
