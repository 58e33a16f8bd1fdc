"""The bijection: nodes, the networks inside them, the flow, and the cut into z and y."""

from nmrflow.flow.bond_nodes import BondCells as BondCells
from nmrflow.flow.bond_nodes import BondCoupling as BondCoupling
from nmrflow.flow.bond_nodes import SpectrumCoupling as SpectrumCoupling
from nmrflow.flow.conditionals.simple import BondMemoryless as BondMemoryless
from nmrflow.flow.conditionals.simple import BondRecurrent as BondRecurrent
from nmrflow.flow.conditionals.transformer import BondTransformer as BondTransformer
from nmrflow.flow.couplings import AdditiveCoupling as AdditiveCoupling
from nmrflow.flow.couplings import PixelDownsampling as PixelDownsampling
from nmrflow.flow.flow import SpectrumFlow as SpectrumFlow
from nmrflow.flow.latent import join_latent as join_latent
from nmrflow.flow.latent import split_latent as split_latent
from nmrflow.flow.structure_flow import StructureFlow as StructureFlow
from nmrflow.flow.subnets import ConvSubnet as ConvSubnet
