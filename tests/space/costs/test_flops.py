import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import nn

from evo_nas.errors import SpaceError
from evo_nas.space.costs.flops import count
from tests.kit.functions import Function


def test_one_multiply_accumulate_is_one_flop():
    assert count(nn.Linear(7, 5), torch.zeros(1, 3, 7)) == {"flops": 3 * 7 * 5, "params": 40}
    convolution = nn.Conv1d(8, 8, 5, padding=2, groups=4)
    assert count(convolution, torch.zeros(1, 8, 11))["flops"] == 11 * 8 * 2 * 5


def test_attention_is_two_matrix_products():
    query, key, value = torch.zeros(1, 3, 5, 8), torch.zeros(1, 3, 7, 8), torch.zeros(1, 3, 7, 2)
    costs = count(Function(F.scaled_dot_product_attention), query, key, value)
    by_hand = count(
        Function(lambda q, k, v: (q @ k.transpose(2, 3)).softmax(3) @ v), query, key, value
    )
    assert costs["flops"] == 3 * 5 * 7 * (8 + 2) == by_hand["flops"]


def test_activations_and_sums_are_free():
    module = Function(lambda x: F.glu(F.gelu(x) + F.silu(x) * 2, dim=1).softmax(1).mean(0))
    assert count(module, torch.zeros(1, 8)) == {"flops": 0, "params": 0}


def test_an_operator_that_nobody_counts_is_an_error():
    module = Function(lambda x: torch.fft.rfft(x).abs())
    with pytest.raises(SpaceError, match=r"aten::fft_rfft in Function .*flop_handles = ") as error:
        count(module, torch.zeros(1, 8))
    assert "\n" not in str(error.value)
    assert count(module, torch.zeros(1, 8), handles={"aten::fft_rfft": None})["flops"] == 0
    handles = {"aten::fft_rfft": lambda inputs, outputs: 8}
    assert count(module, torch.zeros(1, 8), handles=handles)["flops"] == 8


def test_what_is_counted_may_be_called_free():
    module = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))
    images = torch.zeros(1, 2, 3, 3)
    assert count(module, images)["flops"] == 4 * 9 + 2 * 18
    assert count(module, images, handles={"aten::batch_norm": None})["flops"] == 4 * 9


def test_a_module_that_changes_its_input_is_counted():
    inputs = torch.zeros(5, 8)
    assert count(Function(lambda x: x.unsqueeze_(0) @ x.mT), inputs)["flops"] == 5 * 8 * 5
    assert inputs.shape == (5, 8)


def test_a_product_is_never_free_by_a_handle():
    module = Function(lambda x: x @ x.transpose(1, 2))
    with pytest.raises(SpaceError, match=r"computes 200 multiply-accumulates .*, and 0 of its"):
        count(module, torch.zeros(1, 5, 8), handles={"aten::matmul": lambda *_: 0})


def test_products_hidden_in_a_script_are_an_error():
    module, x = Function(scripted), torch.zeros(1, 5, 8)
    with pytest.raises(SpaceError, match="operator prim::CallFunction"):
        count(module, x)
    with pytest.raises(SpaceError, match="computes 1,200 multiply-accumulates"):
        count(module, x, handles={"prim::CallFunction": None})
    with pytest.raises(SpaceError, match=r"torch\.jit does not trace it \(RuntimeError: register_"):
        count(nn.Sequential(torch.jit.script(nn.Linear(8, 8))), x)


@torch.jit.script
def scripted(x):
    for _ in range(3):
        x = x @ x.transpose(1, 2) @ x
    return x.relu()


def test_an_autograd_function_is_not_overlooked():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, tensor):
            return tensor * 2

    with pytest.raises(SpaceError, match="PythonOp"):
        count(Function(Double.apply), torch.zeros(1, 8))


def test_the_module_is_left_as_it_was():
    module = nn.Sequential(nn.Conv1d(2, 2, 1), nn.BatchNorm1d(2), nn.Dropout())
    module[2].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    count(module, torch.randn(1, 2, 4))
    assert [part.training for part in module.modules()] == [True, True, True, False]
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


def test_weights_need_no_memory():
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(7, 5), nn.Conv1d(3, 3, 3))
    costs = count(module, torch.zeros(1, 3, 7))
    assert costs == {"flops": 3 * 7 * 5 + 3 * 3 * 3 * 3, "params": 40 + 30}
    assert module[0].weight.is_meta


