"""The head node of a Ray of our own: nothing that nobody uses, and no waiting for what is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

from ray._private import node, utils
from ray._private.node import Node
from ray._private.parameter import RayParams

_REGISTERED_CHECK_S: Final = 0.02
_REGISTERED_PATIENCE_S: Final = 10.0  # then Ray waits in its own way, and says what is wrong


class _Head(Node):
    def __init__(self, ray_params: RayParams, *, head: bool = False, **options: bool) -> None:
        # It scales clusters up and down, and shows on the dashboard what they have.
        ray_params.no_monitor = not ray_params.include_dashboard
        ray_params.dashboard_agent_listen_port = 0  # any: for one that another Ray has, it would wait three seconds
        super().__init__(ray_params, head=head, **options)

    def start_api_server(self, *, include_dashboard: bool | None, raise_on_failure: bool) -> None:
        """Start the dashboard if it is wanted. Without it Ray starts one that has no page and tells nobody."""
        if include_dashboard:
            super().start_api_server(include_dashboard=include_dashboard, raise_on_failure=raise_on_failure)

    def start_ray_processes(self) -> None:
        """Start the rest, and return once the node is known: Ray asks for that only once in a second."""
        with nullcontext() if self._ray_params.include_dashboard else _modest_agent():
            super().start_ray_processes()  # type: ignore[no-untyped-call]
        deadline = time.monotonic() + _REGISTERED_PATIENCE_S
        gcs = self.get_gcs_client()  # type: ignore[no-untyped-call]
        while not gcs.get_all_node_info() and time.monotonic() < deadline:
            time.sleep(_REGISTERED_CHECK_S)


@contextmanager
def _modest_agent() -> Iterator[None]:
    """Have the node's agent tell Ray's metrics and take no jobs: where no dashboard is, nobody should hand it any.

    Ray has such an agent for where the dashboard's packages are missing, and imports all of them to find that out.
    """
    look = utils.get_dashboard_dependency_error
    utils.get_dashboard_dependency_error = lambda: ImportError("no dashboard is wanted")
    try:
        yield
    finally:
        utils.get_dashboard_dependency_error = look


@contextmanager
def lean_head() -> Iterator[None]:
    """Have `ray.init` start such a head, for it can be told of neither."""
    node.Node = _Head  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        node.Node = Node  # type: ignore[misc]
