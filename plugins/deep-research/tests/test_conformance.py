"""What every agent must do: see `agentkit.testing.conformance`. Inline documents and a scripted
model, so that a kill, a fork or a refusal is all that differs between two runs."""

from __future__ import annotations

import pytest

from agentkit.testing.conformance import AgentConformance

pytestmark = pytest.mark.slow  # each case drives whole runs

DOCUMENTS = """
[sources.pages]
use = "inline"

[sources.pages.documents]
"kettle.md" = "# The Kettle\\n\\nThe kettle boils a litre in 90 seconds.\\n\\nIts body is steel."
"toaster.md" = "# The Toaster\\n\\nThe toaster browns two slices.\\n\\nIts body is plastic."
"""


class TestWithoutModel(AgentConformance):
    toml = f"""
{DOCUMENTS}
[agents.part]
use = "deep-research"
sources = ["pages"]
"""
    task = "What is the body of the kettle, and how many slices does the toaster brown?"


class TestWithKeywords(TestWithoutModel):
    toml = f"""
{DOCUMENTS}
[models.words]
use = "scripted"
choose = "request"
answers = ["body metal", "seconds litre"]

[agents.part]
use = "deep-research"
sources = ["pages"]
keywords = "words"
width = 1
"""
    pauses = 4
