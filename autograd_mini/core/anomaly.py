"""What ``detect_anomaly()`` says of a node: operation, operands, source line, remedy."""

from __future__ import annotations

import math
from typing import Any

from ..errors import AnomalyError

_REMEDIES = {
    "log": "log of 0 or less: take logsumexp, log_softmax or logsigmoid instead of the log of a "
    "probability, or log1p near 0",
    "div": "division by 0: keep the denominator away from 0, for example with maximum",
    "reciprocal": "division by 0: keep the denominator away from 0, for example with maximum",
    "pow": "0 to a negative or a negative base to a fractional exponent: keep the base positive",
    "exp": "overflow: subtract the largest first, as logsumexp and softmax do, or take sigmoid",
    "sqrt": "sqrt has no finite derivative at 0 and no value below: add a small number inside",
    "norm": "norm has no derivative at 0: add a small number inside a sqrt of squares",
}


def describe(node: Any) -> str:
    """The operands of `node` with labels and data, its source line, and the usual remedy."""
    names = [
        f"{parent.label or parent.op or 'leaf'}={parent.data!r}" for parent in node.parents[:8]
    ]
    more = ", ..." if len(node.parents) > 8 else ""
    made = f", made at {node.source}" if hasattr(node, "source") else ""
    remedy = f"; usual remedy: {_REMEDIES[node.op]}" if node.op in _REMEDIES else ""
    label = f" {node.label!r}" if node.label else ""
    return f"{label} from ({', '.join(names)}{more}){made}{remedy}"


def check_value(node: Any) -> None:
    """Raise AnomalyError if the node's data is infinite or NaN."""
    if not math.isfinite(node.data):
        raise AnomalyError(f"{node.op} gave {node.data}{describe(node)}")


def check_gradient(parent: Any, node: Any, gradient: float) -> None:
    """Raise AnomalyError if the gradient that `node` hands to `parent` is infinite or NaN."""
    if not math.isfinite(gradient):
        name = parent.label or parent.op or "a leaf"
        raise AnomalyError(
            f"backward of {node.op} gave gradient {gradient} toward {name}{describe(node)}"
        )
