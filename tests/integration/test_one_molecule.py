"""One molecule, one answer: however it is numbered and drawn, the weights say the same."""

import numpy as np
import pytest
from rdkit import Chem

import nmrflow
from nmrflow.chem.structure import Structure
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import generator_for

pytestmark = pytest.mark.slow

MOLECULES = (
    "CC(C)C1CCC(C)CC1O",
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "CC(=O)Nc1ccc(O)cc1",
    "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "C1=CC2CCC1C2",
    "CC12CCC(CC1)C(C)(C)O2",
    "COc1cc(C=O)ccc1O",
    "c1ccc2[nH]ccc2c1",
    "c1ccc2ncccc2c1",
    "O=c1ccc2ccccc2o1",
    "CC1(C)SC2C(N)C(=O)N2C1C(=O)O",
    "C[N+](=O)[O-]",
    "O=[N+]([O-])c1ccc(Cl)cc1",
    "CC(C)(C)[N+](=O)[O-]",
    "O=[N+]([O-])c1ccccc1C=O",
    "C[S+]([O-])C",
    "CS(=O)(=O)c1ccccc1",
    "C[S+]([O-])c1ccc(C)cc1",
    "NS(=O)(=O)c1ccc(N)cc1",
    "CCN=[N+]=[N-]",
    "[N-]=[N+]=Nc1ccccc1",
    "CCOC(=O)C=[N+]=[N-]",
    "[C-]#[N+]C1CCCCC1",
    "C[N+]1([O-])CCOCC1",
    "[O-][n+]1ccccc1",
    "Cc1cc[n+]([O-])cc1",
    "C[N+](C)(C)CCO",
    "CCOP(=O)(OCC)OCC",
    "CP(=O)(c1ccccc1)c1ccccc1",
    "c1ccc(P(c2ccccc2)c2ccccc2)cc1",
    "COP(=O)(C)OC",
    "C[Si](C)(C)C#CC",
    "C[Si](C)(C)Oc1ccccc1",
    "OB(O)c1ccccc1",
    "C[Se]c1ccccc1",
    "FC(F)(F)c1ccccc1",
    "Fc1ccc(Br)cc1",
    "Ic1ccccc1",
    "ClC(Cl)Cl",
    "BrCCCl",
    "C1CC2CCC1CC2",
    "c1ccc2c(c1)ccc1ccccc12",
    "c1cc2ccc3cccc4ccc(c1)c2c34",
    "O=C1C=CC(=O)c2ccccc12",
    "Cc1ccc(C)c2cccc-2c1",
    "N#Cc1ccncc1",
    "OC1C(O)C(CO)OC(O)C1O",
    "CC1=CCC2CC1C2(C)C",
    "O=C(O)CC(O)(CC(=O)O)C(=O)O",
    "NC(Cc1c[nH]c2ccccc12)C(=O)O",
)
N_NUMBERINGS = 20


@pytest.fixture(scope="module")
def model() -> TrainedFlow:
    return nmrflow.load_pretrained("organic")


def shifts_of(model: TrainedFlow, smiles: list[str]) -> list[list[float]]:
    """Of each molecule the shifts of its carbons, sorted."""
    found = model.predict_shifts(smiles)
    return [
        sorted(
            float(ppm)
            for ppm, element in zip(one.median_ppm, one.structure.elements, strict=True)
            if element == "C"
        )
        for one in found
    ]


def numberings(smiles: str, k: int) -> list[str]:
    """The same molecule, its atoms in other orders, as a text that keeps them."""
    mol = Chem.MolFromSmiles(smiles)
    generator = np.random.default_rng(generator_for(0, "numberings", k).initial_seed())
    orders = (generator.permutation(mol.GetNumAtoms()).tolist() for _ in range(N_NUMBERINGS))
    return [Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False) for order in orders]


def drawings(smiles: str) -> set[str]:
    """The same molecule otherwise: Kekulé, hydrogens written out, charges joined or apart."""
    mol = Chem.MolFromSmiles(smiles)
    kekule = Chem.Mol(mol)
    Chem.Kekulize(kekule, clearAromaticFlags=True)
    found = {
        Chem.MolToSmiles(kekule, kekuleSmiles=True),
        Chem.MolToSmiles(mol, allHsExplicit=True),
        Chem.MolToSmiles(Chem.AddHs(mol)),
        smiles.replace("[N+](=O)[O-]", "N(=O)=O").replace("O=[N+]([O-])", "O=N(=O)"),
        smiles.replace("[S+]([O-])", "S(=O)").replace("S(=O)(=O)", "[S++]([O-])([O-])"),
        smiles.replace("P(=O)", "[P+]([O-])").replace("N=[N+]=[N-]", "N=N#N"),
    }
    return found - {smiles}


def test_numberings(model: TrainedFlow) -> None:
    assert len(MOLECULES) >= 50
    texts = [[smiles, *numberings(smiles, k)] for k, smiles in enumerate(MOLECULES)]
    found = iter(shifts_of(model, [text for own in texts for text in own]))
    for smiles, own in zip(MOLECULES, texts, strict=True):
        first, *others = (next(found) for _ in own)
        assert len(others) == N_NUMBERINGS
        for other in others:
            np.testing.assert_allclose(other, first, rtol=0, atol=1e-6, err_msg=smiles)


def test_drawings(model: TrainedFlow) -> None:
    pairs = [(smiles, other) for smiles in MOLECULES for other in sorted(drawings(smiles))]
    assert len(pairs) >= 50
    found = iter(shifts_of(model, [text for pair in pairs for text in pair]))
    for smiles, other in pairs:
        one = Structure.from_smiles(smiles)
        assert Structure.from_smiles(other).connectivity == one.connectivity, other
        np.testing.assert_allclose(next(found), next(found), rtol=0, atol=1e-6, err_msg=other)
