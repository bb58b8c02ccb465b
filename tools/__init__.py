"""What is run by hand, now and then, to keep the repository up to date."""
