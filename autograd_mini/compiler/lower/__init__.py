"""From the canonical graph to array steps."""
