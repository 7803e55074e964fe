"""Reading by many machines: a scheduler, workers that read, and the crew that asks them."""

from __future__ import annotations

from collections.abc import Mapping

from omr.errors import OmrError


def configure(settings: Mapping[str, object]) -> None:
    """Set what Dask reads as it is loaded; to be called before anything of it is.

    Raises:
        OmrError: it is not installed.
    """
    try:
        import dask
    except ImportError as error:
        raise OmrError(
            f"reading with many machines needs what is not installed here ({error}); install the "
            "extra `scale`: pip install -c constraints.txt '.[scale]'"
        ) from error
    dask.config.set(dict(settings))
