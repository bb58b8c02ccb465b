"""Measurements of the project against its peers, one thread each.

Importing this package before NumPy holds the numerical libraries to one thread.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
