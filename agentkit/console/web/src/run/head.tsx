// The state of the run in one line: what it does now, since when, what it used; pause and stop.
import { useSignal } from "@preact/signals";
import { useAction } from "../keys";
import { Dialog, Menu, Problem, State } from "../parts/basics";
import { Icon } from "../parts/icon";
import { go, withQuery } from "../router";
import { operator } from "../state/api";
import { now } from "../state/clock";
import type { Budget, Meter, RunState } from "../state/types";
import { duration, t, tk, tn } from "../words";
import { attempt, useRun } from "./context";

const ENDED = ["done", "cancelled"];

export function Head() {
  const run = useRun();
  const state = run.state.value!;
  const { status, note, driven } = state.run;
  const problem = useSignal("");
  const stopping = useSignal(false);
  const limiting = useSignal(false);
  const deleting = useSignal(false);
  const busy = useSignal(false);
  const may = operator();
  const goes = may && state.run.noun === "agent"; // a training goes on by its own command
  const act = async (kind: string, args: object = {}) => {
    busy.value = true;
    const done = await attempt(problem, run.id, kind, args);
    busy.value = false;
    return done;
  };
  const working = status === "running" && driven;
  const resumable =
    ["paused", "interrupted", "created"].includes(status) || (status === "running" && !driven);
  useAction("p", () => may && (working ? void act("pause") : goes && resumable && void act("resume")));
  return (
    <header class="head">
      <div class="line">
        <h1 class="cut grow" title={state.run.task}>
          {state.run.task || t("runs.untitled")}
        </h1>
        {may && working && (
          <button
            type="button"
            class="button"
            disabled={busy.value}
            onClick={() => void act("pause")}
            title={`${t("pause")} (p)`}
          >
            <Icon name="pause" />
            <span class="word">{t("pause")}</span>
          </button>
        )}
        {goes && resumable && (
          <button
            type="button"
            class="button primary"
            disabled={busy.value}
            onClick={() => void act("resume")}
            title={`${t("resume")} (p)`}
          >
            <Icon name="play" />
            {t("resume")}
          </button>
        )}
        {goes && status === "failed" && (
          <button
            type="button"
            class="button primary"
            disabled={busy.value}
            onClick={() => void act("retry")}
          >
            <Icon name="retry" />
            {t("retry")}
          </button>
        )}
        {may && !ENDED.includes(status) && (
          <button
            type="button"
            class="button danger"
            disabled={busy.value}
            onClick={() => (stopping.value = true)}
          >
            <Icon name="stop" />
            <span class="word">{t("stop")}</span>
          </button>
        )}
        <Menu label={t("run.more")}>
          {goes && !ENDED.includes(status) && (
            <button type="button" class="button" onClick={() => (limiting.value = true)}>
              {t("budget.change")}
            </button>
          )}
          <button type="button" class="button" onClick={() => go(withQuery({ tab: "files", pane: "work" }))}>
            {t("export")}
          </button>
          {goes && (
            <a
              class="button"
              href={`/new?agent=${encodeURIComponent(state.run.agent)}&task=${encodeURIComponent(state.run.task.slice(0, 2000))}`}
            >
              {t("run.again")}
            </a>
          )}
          {may && !driven && (
            <button type="button" class="button danger" onClick={() => (deleting.value = true)}>
              {t("run.delete")}
            </button>
          )}
        </Menu>
      </div>
      <StateLine state={state} text={run.progress.value?.text ?? ""} note={note} />
      {problem.value && <Problem text={problem.value} />}
      {limiting.value && <Limits budget={state.run.budget} onClose={() => (limiting.value = false)} />}
      {stopping.value && (
        <Sure
          title={t("stop.sure")}
          text={t("stop.what")}
          yes={t("stop.yes")}
          onYes={() => void act("stop")}
          onClose={() => (stopping.value = false)}
        />
      )}
      {deleting.value && (
        <Sure
          title={t("delete.sure")}
          text={t("delete.what")}
          yes={t("run.delete")}
          onYes={async () => {
            if (await act("delete")) go("/");
          }}
          onClose={() => (deleting.value = false)}
        />
      )}
    </header>
  );
}

