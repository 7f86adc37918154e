// A run: what is planned, what happens, what was found, and the means to change it.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useAction } from "../keys";
import { Empty, Fold, Problem, Tabs } from "../parts/basics";
import { useGet } from "../parts/load";
import { go, query, withQuery } from "../router";
import { announce } from "../state/announce";
import { RunView } from "../state/run";
import { keepWidths, widths } from "../state/settings";
import type { Panel, Screen } from "../state/types";
import { t, tk, tn } from "../words";
import { RunContext, useRun } from "./context";
import { Cost } from "./cost";
import { Evidence } from "./evidence";
import { Files } from "./files";
import { Forks } from "./forks";
import { Head } from "./head";
import { Metrics } from "./metrics";
import { Panels } from "./panels";
import { Phone } from "./phone";
import { Plan } from "./plan";
import { OpenQuestions } from "./question";
import { ReportView } from "./report";
import { Steer } from "./steer";
import { Timeline } from "./timeline";

const PANES = ["plan", "work", "evidence"] as const;
type Pane = (typeof PANES)[number];

export function RunScreen({ id }: { id: string }) {
  const run = useMemo(() => new RunView(id), [id]);
  useEffect(() => () => run.close(), [run]);
  if (run.problem.value && !run.state.value) {
    return (
      <div class="page">
        <Problem text={run.problem.value}>
          <button type="button" class="button" onClick={() => void run.load()}>
            {t("again")}
          </button>
          <a href="/">{t("nowhere.back")}</a>
        </Problem>
      </div>
    );
  }
  if (run.lost.value) {
    return (
      <div class="page">
        <Empty title={t("run.gone")}>
          <a href="/">{t("nowhere.back")}</a>
        </Empty>
      </div>
    );
  }
  if (!run.state.value) return <div class="page" aria-busy="true" />;
  return (
    <RunContext.Provider value={run}>
      <Panes run={run} />
    </RunContext.Provider>
  );
}

function Panes({ run }: { run: RunView }) {
  const state = run.state.value!;
  const pane = chosen(PANES, query.value.get("pane"), "work");
  const size = useSignal(widths());
  const open = Object.values(state.tasks).filter(
    (task) => task.status === "pending" || task.status === "in_progress",
  ).length;
  const found = Object.keys(state.evidence).length;
  const show = (to: Pane) => go(withQuery({ pane: to }), true);
  useEffect(() => {
    document.title = `${tk("state", state.run.status)} · ${state.run.task.slice(0, 60)}`;
    announce(`${tk("state", state.run.status)}. ${state.run.note}`);
    return () => (document.title = "agentkit");
  }, [state.run.status, state.run.note]);
  PANES.forEach((name, index) => {
    useAction(String(index + 1), () => {
      show(name);
      requestAnimationFrame(() => document.getElementById(`pane-${name}`)?.focus());
    });
  });
  const agent = state.run.noun === "agent"; // else a training, which plans and steers nothing
  const alone = !agent || (!found && !state.report && !Object.keys(state.tasks).length);
  const style: Record<string, string> = {};
  if (size.value.plan) style["--plan"] = `${size.value.plan}px`;
  if (size.value.evidence) style["--evidence"] = `${size.value.evidence}px`;
  return (
    <div class={alone ? "run alone" : "run"} data-pane={alone ? "work" : pane} style={style}>
      <Head />
      {!alone && (
        <div class="pane-tabs">
          <Tabs
            label={t("panes")}
            of={[
              ["plan", open ? `${t("plan")} (${open})` : t("plan")],
              ["work", t("work")],
              ["evidence", found ? `${t("evidence")} (${found})` : t("evidence")],
            ]}
            now={pane}
            choose={show}
            panel={`pane-${pane}`}
          />
        </div>
      )}
      {!alone && (
        <section class="pane" id="pane-plan" tabIndex={-1} aria-label={t("plan")}>
          <Plan />
        </section>
      )}
      {!alone && <Grip side="plan" size={size} />}
      <section class="pane work" id="pane-work" tabIndex={-1} aria-label={t("work")}>
        <Work />
        {agent && <OpenQuestions />}
        {agent && <Steer />}
      </section>
      {!alone && <Grip side="evidence" size={size} />}
      {!alone && (
        <section class="pane" id="pane-evidence" tabIndex={-1} aria-label={t("evidence")}>
          <Evidence />
        </section>
      )}
    </div>
  );
}

type Work = "timeline" | "report" | "cost" | "metrics" | "screen" | "files" | "panels";