def test_nothing_is_logged(caplog, capsys):
    module = Function(lambda x: torch.fft.rfft(x).abs())
    module.unused = nn.Linear(2, 2)
    count(module, torch.zeros(1, 8), handles={"aten::fft_rfft": None})
    assert not caplog.records
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("norm_first", "batch_first"), [(False, True), (True, True), (True, False)]
)
def test_an_encoder_is_counted_as_its_parts(norm_first, batch_first):
    fused = torch.backends.mha.get_fastpath_enabled()
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, norm_first=norm_first, batch_first=batch_first, activation="gelu"
    )
    tokens = torch.zeros(1, 5, 8) if batch_first else torch.zeros(5, 1, 8)
    attention = 5 * 8 * 24 + 2 * (5 * 5 * 4 + 5 * 5 * 4) + 5 * 8 * 8
    whole = attention + 2 * (5 * 8 * 16) + 2 * (5 * 5 * 8)  # with two layer norms
    assert count(layer, tokens)["flops"] == whole
    assert count(nn.TransformerEncoder(layer, 2), tokens)["flops"] == 2 * whole
    decoder = nn.TransformerDecoderLayer(8, 2, 16, batch_first=batch_first)
    assert count(decoder, tokens, tokens)["flops"] == whole + attention + 5 * 5 * 8
    assert torch.backends.mha.get_fastpath_enabled() == fused


@pytest.mark.parametrize("weights", [True, False])
def test_attention_as_a_module(weights):
    class Own(nn.MultiheadAttention):
        def forward(self, x):
            return super().forward(x, x, x, need_weights=weights)[0]

    flops = count(Own(8, 2, batch_first=True), torch.zeros(1, 5, 8))["flops"]
    assert flops == 5 * 8 * 24 + 2 * (5 * 5 * 8) + 5 * 8 * 8


@pytest.mark.parametrize(
    "module",
    [
        nn.PReLU(), nn.RReLU(inplace=True), nn.Mish(), nn.SELU(inplace=True), nn.CELU(),
        nn.Softsign(), nn.LogSigmoid(), nn.GLU(1), nn.Hardtanh(), nn.Threshold(0.1, 0.0, True),
        nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2), nn.Unfold(2),
        nn.LocalResponseNorm(2), nn.CrossMapLRN2d(2), nn.LPPool2d(2, 2), nn.AdaptiveMaxPool2d(2),
        nn.MaxPool3d(2), nn.FractionalMaxPool2d(2, output_size=3), nn.CircularPad2d(1),
        nn.AlphaDropout(), Function(F.normalize),
        Function(lambda x: x.cumsum(1).flip(2).roll(1, 2)),
        Function(lambda x: x.topk(2)[0].sum() + x.sort()[0] + x.argmax(1, True)),
        Function(lambda x: torch.where(x > 0, x, x.clamp_min(0)).masked_fill(x > 1, 0.0)),
        Function(lambda x: F.embedding(torch.zeros(1, 5, dtype=torch.long), x[0, 0])),
    ],
)  # fmt: skip
def test_what_multiplies_no_matrices_is_free(module):
    assert count(module, torch.zeros(1, 8, 6, 6))["flops"] == 0


@pytest.mark.parametrize(
    "function",
    [torch.linalg.inv, torch.matrix_exp, torch.fft.fft2, lambda x: torch.linalg.matrix_power(x, 3)],
)
def test_no_operator_that_multiplies_is_free_by_accident(function):
    with pytest.raises(SpaceError, match="are not known"):
        count(Function(function), torch.eye(4))


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sign()


class Signs(nn.Module):
    def forward(self, x):
        return Sign.apply(x)


def test_a_function_of_autograd_has_a_handle_under_its_name():
    x = torch.zeros(1, 3)
    with pytest.raises(SpaceError, match=r"flop_handles = \{'prim::PythonOp.Sign': None\}"):
        count(Signs(), x)
    assert count(Signs(), x, handles={"prim::PythonOp.Sign": None})["flops"] == 0
    assert count(Signs(), x, handles={"prim::PythonOp.Sign": lambda *_: 7})["flops"] == 7
