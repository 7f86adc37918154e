"""Structural formulas read into SMILES.

Two texts may name one molecule, so both are made canonical first, and molecules that differ are
compared by their fingerprints (Tanimoto; Morgan's of radius 2, 2,048 bits). That needs RDKit, of
the extra `figures`; without it texts are compared as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RADIUS, BITS = 2, 2048
_LONGEST = 5000  # characters of a SMILES; a model that runs in circles writes more


@dataclass(frozen=True, slots=True)
class MoleculeScore:
    """exact: it is the same molecule. tanimoto: 0 to 1. valid: what was read names a molecule; None
    where RDKit is not there to tell."""

    exact: bool
    tanimoto: float
    valid: bool | None


def smiles_score(truth: str, read: str) -> MoleculeScore:
    """Raises:
    ValueError: the truth names no molecule.
    """
    truth, read = _bare(truth), _bare(read)
    try:
        from rdkit import Chem
    except ImportError:
        same = bool(truth) and truth == read
        return MoleculeScore(same, float(same), None)
    one, other = _molecule(truth), _molecule(read)
    if one is None:
        raise ValueError(f"the truth is no SMILES: {truth[:80]!r}")
    if other is None:
        return MoleculeScore(False, 0.0, False)
    exact = Chem.MolToSmiles(one) == Chem.MolToSmiles(other)
    return MoleculeScore(exact, 1.0 if exact else _tanimoto(one, other), True)


def _bare(text: str) -> str:
    """A SMILES without the words and marks around it that models write."""
    text = text.replace("<smiles>", " ").replace("</smiles>", " ").strip().strip("`$").strip()
    return text.split()[0] if text.split() else ""


def _molecule(smiles: str) -> Any:
    from rdkit import Chem, RDLogger

    if not smiles or len(smiles) > _LONGEST:
        return None
    RDLogger.DisableLog("rdApp.*")  # what is no molecule is a result here, not a fault
    return Chem.MolFromSmiles(smiles)


def _tanimoto(one: Any, other: Any) -> float:
    from rdkit import DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    made = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    pair = made.GetFingerprint(one), made.GetFingerprint(other)
    return float(DataStructs.TanimotoSimilarity(*pair))
