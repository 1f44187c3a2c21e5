"""Weights of linear layers, laid out once as the CPU's matrix units read them.

The library multiplies by weights as they were saved, and oneDNN lays them out anew for every product: a third of the
time of products with few rows, which answering is made of. The operators are those that torch's own compiler puts into
models that it freezes; they have no public name, so that without them nothing is packed.
"""

from typing import Any

import psutil
import torch

# Packed weights are held beside the saved ones: only where they take at most this share of what is free.
SHARE = 0.25
# Rows of a product that the layout is chosen for.
ROWS = 128


def pack_linears(model: Any) -> bool:
    """Pack the bfloat16 weights of a model on a CPU; tells whether that was done."""
    layers = [part for part in model.modules() if type(part) is torch.nn.Linear]
    if model.device.type != "cpu" or any(layer.weight.dtype != torch.bfloat16 for layer in layers):
        return False
    needed = sum(layer.weight.nbytes for layer in layers)
    if needed > SHARE * psutil.virtual_memory().available:
        return False
    try:
        reorder, product = torch.ops.mkldnn._reorder_linear_weight, torch.ops.mkldnn._linear_pointwise
        supported = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    except AttributeError:
        return False
    if not supported:
        return False
    for layer in layers:
        layer.forward = _packed(reorder(layer.weight.detach(), ROWS), layer.bias, product)
    return True


def _packed(weight: torch.Tensor, bias: torch.Tensor | None, product: Any) -> Any:
    def forward(inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = product(inputs, weight, bias, "none", [], "")
        return outputs

    return forward
