"""What every model can do: find its parameters, predict, and keep its state."""
