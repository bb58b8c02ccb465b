"""What a model is measured by: losses to train with, metrics to look at."""