function StateLine({ state, text, note }: { state: RunState; text: string; note: string }) {
  const { status, driven, control } = state.run;
  const working = status === "running" && driven;
  const shown = status === "running" && !driven ? "interrupted" : status;
  const doing = control
    ? tk("control", control)
    : working
      ? text || state.now?.text || tk("node", state.now?.node ?? "")
      : (shown !== "waiting" && note) || tk("about", shown);
  return (
    <div class="line wrap state-line">
      <State of={shown} />
      <span class="cut doing">{doing}</span>
      {working && state.now !== null && (
        <span class="meta numbers">{t("since", { time: duration(now.value - state.now.since) })}</span>
      )}
      <span class="grow" />
      <MeterLine meter={state.meter} budget={state.run.budget} working={working} />
    </div>
  );
}

/** Seconds of work, also of the work that is under way. */
export function worked(meter: Meter, working: boolean, at: number): number {
  return meter.seconds + (working && meter.since ? Math.max(0, at - meter.since) : 0);
}

function MeterLine({ meter, budget, working }: { meter: Meter; budget: Budget; working: boolean }) {
  const seconds = worked(meter, working, now.value);
  return (
    <span class="meta meter-line line">
      <Used
        text={duration(seconds)}
        used={seconds}
        most={budget.seconds}
        limit={budget.seconds && duration(budget.seconds)}
      />
      <Used
        text={tn("tokens", meter.tokens)}
        used={meter.tokens}
        most={budget.tokens}
        limit={budget.tokens}
      />
      <Used text={tn("steps", meter.steps)} used={meter.steps} most={budget.steps} limit={budget.steps} />
      {meter.price !== null && meter.price > 0 && <span>{`${t("cost.price")} ${money(meter.price)}`}</span>}
    </span>
  );
}

/** In whatever money the price list of the settings is. */
export function money(price: number): string {
  return price.toFixed(price < 1 ? 4 : 2);
}

function Used({
  text,
  used,
  most,
  limit,
}: {
  text: string;
  used: number;
  most: number | null;
  limit: string | number | null;
}) {
  if (!most) return <span>{text}</span>;
  return (
    <span class="used">
      {t("used.of", { used: text, limit: limit ?? "" })}
      <meter
        min={0}
        max={most}
        high={most * 0.9}
        value={Math.min(used, most)}
        aria-label={t("used.of", { used: text, limit: limit ?? "" })}
      />
    </span>
  );
}

function Limits({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const run = useRun();
  const problem = useSignal("");
  const values = useSignal({
    minutes: budget.seconds ? String(budget.seconds / 60) : "",
    tokens: budget.tokens ? String(budget.tokens) : "",
    steps: budget.steps ? String(budget.steps) : "",
  });
  const number = (text: string) => (text ? Number(text) : null);
  const submit = async (event: Event) => {
    event.preventDefault();
    const { minutes, tokens, steps } = values.value;
    const seconds = minutes ? Number(minutes) * 60 : null;
    if (
      await attempt(problem, run.id, "budget.set", { tokens: number(tokens), seconds, steps: number(steps) })
    )
      onClose();
  };
  return (
    <Dialog title={t("budget.change")} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p class="meta">{t("budget.how")}</p>
        {(["minutes", "tokens", "steps"] as const).map((key) => (
          <label key={key} class="label">
            {t(`new.${key}`)}
            <input
              class="field numbers"
              type="number"
              min="1"
              step={key === "minutes" ? "any" : "1"}
              placeholder={t("new.nolimit")}
              value={values.value[key]}
              onInput={(e) => (values.value = { ...values.value, [key]: e.currentTarget.value })}
            />
          </label>
        ))}
        {problem.value && <Problem text={problem.value} />}
        <div>
          <button class="button primary">{t("save")}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Sure(props: { title: string; text: string; yes: string; onYes: () => void; onClose: () => void }) {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <p>{props.text}</p>
      <div class="line">
        <button
          type="button"
          class="button danger"
          onClick={() => {
            props.onYes();
            props.onClose();
          }}
        >
          {props.yes}
        </button>
        <button type="button" class="button" autoFocus onClick={props.onClose}>
          {t("stay")}
        </button>
      </div>
    </Dialog>
  );
}
