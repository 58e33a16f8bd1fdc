"""What every invertible node promises. To add a node, add one row to NODES."""

import math
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nmrflow.flow
from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.errors import ShapeError
from nmrflow.flow import (
    AdditiveCoupling,
    AtomTransformer,
    ConvSubnet,
    Flow,
    PixelDownsampling,
    SpectrumCoupling,
    StructureCoupling,
    StructureMemoryless,
    StructureRecurrent,
    StructureTransformer,
)
from nmrflow.flow.conditionals.base import Conditional
from nmrflow.flow.conditionals.peaks import N_PEAKS
from nmrflow.flow.latent import Latent
from nmrflow.flow.node import Dims, Node
from nmrflow.flow.tokens import Grammar
from nmrflow.model.network import grammar_of as grammar_of_codec
from nmrflow.numerics import Draws, generator_for

N_BINS = 6


def grammar_of(domain: Domain) -> Grammar:
    return Grammar(domain.valences, domain.max_atoms, TableCodec(domain).pairs)


CARBONS = grammar_of(HYDROCARBONS)
SEVERAL = grammar_of(Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9))

WITH_HYDROGENS = grammar_of_codec(
    TableCodec(
        Domain([["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1]], max_atoms=5),
        tells_hydrogens=True,
    )
)


class Hinted(Node):
    """A node of somebody else's, with a condition that is no formula."""

    condition = "hint"

    def __init__(self, dims_in: Sequence[Dims], dims_c: Iterable[Dims] | None = None) -> None:
        super().__init__(dims_in, dims_c)
        if len(self.in_shape) != 1:
            raise ShapeError(f"Hinted takes a vector, got {self.in_shape}")
        self.scale = nn.Linear(3, *self.in_shape)

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        return list(input_dims)

    def unknown_condition(self, n: int) -> Tensor:
        return torch.zeros(n, 3)

    def draw_condition(self, x: Tensor, draws: Draws) -> Tensor:  # noqa: ARG002
        return draws.normal(3).round()

    def _to_latent(self, x: Tensor, hint: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = self.scale(hint.to(x)).tanh()
        return x * log_scale.exp(), log_scale.sum(1)

    def _from_latent(self, h: Tensor, hint: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = self.scale(hint.to(h)).tanh()
        return h / log_scale.exp(), -log_scale.sum(1)


class PlainPredictor(nn.Linear):
    """Any function of whole numbers."""

    def forward(self, cells: Tensor) -> Tensor:
        return super().forward(cells.to(self.weight.dtype)).tanh()


class Row(NamedTuple):
    """How a node is tried.

    Args:
        node: Its class, or a ``functools.partial`` of it.
        dims: Shape of a small input, without batch.
        known: What it asks for beside ``n_bins``, made anew for each node.
        by_inverse: Whether not every tensor is an input: then its own inverse makes them.
        told: What its condition may say, one of them a row.
        n_cells: How many cells are an encoded molecule's; all that no node adds if not said.
    """

    node: Callable[..., Node]
    dims: Dims
    known: Callable[[], dict[str, Any]] = dict
    by_inverse: bool = False
    told: Sequence[Sequence[int]] = ()
    n_cells: int | None = None

    @property
    def cls(self) -> type[Node]:
        return getattr(self.node, "func", self.node)

    def make(self, dims: Sequence[Dims] | None = None, dims_c: Sequence[Dims] = ()) -> Node:
        """As a flow makes it."""
        known = {"n_bins": N_BINS, **self.known()}
        dims_c = [*dims_c, *([(1,)] if self.cls.condition else [])]
        asked = {ask: known[ask] for ask in self.cls.asks}
        return self.node([self.dims] if dims is None else dims, dims_c, **asked)

    def make_flow(self) -> Flow:
        """A flow of two such nodes where that fits, else of one."""
        fits = list(self.make().output_dims([self.dims])) == [self.dims] and not self.by_inverse
        nodes = dict.fromkeys(("first", "second") if fits else ("only",), self.node)
        first, *further = self.dims
        first -= len(nodes) * self.cls.n_extra(N_BINS)
        return Flow(nodes=nodes, cell_shape=(first, *further), n_bins=N_BINS, known=self.known())


def structure(conditional: Callable[..., Conditional], grammar: Grammar) -> Row:
    no_peaks = [-1] * 2 * N_PEAKS
    two_peaks = [45_812, 2, 41_810, -1, *no_peaks[4:]]
    told = {
        CARBONS: [[-1, -1], [-1, -1], [4, 5], [6, 6]],
        SEVERAL: [[-1] * 4, [-1] * 4, [2, 1, 1, 4], [6, 0, 1, 9]],
        WITH_HYDROGENS: [
            [-1] * 8 + no_peaks,
            [-1] * 8 + two_peaks,
            [2, 1, 2, 5, 0, 0, 1, 1, *two_peaks],
            [-1, -1, 1, -1, -1, 1, -1, -1, *no_peaks],
        ],
    }
    return Row(
        partial(StructureCoupling, conditional=conditional),
        (grammar.n_cells + N_BINS,),
        known=lambda: {"grammar": grammar},
        by_inverse=True,
        told=told[grammar],
        n_cells=grammar.n_cells,
    )


TRANSFORMER = partial(StructureTransformer, width=16, n_layers=2, n_heads=2)
RECURRENT = partial(StructureRecurrent, width=12)
MEMORYLESS = partial(StructureMemoryless, width=12)
ATOMS = partial(AtomTransformer, width=16, n_layers=2, n_heads=2, n_peak_layers=1, pointer_width=8)

NODES: dict[str, Row] = {
    "coupling on an image": Row(partial(AdditiveCoupling, subnet=ConvSubnet), (4, 4, 6)),
    "coupling on one pixel": Row(partial(AdditiveCoupling, subnet=ConvSubnet), (10, 1, 1)),
    "coupling with a wide subnet": Row(
        partial(AdditiveCoupling, subnet=partial(ConvSubnet, width=7)), (6, 2, 2)
    ),
    "downsampling": Row(PixelDownsampling, (3, 4, 6)),
    "spectrum": Row(
        SpectrumCoupling,
        (136 + 8 + N_BINS,),
        known=lambda: {"predictor": PlainPredictor(136 + 8, N_BINS)},
    ),
    "structure, transformer": structure(TRANSFORMER, CARBONS),
    "structure, recurrent": structure(RECURRENT, CARBONS),
    "structure, memoryless": structure(MEMORYLESS, CARBONS),
    "structure of several kinds": structure(TRANSFORMER, SEVERAL),
    "structure that tells hydrogens": structure(ATOMS, WITH_HYDROGENS),
    "another condition": Row(Hinted, (9,), told=[[0, 0, 0], [1, -2, 3]]),
}

Randomise = Callable[[nn.Module], nn.Module]


@pytest.fixture(params=NODES)
def row(request: pytest.FixtureRequest) -> Row:
    return NODES[request.param]


@pytest.fixture
def dims(row: Row) -> Dims:
    return row.dims


@pytest.fixture
def node(row: Row, randomised: Randomise) -> nn.Module:
    return randomised(row.make().double())


@pytest.fixture
def flow(row: Row, randomised: Randomise) -> nn.Module:
    return randomised(row.make_flow())


def apply(
    node: nn.Module, tensor: Tensor, *, rev: bool = False, told: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Either direction; of molecules of which nothing is known if not told."""
    conditions = []
    if node.condition is not None:
        conditions = [node.unknown_condition(len(tensor)) if told is None else told]
    (out,), log_det = node((tensor,), c=conditions, rev=rev)
    return out, log_det


def told_of(row: Row, n: int) -> Tensor | None:
    """What the condition may say, for n molecules in turn."""
    if not row.told:
        return None
    return torch.tensor([row.told[k % len(row.told)] for k in range(n)])


def some(dims: Dims, n: int = 3) -> Tensor:
    return torch.randn(n, *dims, dtype=torch.float64)


def inputs(row: Row, node: nn.Module, n: int = 3, told: Tensor | None = None) -> Tensor:
    """Tensors such as a node takes; where it makes them, of what is told."""
    if not row.by_inverse:
        return some(row.dims, n)
    h = some(node.output_dims([row.dims])[0], n)
    return apply(node, h, rev=True, told=told)[0].detach()


def molecules_in(x: Tensor, row: Row) -> Tensor:
    """The whole numbers of the molecules in a node's inputs, as a codec encodes them."""
    n_cells = row.dims[0] - row.cls.n_extra(N_BINS) if row.n_cells is None else row.n_cells
    return x[:, :n_cells].add(0.5).floor()


def without_dead_ends(node: nn.Module, row: Row, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
    """Of tables with hydrogens: those that are no molecule without charge have no formula."""
    if row.n_cells != WITH_HYDROGENS.n_cells:
        return x, told
    cells, code = molecules_in(x, row).long(), x[:, -N_BINS:] > 0
    is_possible = node.log_probability(cells, code, told).isfinite()
    assert is_possible.sum() > 4
    return x[is_possible], told[is_possible]


def inputs_of(flow: Flow, row: Row, n: int = 3) -> Tensor:
    """Tensors such as a flow takes."""
    if not row.by_inverse:
        return torch.randn(n, *flow.in_shape, dtype=flow.dtype)
    h = torch.randn(n, flow.n_residual + flow.n_bins, dtype=flow.dtype)
    latent = Latent(h[:, : flow.n_residual], h[:, flow.n_residual :])
    return flow.from_latent(latent)[0].detach()


def public(base: type) -> set[type]:
    """All classes below one that the modules of ``nmrflow.flow`` define, for everybody."""
    names = [f.name for f in pkgutil.walk_packages(nmrflow.flow.__path__, "nmrflow.flow.")]
    things = [thing for name in names for thing in vars(import_module(name)).values()]
    classes = {thing for thing in things if isinstance(thing, type) and issubclass(thing, base)}
    return {cls for cls in classes - {base} if not cls.__name__.startswith("_")}


def test_every_node_has_a_row() -> None:
    assert public(Node) == {row.cls for row in NODES.values()} - {Hinted}


def test_every_conditional_is_in_a_row() -> None:
    inside = {type(part) for row in NODES.values() for part in row.make().modules()}
    assert public(Conditional) <= inside


@pytest.mark.parametrize("base", [Node, Conditional])
def test_what_a_configuration_names_stands_in_the_package(base: type) -> None:
    for cls in public(base):
        assert getattr(nmrflow.flow, cls.__name__) is cls


@pytest.mark.parametrize("n", [1, 3])
def test_shape_is_the_one_announced(node: nn.Module, row: Row, n: int) -> None:
    h, log_det = apply(node, inputs(row, node, n))
    assert [tuple(h.shape[1:])] == [tuple(shape) for shape in node.output_dims([row.dims])]
    assert h.shape[0] == n
    assert log_det.shape == (n,)


@pytest.mark.parametrize("n", [1, 3])
def test_inverse_of_forward_is_the_input(node: nn.Module, row: Row, n: int) -> None:
    x = inputs(row, node, n)
    back, _ = apply(node, apply(node, x)[0], rev=True)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 3])
def test_forward_of_inverse_is_the_input(node: nn.Module, dims: Dims, n: int) -> None:
    h = some(node.output_dims([dims])[0], n)
    there, _ = apply(node, apply(node, h, rev=True)[0])
    torch.testing.assert_close(there, h, rtol=0, atol=1e-12)


def test_what_is_told_leaves_the_inverse_exact(node: nn.Module, row: Row) -> None:
    h, told = some(node.output_dims([row.dims])[0], 24), told_of(row, 24)
    x, backward = apply(node, h, rev=True, told=told)
    # Nothing becomes impossible by being told: what leads into a dead end still ends.
    there, forward = apply(node, x, told=told)
    torch.testing.assert_close(there, h, rtol=0, atol=1e-10)
    torch.testing.assert_close(forward, -backward, rtol=0, atol=1e-10)
    if told is not None:
        assert not torch.equal(x, apply(node, h, rev=True)[0])


def test_records_of_a_batch_do_not_meet(node: nn.Module, row: Row) -> None:
    """Of a batch that is longer than what a network reads at a time, too."""
    x = inputs(row, node, 100)
    together = apply(node, x)
    each = [apply(node, record[None]) for record in x]
    alone = [torch.cat(parts) for parts in zip(*each, strict=True)]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_records_do_not_meet_on_the_way_back_either(node: nn.Module, row: Row) -> None:
    """Though what is drawn for one query begins alike, and others are asked beside it."""
    h, told = some(node.output_dims([row.dims])[0], 48), told_of(row, 48)
    h[1::2, -N_BINS:] = h[1, -N_BINS:]
    together = apply(node, h, rev=True, told=told)
    for k in range(0, 48, 3):  # of both halves: those that begin alike, and the others
        record = slice(k, k + 1)
        alone = apply(node, h[record], rev=True, told=None if told is None else told[record])
        for one, other in zip(alone, together, strict=True):
            torch.testing.assert_close(one, other[record], rtol=0, atol=1e-9)


@pytest.mark.parametrize("rev", [False, True])
def test_log_det_is_that_of_the_jacobian(node: nn.Module, row: Row, rev: bool) -> None:
    x = some(node.output_dims([row.dims])[0], 1) if rev else inputs(row, node, 1)
    jacobian = torch.autograd.functional.jacobian(lambda t: apply(node, t, rev=rev)[0], x)
    expected = torch.linalg.slogdet(jacobian.reshape(x.numel(), x.numel())).logabsdet
    assert apply(node, x, rev=rev)[1].item() == pytest.approx(expected.item(), abs=1e-8)


def test_log_dets_of_both_directions_cancel(node: nn.Module, row: Row) -> None:
    h, forward = apply(node, inputs(row, node))
    _, backward = apply(node, h, rev=True)
    torch.testing.assert_close(forward, -backward, rtol=0, atol=1e-12)


def test_train_and_eval_are_equal(node: nn.Module, row: Row) -> None:
    x = inputs(row, node)
    trained, _ = apply(node.train(), x)
    evaluated, _ = apply(node.eval(), x)
    assert torch.equal(trained, evaluated)


@pytest.mark.parametrize("rev", [False, True])
def test_gradient_reaches_the_input_and_every_parameter(
    node: nn.Module, row: Row, rev: bool
) -> None:
    told = told_of(row, 3)
    x = some(node.output_dims([row.dims])[0]) if rev else inputs(row, node, told=told)
    x.requires_grad_()
    out, log_det = apply(node, x, rev=rev, told=told)
    ((out * torch.randn_like(out)).sum() + log_det.sum()).backward()
    gradients = {"input": x.grad} | {name: p.grad for name, p in node.named_parameters()}
    assert [name for name, g in gradients.items() if g is None or not g.any()] == []
    assert [name for name, g in gradients.items() if not g.isfinite().all()] == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floating_type_stays(node: nn.Module, row: Row, dtype: torch.dtype) -> None:
    node.to(dtype)
    h, forward = apply(node, inputs(row, node).to(dtype))
    x, backward = apply(node, h, rev=True)
    assert {h.dtype, x.dtype, forward.dtype, backward.dtype} == {dtype}


def test_state_dict_carries_everything(node: nn.Module, row: Row) -> None:
    other = row.make().double()
    other.load_state_dict(node.state_dict(), strict=True)
    x = inputs(row, node)
    assert torch.equal(apply(other, x)[0], apply(node, x)[0])


def test_wrong_shape_is_refused_in_both_directions(node: nn.Module, dims: Dims) -> None:
    for rev, shape in ((False, dims), (True, node.output_dims([dims])[0])):
        longer = [
            (1, *shape[:axis], size + 2, *shape[axis + 1 :]) for axis, size in enumerate(shape)
        ]
        for wrong in (*longer, (1, *shape[:-1], 2 * shape[-1]), (1, *shape, 1), shape):
            with pytest.raises(ShapeError, match="expected"):
                apply(node, torch.zeros(wrong, dtype=torch.float64), rev=rev)


def test_other_numbers_of_inputs_and_conditions_are_refused(row: Row) -> None:
    node, dims = row.make(), row.dims
    with pytest.raises(ShapeError, match="one input"):
        row.make([dims, dims])
    with pytest.raises(ShapeError, match="condition"):
        row.make([dims], [dims])
    for other in (dims[:-1], (*dims, 1)):
        with pytest.raises(ShapeError, match=r"one input \(channels|a vector"):
            row.make([other])
    x = torch.zeros(1, *dims)
    with pytest.raises(ShapeError, match="one tensor"):
        node((x, x))
    with pytest.raises(ShapeError, match="condition"):
        node((x,), [x] * (2 if node.condition else 1))


def test_an_encoded_molecule_is_filled_to_an_input(node: nn.Module, row: Row) -> None:
    x = inputs(row, node)
    cells = molecules_in(x, row)
    n = cells.shape[1]
    behind = x[:, n : row.dims[0] - row.cls.n_extra(N_BINS)]  # Other nodes fill these.
    encoded = torch.cat([cells, behind], 1)
    draws = [Draws(generator_for(seed), 3) for seed in (1, 1, 2)]
    plain = node.fill(encoded, None, None)
    one, same, other = (node.fill(encoded, None, drawn) for drawn in draws)
    assert tuple(plain.shape) == tuple(one.shape) == (3, *row.dims)
    assert plain.dtype == one.dtype == torch.float64
    assert torch.equal(plain[:, :n], cells)
    # What is open is a fraction: the whole numbers are the molecule's.
    assert torch.equal(one[:, :n].add(0.5).floor(), cells)
    assert torch.equal(one, same)
    assert torch.equal(one, plain) == torch.equal(one, other)
    back = apply(node, apply(node, one)[0], rev=True)[0]
    torch.testing.assert_close(back, one, rtol=0, atol=1e-10)


def test_a_condition_is_drawn_in_the_shape_of_the_unknown_one(node: nn.Module, row: Row) -> None:
    if node.condition is None:
        with pytest.raises(NotImplementedError):
            node.unknown_condition(3)
        return
    x = inputs(row, node, 64)
    one, same, other = (
        node.draw_condition(molecules_in(x, row), Draws(generator_for(seed), 64))
        for seed in (1, 1, 2)
    )
    assert one.shape == node.unknown_condition(64).shape
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    # What is told of molecules is true of them: they are possible.
    x, one = without_dead_ends(node, row, x, one)
    assert apply(node, x, told=one)[0].isfinite().all()


def test_a_likelihood_is_what_z_and_the_log_det_add_up_to(node: nn.Module, row: Row) -> None:
    x = inputs(row, node, 24)
    cells, code = molecules_in(x, row).long(), x[:, -N_BINS:] > 0
    if not node.has_likelihood:
        with pytest.raises(NotImplementedError):
            node.log_probability(cells, code, torch.zeros(24, 0))
        return
    drawn = node.draw_condition(molecules_in(x, row), Draws(generator_for(0), 24))
    x, drawn = without_dead_ends(node, row, x, drawn)
    cells, code = molecules_in(x, row).long(), x[:, -N_BINS:] > 0
    for told in (node.unknown_condition(len(x)), drawn):
        h, log_det = apply(node, x, told=told)
        assert torch.equal(h[:, -N_BINS:], x[:, -N_BINS:])
        log_normal = -0.5 * (h[:, :-N_BINS].square() + math.log(2 * math.pi)).sum(1)
        log_p = node.log_probability(cells, code, told)
        torch.testing.assert_close(log_p, log_normal + log_det, rtol=0, atol=1e-9)


def test_a_prediction_depends_on_the_molecule_alone(node: nn.Module, row: Row) -> None:
    x = inputs(row, node)
    if not node.predicts:
        with pytest.raises(NotImplementedError):
            node.predict(x)
        return
    y = node.predict(x)
    assert y.shape == (3, N_BINS)
    asked = x.clone()
    asked[:, -N_BINS:] += 3
    assert torch.equal(node.predict(asked), y)
    h, _ = apply(node, asked)
    torch.testing.assert_close(h[:, -N_BINS:] - node.unexplained(asked), y)
    # Where y is the measured code what is predicted cancels: muted, the rest is the same.
    with node.muted():
        torch.testing.assert_close(apply(node, h)[0][:, :-N_BINS], h[:, :-N_BINS])
        assert not node.predict(asked).any()
    assert torch.equal(node.predict(x), y)
    filled = node.fill(x[:, :-N_BINS], (h[:, -N_BINS:] > 0).double(), None)
    assert torch.equal(apply(node, filled)[0][:, -N_BINS:] > 0, h[:, -N_BINS:] > 0)


def test_construction_in_a_flow_leaves_global_random_states(row: Row) -> None:
    known = row.known()
    first, *further = row.dims
    cell_shape = (first - row.cls.n_extra(N_BINS), *further)
    torch_state = torch.random.get_rng_state()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - what FrEIA may touch
    Flow(nodes={"only": row.node}, cell_shape=cell_shape, n_bins=N_BINS, known=known)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    np.testing.assert_equal(np.random.get_state(legacy=False), numpy_state)  # noqa: NPY002


def test_a_flow_states_what_its_nodes_can_do(flow: Flow, row: Row) -> None:
    assert flow.conditions == ((row.cls.condition,) if row.cls.condition else ())
    assert flow.has_likelihood is row.cls.has_likelihood
    assert (flow.dtype == torch.float32) is row.cls.is_exact_in_float32
    told = told_of(row, 3)
    conditions = {} if told is None else {row.cls.condition: told}
    h = torch.randn(3, flow.n_residual + flow.n_bins, dtype=flow.dtype)
    latent = Latent(h[:, : flow.n_residual], h[:, flow.n_residual :])
    x, log_det_back = flow.from_latent(latent, conditions)
    again, log_det = flow.to_latent(x, conditions)
    torch.testing.assert_close(torch.cat(again, dim=1), h, rtol=0, atol=1e-5)
    torch.testing.assert_close(log_det_back, -log_det, rtol=0, atol=1e-5)
    drawn = flow.draw_conditions(molecules_in(x, row), Draws(generator_for(1), 3))
    assert set(drawn) == set(flow.conditions)
    with pytest.raises(ShapeError, match="takes no weather"):
        flow.to_latent(x, {"weather": torch.zeros(3, 1)})


def test_autocast_does_not_change_a_flow(flow: Flow, row: Row) -> None:
    x = inputs_of(flow, row)
    latent, _ = flow.to_latent(x)
    back, _ = flow.from_latent(latent)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        latent_cast, _ = flow.to_latent(x)
        back_cast, _ = flow.from_latent(latent)
    assert torch.equal(torch.cat(latent_cast, dim=1), torch.cat(latent, dim=1))
    assert torch.equal(back_cast, back)


def test_flow_of_the_node_is_inverted_from_the_prior(flow: Flow) -> None:
    flow.double()
    h = torch.randn(3, flow.n_residual + flow.n_bins, dtype=torch.float64)
    latent = Latent(h[:, : flow.n_residual], h[:, flow.n_residual :])
    again, _ = flow.to_latent(flow.from_latent(latent)[0])
    torch.testing.assert_close(torch.cat(again, dim=1), h, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("constructor", "dims"),
    [
        (PixelDownsampling, (2, 3, 4)),
        (PixelDownsampling, (2, 4, 3)),
        (partial(AdditiveCoupling, subnet=ConvSubnet), (3, 4, 4)),
    ],
)
def test_odd_sizes_are_refused(constructor: Callable[..., Node], dims: Dims) -> None:
    with pytest.raises(ShapeError, match="odd"):
        constructor([dims])
