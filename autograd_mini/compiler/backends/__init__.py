"""What runs an array program."""
