"""Few bits for many numbers: quantizers, the arithmetic behind them, and how a layer is told."""

from plait.quantizers.configs import Float8QuantizationConfig as Float8QuantizationConfig
from plait.quantizers.configs import Int4QuantizationConfig as Int4QuantizationConfig
from plait.quantizers.configs import Int8QuantizationConfig as Int8QuantizationConfig
from plait.quantizers.configs import QuantizationConfig as QuantizationConfig
from plait.quantizers.float8 import compute_float8_amax_history as compute_float8_amax_history
from plait.quantizers.float8 import compute_float8_scale as compute_float8_scale
from plait.quantizers.float8 import quantize_and_dequantize as quantize_and_dequantize
from plait.quantizers.integers import AbsMaxQuantizer as AbsMaxQuantizer
from plait.quantizers.integers import Quantizer as Quantizer
from plait.quantizers.integers import abs_max_quantize as abs_max_quantize
from plait.quantizers.integers import (
    abs_max_quantize_grouped_with_zero_point as abs_max_quantize_grouped_with_zero_point,
)
from plait.quantizers.integers import fake_quant_with_min_max_vars as fake_quant_with_min_max_vars
from plait.quantizers.integers import pack_int4 as pack_int4
from plait.quantizers.integers import unpack_int4 as unpack_int4
from plait.quantizers.lookup import deserialize as deserialize
from plait.quantizers.lookup import get as get
from plait.quantizers.lookup import serialize as serialize

__all__ = [
    "AbsMaxQuantizer",
    "Float8QuantizationConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "QuantizationConfig",
    "Quantizer",
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "pack_int4",
    "quantize_and_dequantize",
    "serialize",
    "unpack_int4",
]
