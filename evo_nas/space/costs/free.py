"""Operators that cost nothing: what is done number by number, sums, and what only moves data.

PyTorch itself says which operators are pointwise and which give a view; the others are named here.
Operators of fvcore's own list are free, too.
"""

from __future__ import annotations

import torch

_POINTWISE = """
    dropout alpha_dropout feature_dropout feature_alpha_dropout glu hardswish log_sigmoid prelu
    softmax log_softmax special_softmax special_log_softmax special_expit cosine_similarity
    pairwise_distance cross linalg_cross complex polar absolute arctan2 divide multiply subtract
    negative not_equal greater greater_equal less less_equal isclose isin isreal fix fabs
    fake_quantize_per_tensor_affine fake_quantize_per_channel_affine floor_divide fill zero
    outer ger addr kron
"""
_SUMS = """
    cumsum cumprod cummax cummin logcumsumexp diff trapezoid trapz linalg_norm frobenius_norm
    renorm norm_except_dim _weight_norm nanmean median nanmedian mode quantile nanquantile
    kthvalue topk sort msort argsort all any amax amin aminmax argmax argmin count_nonzero
    linalg_vector_norm logsumexp max mean min nansum norm prod std std_mean sum sum_to_size var
    var_mean trace bincount bucketize searchsorted avg_pool1d avg_pool2d avg_pool3d max_pool1d
    max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices
    max_pool3d_with_indices adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
    fractional_max_pool2d fractional_max_pool3d embedding_bag scatter_add scatter_reduce
    index_add index_reduce
"""
_MOVES = """
    alias_copy as_strided_scatter atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors
    cartesian_prod cat concat concatenate column_stack hstack vstack dstack row_stack stack
    channel_shuffle native_channel_shuffle pixel_shuffle pixel_unshuffle col2im im2col copy diag
    diag_embed diagflat diagonal_copy diagonal_scatter embedding embedding_renorm flip fliplr
    flipud gather index index_copy index_fill index_put index_select masked_fill masked_scatter
    masked_select max_unpool2d max_unpool3d meshgrid narrow_copy nonzero one_hot pad
    constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d
    replication_pad2d replication_pad3d put repeat repeat_interleave roll rot90 scatter
    select_scatter slice_scatter take take_along_dim tile tril triu type_as unfold_copy
    unique_consecutive unsafe_chunk unsafe_split unsafe_split_with_sizes _pack_padded_sequence
    _pad_packed_sequence
"""
_NEW = """
    arange empty empty_like empty_strided eye full full_like linspace logspace new_empty
    new_full new_ones new_zeros ones ones_like scalar_tensor tensor tril_indices triu_indices
    zeros zeros_like bernoulli exponential multinomial normal rand rand_like randint
    randint_like randn randn_like randperm random uniform
"""
_NUMBERS = """
    Bool Complex Float Int FloatImplicit IntImplicit ScalarImplicit dim is_complex
    is_floating_point is_nonzero item _local_scalar_dense len numel size stride storage_offset
    __and__ __or__ __xor__ __lshift__ __rshift__ __iand__ __ior__ __ixor__
"""
_NAMES = frozenset(" ".join((_POINTWISE, _SUMS, _MOVES, _NEW, _NUMBERS)).split())
_CROSS_MAP = "prim::PythonOp.CrossMapLRN2d"  # torch.nn's, of which the operator is not in C++


def is_free(operator: str) -> bool:
    """Whether an operator, such as ``aten::relu_``, is one of those; in place or not."""
    namespace, _, name = operator.partition("::")
    if namespace != "aten":
        return operator == _CROSS_MAP
    plain = name if name.startswith("__") else name.removesuffix("_")
    return plain in _NAMES or any(
        _is_pointwise(each) or _is_view(each) for each in _overloads(plain)
    )


def _overloads(name: str) -> list[torch._ops.OpOverload]:
    packet = getattr(torch.ops.aten, name, None)
    return [getattr(packet, each) for each in packet.overloads()] if packet else []


def _is_pointwise(operator: torch._ops.OpOverload) -> bool:
    return torch.Tag.pointwise in operator.tags


def _is_view(operator: torch._ops.OpOverload) -> bool:
    """Whether what is returned shares an argument's memory, and is not written."""
    aliases = (each.alias_info for each in operator._schema.returns)
    return any(alias is not None and not alias.is_write for alias in aliases)
