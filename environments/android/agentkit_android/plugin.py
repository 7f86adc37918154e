"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.environment(
        "android",
        "agentkit_android.env.environment:AndroidEnvironment",
        settings="agentkit_android.env.settings:AndroidSettings",
        needs={"perception": "perception"},
        summary="an Android phone over adb: a real one, an emulator, or a simulated one",
    )
    registry.agent(
        "phone-baseline",
        "agentkit_android.agents.baseline:baseline",
        settings="agentkit_android.agents.baseline:BaselineSettings",
        needs={"model": "model", "environment": "environment"},
        summary="operates a phone by a language model, one action a step",
    )
    registry.agent(
        "phone-step",
        "agentkit_android.agents.stepwise:stepwise",
        settings="agentkit_android.agents.stepwise:StepwiseSettings",
        needs={"model": "model", "environment": "environment"},
        summary="takes each step that a model says, and nothing else: a policy without a framework",
    )
    for name, factory, summary in (
        ("phone-nothing", "nothing", "does nothing on a phone: what others are measured against"),
        ("phone-random", "anything", "does anything on a phone: what others are measured against"),
        ("phone-oracle", "oracle", "does known tasks as their expert does: the upper end"),
    ):
        registry.agent(
            name,
            f"agentkit_android.agents.baselines:{factory}",
            settings="agentkit_android.agents.loop:PhoneSettings",
            needs={"environment": "environment"},
            summary=summary,
        )
        registry.default_part("agent", name, use=name)
    registry.default_part("environment", "phone", use="android")
    registry.default_part("agent", "phone-baseline", use="phone-baseline")
    registry.experiment(
        "android",
        "agentkit_android.bench.success:ANDROID",
        summary="how many tasks each agent does on the phone",
    )
    registry.experiment(
        "android-cost",
        "agentkit_android.bench.cost:COST",
        summary="what a step and a look at the phone cost, beside uiautomator2 and Appium",
    )
    registry.experiment(
        "phone-asking",
        "agentkit_android.people.bench:EXPERIMENT",
        summary="whether an agent asks its owner when it should",
    )
    registry.experiment(
        "phone-templates",
        "agentkit_android.tasks.bench:TEMPLATES",
        summary="whether every task template is sound, over twenty seeds",
    )
    registry.views(
        "phone",
        "agentkit_android.view.screens:PhoneViews",
        summary="the screen of the phone that a run works on",
    )
    registry.command(
        "phone",
        "agentkit_android.command:phone",
        summary="a simulated phone that adb connects to",
    )
