"""The derivative table: its rows as text, their grammar, and the rows as objects."""
