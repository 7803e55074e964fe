"""Who reads: this machine's processes, or a cluster's where one is named."""

from __future__ import annotations

import sys
from pathlib import Path

from admin_api.settings import Settings
from omr.pool import Crew, Limits


def crew_of(settings: Settings, address: str = "", keys: Path | None = None) -> Crew:
    """The cluster at the address, else the one of the settings, else processes of this machine."""
    if not address:
        address, keys = settings.cluster, settings.cluster_keys
    if not address:
        return Limits(settings.processes)
    from omr.cluster.crew import Cluster

    return Cluster(address, keys, lambda words: print(words, file=sys.stderr, flush=True))
