"""The command ``autograd-mini``: the roof of the house."""
