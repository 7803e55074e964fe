"""NumPy's matrix products, one thread each, while our own threads share out the work.

OpenBLAS's threads wait for one another by spinning: where cores are shared, or several of our
threads multiply at once, the waiting costs many times the work.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
from collections.abc import Iterator

_NUMPY = "numpy._core._multiarray_umath"  # what is linked with it
_ASK, _TELL = "scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold OpenBLAS to one thread in this process; another BLAS is left as it is."""
    library = ctypes.CDLL(str(importlib.import_module(_NUMPY).__file__))
    if not (hasattr(library, _ASK) and hasattr(library, _TELL)):
        yield
        return
    before = int(getattr(library, _ASK)())
    getattr(library, _TELL)(1)
    try:
        yield
    finally:
        getattr(library, _TELL)(before)
