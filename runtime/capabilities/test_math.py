"""Arithmetic, for tests and demonstrations."""

import math
import operator
from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

from pydantic import Field, WithJsonSchema

from runtime.agents.capability import Capability
from runtime.agents.tool import OnInterrupt, ToolContext, tool
from runtime.core.errors import ToolError

Number: TypeAlias = Annotated[int | Annotated[float, Field(allow_inf_nan=False)], WithJsonSchema({"type": "number"})]

_EXACT: Final = 2**53  # whole numbers beyond this are not exact in the JSON of most readers


class Arithmetic(Capability):
    """Four tools that calculate."""

    id = "test_math"
    name = "Test: math"
    description = "Adds, subtracts, multiplies and divides. For tests and demonstrations."
    category = "testing"

    @tool(on_interrupt=OnInterrupt.RETRY, hints={"readonly": True})
    async def add(self, context: ToolContext, a: Number, b: Number) -> dict[str, float]:
        """Add two numbers."""
        return _calculate(operator.add, a, b)

    @tool(on_interrupt=OnInterrupt.RETRY, hints={"readonly": True})
    async def subtract(self, context: ToolContext, a: Number, b: Number) -> dict[str, float]:
        """Subtract b from a."""
        return _calculate(operator.sub, a, b)

    @tool(on_interrupt=OnInterrupt.RETRY, hints={"readonly": True})
    async def multiply(self, context: ToolContext, a: Number, b: Number) -> dict[str, float]:
        """Multiply two numbers."""
        return _calculate(operator.mul, a, b)

    @tool(on_interrupt=OnInterrupt.RETRY, hints={"readonly": True})
    async def divide(self, context: ToolContext, a: Number, b: Number) -> dict[str, float]:
        """Divide a by b."""
        if b == 0:
            message = "Division by zero."
            raise ToolError(message)
        return _calculate(operator.truediv, a, b)


def _calculate(operation: Callable[[float, float], float], a: float, b: float) -> dict[str, float]:
    try:
        result = operation(a, b)
        if isinstance(result, int) and abs(result) > _EXACT:
            result = float(result)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        message = "The result is too large."
        raise ToolError(message)
    return {"result": result}
