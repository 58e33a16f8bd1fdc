"""The bijection: nodes, the networks inside them, the flow, and the cut into z and y."""

from nmrflow.flow.conditionals.simple import StructureMemoryless as StructureMemoryless
from nmrflow.flow.conditionals.simple import StructureRecurrent as StructureRecurrent
from nmrflow.flow.conditionals.transformer import StructureTransformer as StructureTransformer
from nmrflow.flow.couplings import AdditiveCoupling as AdditiveCoupling
from nmrflow.flow.couplings import PixelDownsampling as PixelDownsampling
from nmrflow.flow.flow import Flow as Flow
from nmrflow.flow.irevnet import IRevNet as IRevNet
from nmrflow.flow.latent import join_latent as join_latent
from nmrflow.flow.latent import split_latent as split_latent
from nmrflow.flow.node import Node as Node
from nmrflow.flow.spectrum import SpectrumCoupling as SpectrumCoupling
from nmrflow.flow.structure import StructureCoupling as StructureCoupling
from nmrflow.flow.subnets import ConvSubnet as ConvSubnet
from nmrflow.flow.tokens import Grammar as Grammar