function Work() {
  const run = useRun();
  const state = run.state.value!;
  const screens = useGet<{ screens: Screen[] }>(
    `/api/runs/${encodeURIComponent(run.id)}/screens`,
    state.run.driven,
    Object.keys(state.steps).length,
  );
  const panels = useGet<{ panels: Panel[] }>(
    `/api/runs/${encodeURIComponent(run.id)}/panels`,
    state.run.status,
    Math.floor(run.seq / 200),
  );
  const live = screens.data.value?.screens ?? [];
  const extra = panels.data.value?.panels ?? [];
  const curves = Object.keys(state.metrics).length > 0;
  const ended = !!state.report || state.run.result;
  const agent = state.run.noun === "agent"; // else a training, which plans and steers nothing
  const tabs: [Work, string][] = [["timeline", t("timeline")]];
  if (live.length) tabs.unshift(["screen", t("screen")]);
  if (ended) tabs.unshift(["report", state.report ? t("report") : t("result")]);
  if (agent) tabs.push(["cost", t("cost")]);
  if (curves && agent) tabs.push(["metrics", t("metrics")]);
  else if (curves) tabs.unshift(["metrics", t("metrics")]);
  tabs.push(["files", t("files")]);
  if (extra.length) tabs.push(["panels", t("panels")]);
  const names = tabs.map(([id]) => id);
  const tab = chosen(names, query.value.get("tab"), names[0]!);
  const show = (to: Work) => go(withQuery({ tab: to, event: null }), true);
  const step = (by: number) => show(names[(names.indexOf(tab) + by + names.length) % names.length]!);
  useAction("[", () => step(-1));
  useAction("]", () => step(1));
  useAction("e", () => show("files"));
  return (
    <>
      <div class="pane-head">
        <Tabs label={t("work")} of={tabs} now={tab} choose={show} panel="work-panel" />
      </div>
      {tab === "timeline" && agent && <Forks />}
      <Notices />
      <div
        class="pane-body"
        id="work-panel"
        role="tabpanel"
        aria-label={tabs.find(([id]) => id === tab)![1]}
        tabIndex={-1}
      >
        {tab === "timeline" && <Timeline />}
        {tab === "report" && <ReportView />}
        {tab === "cost" && <Cost />}
        {tab === "metrics" && <Metrics />}
        {tab === "screen" && <Phone screens={live} />}
        {tab === "files" && <Files />}
        {tab === "panels" && <Panels panels={extra} />}
      </div>
    </>
  );
}

/** What the person should know about the run, folded away behind its number. */
function Notices() {
  const notices = Object.values(useRun().state.value!.notices).sort((a, b) => b.seq - a.seq);
  if (!notices.length) return null;
  return (
    <Fold class="notices" title={tn("notices", notices.length)}>
      {() => (
        <ul>
          {notices.slice(0, MANY).map((notice) => (
            <li key={notice.seq}>
              <a href={withQuery({ event: String(notice.seq), tab: "timeline" })} class="meta numbers">
                {notice.seq}
              </a>{" "}
              <span class={notice.kind === "error" ? "bad" : ""}>{notice.text}</span>
            </li>
          ))}
        </ul>
      )}
    </Fold>
  );
}

const MANY = 200; // notices that are drawn, the latest
const LEAST = { plan: 220, evidence: 260 }; // pixels
const MOST = 640;
const STEP = 16;

/** The border of a pane: dragged, or moved by the arrow keys. */
function Grip({
  side,
  size,
}: {
  side: "plan" | "evidence";
  size: { value: { plan?: number; evidence?: number } };
}) {
  const pane = useRef<HTMLElement | null>(null);
  const width = () => (pane.current ??= document.getElementById(`pane-${side}`))!.offsetWidth;
  const set = (to: number) => {
    size.value = { ...size.value, [side]: Math.round(Math.min(MOST, Math.max(LEAST[side], to))) };
    keepWidths(size.value);
  };
  const outward = side === "plan" ? 1 : -1;
  const drag = (event: PointerEvent) => {
    const grip = event.currentTarget as HTMLElement;
    const [from, at] = [width(), event.clientX];
    grip.setPointerCapture(event.pointerId);
    const move = (e: PointerEvent) => set(from + outward * (e.clientX - at));
    grip.addEventListener("pointermove", move);
    grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", move), {
      once: true,
    });
    event.preventDefault();
  };
  return (
    <div
      class="grip"
      role="separator"
      aria-orientation="vertical"
      aria-label={t(side === "plan" ? "grip.plan" : "grip.evidence")}
      aria-valuenow={size.value[side] ?? (side === "plan" ? 320 : 380)}
      aria-valuemin={LEAST[side]}
      aria-valuemax={MOST}
      tabIndex={0}
      onPointerDown={drag}
      onKeyDown={(e) => {
        const by = e.key === "ArrowRight" ? STEP : e.key === "ArrowLeft" ? -STEP : 0;
        if (by) set(width() + outward * by);
      }}
    />
  );
}

function chosen<T extends string>(of: readonly T[], wanted: string | null, first: T): T {
  return of.includes(wanted as T) ? (wanted as T) : first;
}
