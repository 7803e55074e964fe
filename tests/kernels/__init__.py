"""Every kernel against its twin in tests/oracle.

`make test` runs this folder compiled and, with NUMBA_DISABLE_JIT=1, as plain Python.
"""
