"""Neuron diagrams."""
