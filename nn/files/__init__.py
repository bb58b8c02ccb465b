"""Models in files, and in PyTorch."""
