"""Graphs of values as pictures."""
