"""A model that runs here, and Python functions that it may call."""

import agentkit


@agentkit.tool(effect="none")
def rectangle_area(width: float, height: float) -> float:
    """The area of a rectangle."""
    return width * height


with agentkit.load() as kit:
    kit.add("tool", "area", rectangle_area)
    kit.define("agent", "clerk", use="tools", model="small", tools=["area"], max_tokens=64, turns=1)
    run = kit.agent("clerk").run("What is the area of a rectangle of 3 by 4?")
    for event in run:
        if event.kind in ("tool.asked", "tool.done"):
            print(event.kind, dict(event.data))
    print(run.result.answer)
