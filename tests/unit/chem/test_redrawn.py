"""What is read in another way than it is drawn is said, and nothing else."""

import pytest
from rdkit import Chem

from nmrflow.chem.notation import read_molblock, structure_from_smiles
from nmrflow.chem.redrawn import say_redrawn_smiles

REDRAWN = {
    "CN(=O)=O": "N=O was read as [N+][O-]",
    "Cc1ccc(N(=O)=O)cc1N(=O)=O": "N=O was read as [N+][O-]",
    "CN=N#N": "N#N was read as [N+]=[N-]",
    "c1ccn(=O)cc1": "N=O was read as [N+][O-]",
    "C[S+]([O-])C": "[O-][S+] was read as O=S",
    "C[P+](C)(C)[O-]": "[O-][P+] was read as O=P",
    "C[P+](C)(C)[CH2-]": "[C-][P+] was read as C=P",
    "O=N(=O)CC[S+](C)[O-]": "N=O was read as [N+][O-]; [O-][S+] was read as O=S",
}
SAME = (
    "C[N+](=O)[O-]", "[O-][N+](=O)C", "CS(C)=O", "C1=CC=CC=C1", "c1ccccc1", "[H]C([H])([H])O[H]",
    "C[N+](C)(C)CC([O-])=O", "CN=[N+]=[N-]", "[C-]#[N+]C", "C[N+](C)(C)C",
)  # fmt: skip


@pytest.mark.parametrize(("smiles", "said"), [*REDRAWN.items(), *((s, None) for s in SAME)])
def test_only_other_charges_and_bonds_are_said(smiles: str, said: str | None) -> None:
    assert say_redrawn_smiles(smiles, structure_from_smiles(smiles)) == said
    drawn = Chem.MolFromSmiles(smiles, sanitize=False)
    assert read_molblock(Chem.MolToMolBlock(drawn, kekulize=False))[1] == said
