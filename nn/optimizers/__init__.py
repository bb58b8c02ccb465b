"""How parameters follow their gradients, and how fast."""
