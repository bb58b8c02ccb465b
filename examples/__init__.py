"""Programs to learn from: ``python -m examples.char_gpt``."""
