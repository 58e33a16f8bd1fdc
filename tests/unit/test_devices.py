"""On an accelerator: no tensor stays behind, and the numbers are those of the processor.

There is no accelerator in most places where tests run. One is made believe: tensors that say
they lie on PyTorch's ``meta`` device, hold their numbers all the same, and refuse to be computed
with together with a tensor that lies elsewhere, as CUDA does.
"""

import copy
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from nmrflow.answers.candidates import order, weigh_drawn
from nmrflow.chem.structure import Structure
from nmrflow.data.dataset import Batch
from nmrflow.formats.text_reader import as_peaks
from nmrflow.losses import (
    DensityLoss,
    DescribedSpectrumLoss,
    LikelihoodLoss,
    LogitSizeLoss,
    Objective,
    PublishedSpectrumLoss,
    RangeLoss,
    SparsityLoss,
    Term,
)
from nmrflow.model.network import Network, build_network
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question
from nmrflow.training.module import FlowModule

THERE = torch.device("meta")
Module = TypeVar("Module", bound=nn.Module)
N_BINS = 16
SMILES = ("CCC", "Cc1ccccc1", "C1CC1C=C", "CC#C")

# What may take a tensor of the processor to one of the device, or as an index of it.
_BOTH = {"copy_", "_to_copy", "index", "index_put_", "_index_put_impl_"}


class Elsewhere(Tensor):
    """A tensor that says it is on the device; ``held`` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Elsewhere":
        tensor: Elsewhere = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=THERE,
        )
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return compute(func, args, kwargs or {})

    def tolist(self) -> Any:
        return self.held.tolist()


class Device(TorchDispatchMode):
    """While it is on, new tensors of the device hold numbers."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return compute(func, args, kwargs or {})


