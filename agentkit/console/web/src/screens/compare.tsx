// Two runs side by side: what they share, and where each went its own way.
import { Empty, Problem, State, When } from "../parts/basics";
import { useGet } from "../parts/load";
import { query } from "../router";
import type { Compared, Meter, Run, Span, Task } from "../state/types";
import { duration, t, tn } from "../words";

export function Compare() {
  const one = query.value.get("one") ?? "";
  const two = query.value.get("two") ?? "";
  const said = useGet<Compared>(one && two ? `/api/compare?one=${encodeURIComponent(one)}&two=${encodeURIComponent(two)}` : null);
  const both = said.data.value;
  return (
    <div class="page">
      <h1>{t("compare")}</h1>
      {said.problem.value && <Problem text={said.problem.value} />}
      {!(one && two) && <Empty title={t("compare.choose")} />}
      {both && (
        <>
          <div class="sides">
            <Side run={both.one} meter={both.meter.one} />
            <Side run={both.two} meter={both.meter.two} />
          </div>
          {both.shared > 0 && <p class="meta">{tn("compare.shared", both.shared)}</p>}
          <h2>{t("plan")}</h2>
          <ul class="sides-list">
            {both.tasks.map((task) => (
              <li key={task.id} class={same(task.one, task.two) ? "sides quiet" : "sides differs"}>
                <TaskOf task={task.one} />
                <TaskOf task={task.two} />
              </li>
            ))}
          </ul>
          <h2>{t("evidence")}</h2>
          <p class="meta">{tn("compare.quotes", both.evidence.both)}</p>
          <div class="sides">
            <Spans of={both.evidence.one} run={both.one.id} />
            <Spans of={both.evidence.two} run={both.two.id} />
          </div>
          <h2>{t("report")}</h2>
          {!both.report.length && <p class="quiet">{t("compare.noreport")}</p>}
          <div class="diff">
            {both.report.map((line, n) => (
              <p key={n} class={line.op} data-op={line.op}>
                {line.op !== "same" && <span class="hidden-text">{t(line.op === "one" ? "compare.one" : "compare.two")}</span>}
                {line.text}
              </p>
            ))}
          </div>
        </>
      )}
    </div>
  );
}

function Side({ run, meter }: { run: Run; meter: Meter }) {
  return (
    <section class="stack tight">
      <p class="line">
        <State of={run.status} />
        <a class="cut grow" href={`/runs/${encodeURIComponent(run.id)}`}>
          {run.task}
        </a>
      </p>
      <p class="meta line wrap">
        <code>{run.id.slice(-6)}</code>
        {run.parent && <span>{t("compare.from", { run: run.parent.slice(-6), step: run.parent_step ?? 0 })}</span>}
        <span class="numbers">{duration(meter.seconds)}</span>
        <span class="numbers">{tn("tokens", meter.tokens)}</span>
        <When time={run.created} />
      </p>
    </section>
  );
}

const same = (one: Task | null, two: Task | null) => one?.title === two?.title && one?.status === two?.status;

function TaskOf({ task }: { task: Task | null }) {
  if (!task) return <p class="quiet">–</p>;
  return (
    <p class="line">
      <State of={task.status} />
      <span>
        <span class="mono">{task.id}</span> {task.title}
      </span>
    </p>
  );
}

function Spans({ of, run }: { of: Span[]; run: string }) {
  if (!of.length) return <p class="quiet">{t("compare.nothing")}</p>;
  return (
    <ul class="spans">
      {of.map((span) => (
        <li key={span.key} class="span">
          <a class="quote" href={`/runs/${encodeURIComponent(run)}?evidence=${encodeURIComponent(span.key)}&pane=evidence`}>
            {span.text}
          </a>
          <p class="meta">{span.title || span.document}</p>
        </li>
      ))}
    </ul>
  );
}
