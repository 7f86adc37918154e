// Two runs side by side: what they share, and where each went its own way.
import { Empty, Fold, Problem, State, When } from "../parts/basics";
import { useGet } from "../parts/load";
import { Markdown } from "../parts/markdown";
import { query } from "../router";
import type { Compared, Differing, Meter, Run, Span } from "../state/types";
import { duration, t, tn } from "../words";

export function Compare() {
  const one = query.value.get("one") ?? "";
  const two = query.value.get("two") ?? "";
  const said = useGet<Compared>(
    one && two ? `/api/compare?one=${encodeURIComponent(one)}&two=${encodeURIComponent(two)}` : null,
  );
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
          {!!both.shared && <p class="meta">{tn("compare.shared", both.shared)}</p>}
          <h2>{t("plan")}</h2>
          {!both.tasks.length && <p class="quiet">{t("compare.sametasks")}</p>}
          <ul class="sides-list">
            {both.tasks.map((task) => (
              <li key={task.id} class="sides differs">
                <TaskOf id={task.id} task={task.one} />
                <TaskOf id={task.id} task={task.two} />
              </li>
            ))}
          </ul>
          <h2>{t("evidence")}</h2>
          {both.evidence.one.length + both.evidence.two.length === 0 ? (
            <p class="quiet">{tn("compare.samequotes", both.evidence.both)}</p>
          ) : (
            <>
              <p class="meta">{tn("compare.quotes", both.evidence.both)}</p>
              <div class="sides">
                <Spans of={both.evidence.one} run={both.one.id} />
                <Spans of={both.evidence.two} run={both.two.id} />
              </div>
            </>
          )}
          <h2>{t("report")}</h2>
          {!both.report.length && <p class="quiet">{t("compare.noreport")}</p>}
          <div class="diff">
            {stretches(both.report).map((stretch, n) =>
              stretch.op === "same" && stretch.lines.length > FEW ? (
                <Fold key={n} title={tn("compare.same", stretch.lines.length)}>
                  {() => <Markdown text={stretch.lines.join("\n")} />}
                </Fold>
              ) : (
                <div key={n} class={stretch.op} data-op={stretch.op}>
                  {stretch.op !== "same" && (
                    <span class="hidden-text">{t(stretch.op === "one" ? "compare.one" : "compare.two")}</span>
                  )}
                  <Markdown text={stretch.lines.join("\n")} />
                </div>
              ),
            )}
          </div>
        </>
      )}
    </div>
  );
}

const FEW = 3; // lines alike that are not folded away

/** Lines that belong together: those alike, those of one, those of the other. */
function stretches(lines: Compared["report"]): { op: "same" | "one" | "two"; lines: string[] }[] {
  const made: { op: "same" | "one" | "two"; lines: string[] }[] = [];
  for (const line of lines) {
    const last = made[made.length - 1];
    if (last?.op === line.op) last.lines.push(line.text);
    else made.push({ op: line.op, lines: [line.text] });
  }
  return made;
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
        {run.parent && (
          <span>{t("compare.from", { run: run.parent.slice(-6), step: run.parent_step ?? 0 })}</span>
        )}
        <span class="numbers">{duration(meter.seconds)}</span>
        <span class="numbers">{tn("tokens", meter.tokens)}</span>
        <When time={run.created} />
      </p>
    </section>
  );
}

function TaskOf({ id, task }: { id: string; task: Differing | null }) {
  if (!task) return <p class="quiet">–</p>;
  return (
    <div>
      <p class="line">
        <State of={task.status} />
        <span>
          <span class="mono">{id}</span> {task.title}
        </span>
      </p>
      <p class="meta">{[tn("quotes", task.evidence), task.reason].filter(Boolean).join(" · ")}</p>
    </div>
  );
}

function Spans({ of, run }: { of: Span[]; run: string }) {
  if (!of.length) return <p class="quiet">{t("compare.nothing")}</p>;
  return (
    <ul class="spans">
      {of.map((span) => (
        <li key={span.key} class="span">
          <a
            class="quote"
            href={`/runs/${encodeURIComponent(run)}?evidence=${encodeURIComponent(span.key)}&pane=evidence`}
          >
            {span.text}
          </a>
          <p class="meta">{span.title || span.document}</p>
        </li>
      ))}
    </ul>
  );
}
