"""Derivatives as results: gradients, transforms of functions, and checks."""
