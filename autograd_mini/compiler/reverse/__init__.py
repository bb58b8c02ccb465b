"""The reverse pass over the steps of an array program."""
