"""The kernels' obvious twins: what each one promises, written the slow plain way.

Twins take the upright picture as rows of grey levels instead of bytes and strides, and Python's
own lists, dictionaries and strings where the kernels have arrays. None of them is fast.
"""
