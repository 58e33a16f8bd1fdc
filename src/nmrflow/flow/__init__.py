"""The bijection: nodes, the networks inside them, the flow, and the cut into z and y."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nmrflow.flow.conditionals.atoms import AtomTransformer as AtomTransformer
    from nmrflow.flow.conditionals.simple import StructureMemoryless as StructureMemoryless
    from nmrflow.flow.conditionals.simple import StructureRecurrent as StructureRecurrent
    from nmrflow.flow.conditionals.transformer import StructureTransformer as StructureTransformer
    from nmrflow.flow.couplings import AdditiveCoupling as AdditiveCoupling
    from nmrflow.flow.couplings import PixelDownsampling as PixelDownsampling
    from nmrflow.flow.flow import Flow as Flow
    from nmrflow.flow.irevnet import IRevNet as IRevNet
    from nmrflow.flow.node import Node as Node
    from nmrflow.flow.spectrum import SpectrumCoupling as SpectrumCoupling
    from nmrflow.flow.structure import StructureCoupling as StructureCoupling
    from nmrflow.flow.subnets import ConvSubnet as ConvSubnet

_PLACES = {
    "AtomTransformer": "conditionals.atoms",
    "AdditiveCoupling": "couplings",
    "ConvSubnet": "subnets",
    "Flow": "flow",
    "IRevNet": "irevnet",
    "Node": "node",
    "PixelDownsampling": "couplings",
    "SpectrumCoupling": "spectrum",
    "StructureCoupling": "structure",
    "StructureMemoryless": "conditionals.simple",
    "StructureRecurrent": "conditionals.simple",
    "StructureTransformer": "conditionals.transformer",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    # FrEIA brings scipy.stats; who only predicts needs neither.
    if name in _PLACES:
        return getattr(_import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
