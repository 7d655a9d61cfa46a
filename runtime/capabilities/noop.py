"""Nothing at all, for trying out how capabilities are assigned."""

from runtime.agents.capability import Capability


class Noop(Capability):
    """Adds nothing."""

    id = "noop"
    name = "No operation"
    description = "Adds neither tools nor instructions. For tests and demonstrations."
    category = "testing"
