"""A task list that lives in the conversation: each call carries the whole list, nothing is stored."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from runtime.agents.capability import Capability
from runtime.agents.tool import OnInterrupt, ToolContext, tool

PROMPT = """\
For work of three or more steps, keep a task list and show it as it changes. Have exactly one task in progress \
while you work, mark it as completed as soon as it is done, and complete a task only when it is really done."""


class Status(StrEnum):
    """How far a task is."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Todo(BaseModel):
    """One task."""

    model_config = ConfigDict(extra="forbid")

    content: str = Field(min_length=1, description="What to do: Run the tests.")
    activeForm: str = Field(min_length=1, description="What is being done: Running the tests.")  # noqa: N815  a published name
    status: Status


class StatelessTodoList(Capability):
    """A task list."""

    id = "stateless_todo_list"
    name = "Task list"
    description = "Lets the agent plan its work as a list of tasks."
    category = "core"
    icon = "list-checks"

    def prompt(self, config: Mapping[str, Any]) -> str:
        """Say when to keep a list."""
        return PROMPT

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Write todos", hints={"idempotent": True})
    async def write_todos(
        self, context: ToolContext, todos: Annotated[list[Todo], Field(max_length=100)]
    ) -> dict[str, object]:
        """Replace the task list by this one."""
        counts = {status.value: sum(todo.status is status for todo in todos) for status in Status}
        return {"todos": [todo.model_dump(mode="json") for todo in todos], "total": len(todos), **counts}
