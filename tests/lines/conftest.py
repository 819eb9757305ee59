"""Tests of lines between network namespaces need root and say so; ``-m "not namespaces"`` leaves them out."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def root_where_namespaces_are_made(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("namespaces") and os.geteuid() != 0:
        pytest.fail('needs root for network namespaces; run as root, or without it: -m "not namespaces"', pytrace=False)