def compute(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = func.overloadpacket.__name__
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [isinstance(tensor, Elsewhere) for tensor in tensors]
    is_mixed = any(there) and any(
        tensor.dim() for tensor, is_there in zip(tensors, there, strict=True) if not is_there
    )
    if is_mixed and name not in _BOTH:
        raise RuntimeError(f"{name} of tensors on two devices")
    goes_there = any(there)
    if kwargs.get("device") is not None:
        goes_there = torch.device(kwargs["device"]) == THERE
        kwargs = kwargs | {"device": torch.device("cpu")}
    held, held_kwargs = tree_map(
        lambda leaf: leaf.held if isinstance(leaf, Elsewhere) else leaf, (args, kwargs)
    )
    result = func(*held, **held_kwargs)
    if torch.Tag.inplace_view in func.tags and there[0]:
        with no_dispatch():  # its own shape changes too
            func(*args, **kwargs)
    if name.endswith("_"):
        return args[0]
    if not goes_there:
        return result
    return tree_map(lambda leaf: Elsewhere(leaf) if isinstance(leaf, Tensor) else leaf, result)


def move(module: Module) -> Module:
    """Put a module's parameters and buffers on the device."""
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = nn.Parameter(Elsewhere(weight.detach()))
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = Elsewhere(buffer)
    return module


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    """The device, to compute within."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # knows no such device
    return Device()


def here(tensor: Tensor) -> Tensor:
    return (tensor.held if isinstance(tensor, Elsewhere) else tensor).detach()


CONDITIONALS: dict[str, dict[str, Any]] = {
    "StructureTransformer": {"width": 16, "n_layers": 2, "n_heads": 2},
    "StructureRecurrent": {"width": 12},
    "StructureMemoryless": {"width": 12},
}
CHNO = {"atom_types": [["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], "max_atoms": 9}
CHNO_SMILES = ("CCO", "Cc1ccncc1", "NC1CC1C=O", "CC#N")
NAMES = (*CONDITIONALS, "several kinds of atoms", "published")


@pytest.fixture(params=NAMES)
def make_network(
    request: pytest.FixtureRequest,
    small_model: Callable[..., dict[str, Any]],
    randomised: Callable[[nn.Module], nn.Module],
) -> Callable[[], Network]:
    """Makes a network with the weights that it always has."""
    coupling = {
        "_target_": "nmrflow.flow.AdditiveCoupling",
        "_partial_": True,
        "subnet": {"_target_": "nmrflow.flow.ConvSubnet", "_partial_": True},
    }
    model = small_model(
        CHNO if request.param == "several kinds of atoms" else None, n_networks=2, width=8
    )
    if request.param == "published":
        nodes = {
            "_target_": "nmrflow.flow.IRevNet",
            "n_blocks": [1, 1, 1],
            "coupling": coupling,
        }
        codec = {"_target_": "nmrflow.chem.codecs.published.BondTensorCodec"}
        model = {"codec": codec, "flow": {"_target_": "nmrflow.flow.Flow", "nodes": nodes}}
    elif request.param in CONDITIONALS:
        model["flow"]["nodes"]["structure"]["conditional"] = {
            "_target_": f"nmrflow.flow.{request.param}",
            "_partial_": True,
            **CONDITIONALS[request.param],
        }
    model["axis"] = {"_target_": "nmrflow.spectra.axis.ShiftAxis", "n_bins": N_BINS}

    def build() -> Network:
        network = build_network(model, 0)
        torch.manual_seed(1)
        for part in (network.forward, network.flow):
            if part is not None:
                randomised(part)
        return network

    return build


LOSSES_Y = (PublishedSpectrumLoss, DescribedSpectrumLoss, LogitSizeLoss)
LOSSES_X = (RangeLoss, SparsityLoss, partial(DensityLoss, sharpness=8.0))


def objective_of(network: Network) -> Objective:
    """All losses that such a flow can be trained with."""
    if network.flow.has_likelihood:
        return Objective(likelihood=Term(LikelihoodLoss(), 1.0, "x"))
    terms = {f"y{k}": Term(make(), 1.0, "y") for k, make in enumerate(LOSSES_Y)}
    return Objective(
        **terms, **{f"x{k}": Term(make(), 1.0, "x") for k, make in enumerate(LOSSES_X)}
    )


def train(module: FlowModule, batch: Batch) -> dict[str, Tensor]:
    """A step of training, and validation: the loss, and the weights afterwards."""
    optimizer = module.configure_optimizers()
    loss = module.train().training_step(batch, 0)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        module.eval().validation_step(batch, 0)
    module.on_validation_epoch_end()
    module.on_train_epoch_end()
    return {"loss": loss} | dict(module.named_parameters())


def test_a_step_of_training_is_that_of_the_processor(
    make_network: Callable[[], Network], device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("log", "log_dict"):
        monkeypatch.setattr(FlowModule, name, lambda *_, **__: None)  # there is no trainer
    known = make_network()
    names = SMILES if known.domain.is_hydrocarbon else CHNO_SMILES
    structures = [Structure.from_smiles(name) for name in names]
    x = torch.from_numpy(np.stack([known.codec.encode(s) for s in structures]))
    code = (torch.rand(len(SMILES), N_BINS) > 0.6).float()

    def build() -> FlowModule:
        network = make_network()
        return FlowModule(
            network=network,
            objective=objective_of(network),
            optimizer=partial(torch.optim.SGD, lr=0.01),
            seed=0,
            description={"training_side": {}},
        )

    expected = train(build(), Batch(x.float(), code))
    with device:
        found = train(move(build()), Batch(x.float().to(THERE), code.to(THERE)))
    assert all(isinstance(value.detach(), Elsewhere) for value in found.values())
    for name, value in expected.items():
        torch.testing.assert_close(here(found[name]), value.detach(), msg=name)


PEAKS = [[20.0, 30.0, 130.0], [128.0]]


def work(trained: TrainedFlow) -> list[Any]:
    """What notebooks and commands ask of a network that elucidates, as plain numbers."""
    found: list[Any] = [trained.predict_logits(trained.read_structures(SMILES))]
    found += [shifts.median_ppm for shifts in trained.predict_shifts(SMILES)]
    found += [shifts.distribution.centre_ppm.numpy() for shifts in trained.predict_shifts(SMILES)]
    for formulas in ((None, None), ("C6H12", "C10H14")):
        asked = [Question(as_peaks(p), formula=f) for p, f in zip(PEAKS, formulas, strict=True)]
        drawn = trained.propose_structures(asked, 30, seed=0)
        found += [proposal.z for proposals in drawn for proposal in proposals]
        latent = trained.to_latent(drawn[0], asked[:1] * 30)
        found += [latent.z.numpy(), latent.y.numpy()]
        ranked = order(weigh_drawn(trained, asked[0], drawn[0]))
        found += [[candidate.score, candidate.n_sampled] for candidate in ranked]
    return found


def test_a_network_that_elucidates_works_as_on_the_processor(
    make_flow: Callable[..., TrainedFlow], device: Device
) -> None:
    expected = work(make_flow())
    there = make_flow()
    with device:
        move(there.flow)
        assert there.network.forward is not None
        move(there.network.forward)
        assert there.flow.device == THERE
        found = work(there)
    assert len(found) == len(expected) > 100
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_the_published_network_works_as_on_the_processor(
    published_flow: TrainedFlow, device: Device
) -> None:
    def use(trained: TrainedFlow) -> list[Any]:
        latent = trained.to_latent(SMILES)
        (drawn,) = trained.propose_structures(PEAKS[:1], 5, seed=0)
        return [*latent, *(proposal.x for proposal in drawn)]

    expected = use(published_flow)
    there = TrainedFlow(copy.deepcopy(published_flow.network), published_flow.description)
    with device:
        move(there.flow)
        found = use(there)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_tensors_on_two_devices_do_not_meet(device: Device) -> None:
    """What the tests above rest on."""
    with device:
        there = torch.ones(3, device=THERE)
        assert isinstance(there, Elsewhere)
        assert (there + 1.0).cpu().tolist() == [2.0, 2.0, 2.0]
        with pytest.raises(RuntimeError, match="two devices"):
            there + torch.ones(3)
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
