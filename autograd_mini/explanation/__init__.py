"""Why a gradient is the number that it is."""
