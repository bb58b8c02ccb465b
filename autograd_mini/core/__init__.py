"""The engine: the node, its operations, and the backward pass."""
