"""One cluster for those tests of a file that do it no harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.machines import Cluster, cluster


@pytest.fixture(scope="module")  # an idle one costs too: it keeps in touch
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made
