"""The array program: its steps, and the references that they read."""
