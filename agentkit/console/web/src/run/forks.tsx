// Each step of the run a tick: look at it, go on from it another way, see what else was made of it.
import { useSignal } from "@preact/signals";
import { Dialog, Problem, When } from "../parts/basics";
import { Icon } from "../parts/icon";
import { useGet } from "../parts/load";
import { go, query } from "../router";
import { operator } from "../state/api";
import type { Run } from "../state/types";
import { t } from "../words";
import { attempt, showEvent, useRun } from "./context";

const SOME = 60; // steps that are drawn, around the one that is looked at

export function Forks() {
  const run = useRun();
  const state = run.state.value!;
  const family = useGet<{ root: string; runs: Run[] }>(
    `/api/runs/${encodeURIComponent(run.id)}/family`,
    state.run.status,
  );
  const steps = Object.values(state.steps).sort((a, b) => a.step - b.step);
  const others = family.data.value?.runs.filter((one) => one.id !== run.id) ?? [];
  if (!steps.length) return null;
  const forks = new Map<number, Run[]>();
  for (const one of others)
    if (one.parent === run.id && one.parent_step !== null)
      forks.set(one.parent_step, [...(forks.get(one.parent_step) ?? []), one]);
  const seq = Number(query.value.get("event")) || 0;
  const at = steps.findLastIndex((step) => step.seq <= seq);
  const here = steps[at];
  const first = Math.max(0, Math.min(steps.length, (at < 0 ? steps.length : at) + SOME / 2) - SOME);
  return (
    <div class="forks line">
      <span class="meta">{t("forks.steps")}</span>
      <ol class="ticks" aria-label={t("forks.steps")}>
        {steps.slice(first, first + SOME).map((step) => (
          <li key={step.step}>
            <button
              type="button"
              class={`tick ${step.step === here?.step ? "here" : ""} ${forks.has(step.step) ? "forked" : ""}`}
              title={`${step.step} ${step.nodes.join(", ")}`}
              aria-label={t("forks.step", { step: step.step, nodes: step.nodes.join(", ") })}
              aria-current={step.step === here?.step ? "step" : undefined}
              onClick={() => showEvent(step.seq)}
            >
              {step.step}
            </button>
          </li>
        ))}
      </ol>
      {here && operator() && <ForkHere step={here.step} />}
      {others.map((one) => (
        <a
          key={one.id}
          class="button"
          href={`/compare?one=${encodeURIComponent(run.id)}&two=${encodeURIComponent(one.id)}`}
          title={one.task}
        >
          <Icon name="fork" />
          {one.id === state.run.parent ? t("forks.parent") : t("forks.compare", { run: one.id.slice(-6) })}
        </a>
      ))}
    </div>
  );
}

export function ForkHere({ step }: { step: number }) {
  const open = useSignal(false);
  return (
    <>
      <button type="button" class="button" onClick={() => (open.value = true)}>
        <Icon name="fork" />
        {t("fork.here", { step })}
      </button>
      {open.value && <ForkDialog step={step} onClose={() => (open.value = false)} />}
    </>
  );
}

function ForkDialog({ step, onClose }: { step: number; onClose: () => void }) {
  const run = useRun();
  const text = useSignal("");
  const problem = useSignal("");
  const busy = useSignal(false);
  const at = run.state.value!.steps[String(step)];
  const submit = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    const done = await attempt(problem, run.id, "fork", {
      step,
      ...(text.value.trim() ? { text: text.value.trim() } : {}),
    });
    busy.value = false;
    if (done?.result.run) {
      onClose();
      go(`/runs/${encodeURIComponent(done.result.run.id)}`);
    }
  };
  return (
    <Dialog title={t("fork.title", { step })} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p>{t("fork.how")}</p>
        {at && (
          <p class="meta">
            {at.nodes.join(", ")} · <When time={at.time} />
          </p>
        )}
        <label class="label">
          {t("fork.text")}
          <textarea
            class="field"
            placeholder={t("steer.hint")}
            value={text.value}
            onInput={(e) => (text.value = e.currentTarget.value)}
          />
        </label>
        {problem.value && <Problem text={problem.value} />}
        <div>
          <button class="button primary" disabled={busy.value}>
            {t("fork.go")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
