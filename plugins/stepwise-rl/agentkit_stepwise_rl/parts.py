"""`use = "step"`: the published reward of a step as a part, so that any trainer can score by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agentkit.capabilities import Environment, Example, Outcome, Score
from agentkit.settings import PartSettings
from agentkit_stepwise_rl.rewards import ALPHA, NEAR, SAME_TEXT, Rules, score
from agentkit_stepwise_rl.samples import of_example

if TYPE_CHECKING:
    from agentkit.kit import Parts


class RuleSettings(PartSettings):
    """environment: whose actions a reply may ask for. form: of replies: as policies of this
    repository say them, or as published. mode: `literal` counts a right action whose format is
    incomplete, `gated` does not. alpha: of the format's reward. same_text: F1 from which texts are
    the same. near: of a screen, how far a point may be from one without a box. more: whether
    published replies may ask for actions beyond the ten."""

    environment: str = "phone"
    form: Literal["reply", "published"] = "reply"
    mode: Literal["literal", "gated"] = "literal"
    alpha: float = Field(default=ALPHA, ge=0, allow_inf_nan=False)
    same_text: float = Field(default=SAME_TEXT, ge=0, le=1)
    near: float = Field(default=NEAR, ge=0, le=1)
    more: bool = False

    def rules(self) -> Rules:
        return Rules(self.form, self.mode, self.alpha, self.same_text, self.near, more=self.more)


class StepReward:
    """Scores an answer to a sample (`samples.Sample`)."""

    def __init__(self, settings: RuleSettings, parts: Parts) -> None:
        self._rules = settings.rules()
        self._environment: Environment = parts["environment"]
        self.bounds = (0.0, 1.0 + settings.alpha)

    def score(self, outcome: Outcome) -> Score:
        data = dict(outcome.task)
        sample = of_example(Example(str(data.pop("id", "sample.0")), data))
        found = score(sample, outcome.answer, self._rules, self._environment.info.actions)
        parts = {"right": float(found.right), "format": float(found.format)}
        return Score(found.reward, parts, (f"{found.rule}: {found.fault or found.why}",))
