"""What ``detect_anomaly()`` says of a node: operation, operands, source line, remedy."""

from __future__ import annotations

import math
from typing import Any

from ..errors import AnomalyError
from ..table.primitives import PRIMITIVES


def describe(node: Any) -> str:
    """The operands of `node` with labels and data, its source line, and the usual remedy."""
    names = [
        f"{parent.label or parent.op or 'leaf'}={parent.data!r}" for parent in node.parents[:8]
    ]
    more = ", ..." if len(node.parents) > 8 else ""
    made = f", made at {node.source}" if hasattr(node, "source") else ""
    row = PRIMITIVES.get(node.op)
    remedy = f"; usual remedy: {row.remedy}" if row is not None and row.remedy else ""
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
