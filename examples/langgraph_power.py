"""A LangGraph agent that knows nothing of power sampling, under two settings files."""

import sys
from pathlib import Path

from langgraph.graph import START, MessagesState, StateGraph

import agentkit

KITS = Path(__file__).parent / "kits"


def agent(model):
    def draft(state: MessagesState):
        return {"messages": [model.invoke(state["messages"])]}

    def shorten(state: MessagesState):
        asked = [*state["messages"], ("human", "Say that in five words.")]
        return {"messages": [model.invoke(asked)]}

    graph = StateGraph(MessagesState).add_sequence([draft, shorten]).add_edge(START, "draft")
    return graph.compile()


for file in sys.argv[1:] or [KITS / "plain.toml", KITS / "sharp.toml"]:
    with agentkit.load(file) as kit:
        writer = agent(kit.chat_model("writer", max_tokens=12, temperature=1.0))
        last = writer.invoke({"messages": [("human", "Name a river in France.")]})["messages"][-1]
        print(last.response_metadata["path"], last.response_metadata["spent_tokens"], last.content)
