"""The array program as NumPy source."""
