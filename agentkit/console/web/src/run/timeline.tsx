// Everything that happened, in order. Only what is in sight exists, so ten thousand events are few.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Empty, IconButton, Problem, When } from "../parts/basics";
import { Icon, type IconName } from "../parts/icon";
import { useGet } from "../parts/load";
import { Virtual, type Shown } from "../parts/virtual";
import { query } from "../router";
import { get, told } from "../state/api";
import type { RunView } from "../state/run";
import type { Event, Row, Timeline as Rows } from "../state/types";
import { duration, t, tk, tn, type Key } from "../words";
import { showEvent, useRun } from "./context";
import { kindIcon, kindWord } from "./kinds";

const KINDS: Record<string, readonly string[]> = {
  models: ["model.asked", "model.done", "score.done", "role.used", "wording.kept", "wording.dropped"],
  searches: [
    "search.asked",
    "search.done",
    "open.asked",
    "open.done",
    "query.done",
    "evidence.added",
    "gap.found",
    "word.absent",
  ],
  actions: ["action.asked", "action.done", "tool.asked", "tool.done", "guard.judged"],
  people: [
    "inbox.received",
    "inbox.read",
    "inbox.late",
    "message.ended",
    "directive.added",
    "directive.removed",
    "directive.rejected",
    "directive.followed",
    "question.asked",
    "question.answered",
    "plan.approved",
    "plan.refused",
    "plan.revised",
    "todo.changed",
  ],
  problems: ["error", "warning", "run.notice", "injection.found", "guard.judged"],
};
const PAGE = 500;

export function Timeline() {
  const run = useRun();
  const kinds = useSignal("");
  const text = useSignal("");
  const wanted = Number(query.value.get("event")) || null;
  const filtered = kinds.value !== "" || text.value !== "";
  return (
    <div class="timeline">
      <div class="line wrap timeline-head">
        <label>
          <span class="hidden-text">{t("timeline.kinds")}</span>
          <select class="field" value={kinds.value} onChange={(e) => (kinds.value = e.currentTarget.value)}>
            <option value="">{t("timeline.all")}</option>
            {Object.keys(KINDS).map((kind) => (
              <option key={kind} value={kind}>
                {t(`timeline.${kind}` as Key)}
              </option>
            ))}
          </select>
        </label>
        <label class="grow">
          <span class="hidden-text">{t("timeline.search")}</span>
          <input
            class="field"
            type="search"
            placeholder={t("timeline.search")}
            onChange={(e) => (text.value = e.currentTarget.value.trim())}
          />
        </label>
        <span class="meta numbers">{tn("events", run.total.value)}</span>
      </div>
      {filtered ? (
        <Found run={run} kinds={KINDS[kinds.value] ?? []} text={text.value} wanted={wanted} />
      ) : (
        <All run={run} wanted={wanted} />
      )}
      {wanted !== null && <Detail run={run} seq={wanted} />}
    </div>
  );
}

/** The whole log; the row of event n is the n-th. New ones are followed while the end is in sight. */
function All({ run, wanted }: { run: RunView; wanted: number | null }) {
  const handle = useRef<Shown>(null);
  const seen = useSignal(run.total.value); // rows that there were when the end was last in sight
  const total = run.total.value;
  void run.loaded.value;
  useEffect(() => {
    if (wanted !== null) handle.current?.reveal(wanted - 1);
  }, [wanted]);
  const sight = (first: number, last: number, end: boolean) => {
    void run.want(first, last);
    if (end) seen.value = run.total.value;
  };
  const fresh = total - seen.value;
  return (
    <div class="rows">
      <Virtual
        count={total}
        label={t("timeline")}
        handle={handle}
        active={wanted ? wanted - 1 : undefined}
        follows={wanted === null}
        onSight={sight}
        onKeyDown={(event) => step(event, (wanted ?? total + 1) - 1, total, (index) => showEvent(index + 1))}
        row={(index) => (
          <Line
            key={index}
            index={index}
            row={run.row(index)}
            before={run.row(index - 1)}
            chosen={wanted === index + 1}
          />
        )}
      />
      {fresh > 0 && (
        <button type="button" class="button fresh" onClick={() => handle.current?.toEnd()}>
          <Icon name="down" />
          {tn("timeline.new", fresh)}
        </button>
      )}
    </div>
  );
}

/** The rows of some kinds, or with some words; asked for page by page as they come into sight. */
function Found({
  run,
  kinds,
  text,
  wanted,
}: {
  run: RunView;
  kinds: readonly string[];
  text: string;
  wanted: number | null;
}) {
  const rows = useSignal<Row[]>([]);
  const whole = useSignal(false);
  const busy = useRef(false);
  const problem = useSignal("");
  const handle = useRef<Shown>(null);
  const key = `${kinds.join(",")} ${text}`;
  const more = async (fresh: boolean) => {
    if (busy.current) return;
    busy.current = true;
    const after = fresh ? 0 : (rows.value[rows.value.length - 1]?.seq ?? 0);
    const asked = new URLSearchParams({
      after: String(after),
      limit: String(PAGE),
      kinds: kinds.join(","),
      q: text,
    });
    try {
      const said = await get<Rows>(`/api/runs/${encodeURIComponent(run.id)}/timeline?${asked}`);
      rows.value = fresh ? said.rows : [...rows.value, ...said.rows];
      whole.value = said.rows.length < PAGE;
    } catch (error) {
      problem.value = told(error);
    }
    busy.current = false;
  };
  useEffect(() => void more(true), [key]);
  useEffect(() => {
    if (whole.value) void more(false); // what has come since
  }, [run.total.value]);
  const at = useComputed(() => rows.value.findIndex((row) => row.seq === Number(query.value.get("event"))));
  if (problem.value) return <Problem text={problem.value} />;
  if (whole.value && !rows.value.length) return <Empty title={t("timeline.none")} />;
  return (
    <Virtual
      count={rows.value.length}
      label={t("timeline")}
      handle={handle}
      active={at.value >= 0 ? at.value : undefined}
      onSight={(_, last) => {
        if (last >= rows.value.length && !whole.value && rows.value.length) void more(false);
      }}
      onKeyDown={(event) =>
        step(event, at.value, rows.value.length, (index) => {
          showEvent(rows.value[index]!.seq);
          handle.current?.reveal(index);
        })
      }
      row={(index) => (
        <Line
          key={rows.value[index]!.seq}
          index={index}
          row={rows.value[index]}
          before={rows.value[index - 1]}
          chosen={wanted === rows.value[index]!.seq}
        />
      )}
    />
  );
}

function step(event: KeyboardEvent, at: number, count: number, show: (index: number) => void): void {
  const to: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + 20,
    PageUp: at - 20,
    Home: 0,
    End: count - 1,
  };
  const next = to[event.key];
  if (next === undefined || event.altKey || event.ctrlKey || event.metaKey || !count) {
    if (event.key === "Escape") showEvent(null);
    return;
  }
  event.preventDefault();
  show(Math.min(count - 1, Math.max(0, next)));
}

interface LineProps {
  index: number;
  row: Row | undefined;
  before: Row | undefined;
  chosen: boolean;
}

function Line({ index, row, before, chosen }: LineProps) {
  if (!row)
    return (
      <div
        class="event empty-row"
        role="option"
        id={`row-${index}`}
        aria-selected={chosen}
        aria-label={t("timeline.loading")}
      />
    );
  const [icon, colour]: [IconName, string] = kindIcon(row.kind);
  const begins = !before || before.step !== row.step;
  return (
    <div
      class={`event ${begins ? "begins" : ""}`}
      role="option"
      id={`row-${index}`}
      aria-selected={chosen}
      data-seq={row.seq}
      onClick={() => showEvent(row.seq)}
    >
      <span class="seq">{row.seq}</span>
      <span class={colour}>
        <Icon name={icon} />
      </span>
      <span class="kind cut">{kindWord(row.kind)}</span>
      <span class={row.text.startsWith("{") ? "text cut mono quiet" : "text cut"}>{textOf(row)}</span>
      {!!row.path?.length && <span class="path mono cut">{row.path.join(" › ")}</span>}
      {!!row.tokens && <span class="meta numbers">{tn("tokens", row.tokens)}</span>}
      <span class="mono task-of">{row.task}</span>
      <span class="where cut">{begins && row.node ? `${row.step} ${row.node}` : ""}</span>
      <When time={row.time} plain />
    </div>
  );
}

/** A state is said in the words of the page; what else it says is its own. What a run waits for is
 * in the question's row. */
function textOf(row: Row): string {
  if (row.kind !== "run.status") return row.text;
  const [state = "", ...note] = row.text.split(" ");
  return [tk("state", state), ...(state === "waiting" ? [] : note)].join(" ");
}

function Detail({ run, seq }: { run: RunView; seq: number }) {
  const event = useGet<Event>(`/api/runs/${encodeURIComponent(run.id)}/events/${seq}`);
  const row = run.row(seq - 1);
  const data = event.data.value;
  return (
    <section class="detail" aria-label={t("event", { seq })}>
      <div class="line">
        <h2 class="grow cut">
          <span class="numbers quiet">{seq}</span> {data && kindWord(data.kind)}
        </h2>
        <IconButton icon="cross" label={t("close")} onClick={() => showEvent(null)} />
      </div>
      {event.problem.value && <Problem text={event.problem.value} />}
      {data && data.seq === seq && (
        <div class="detail-body" tabIndex={0} role="group" aria-label={t("event.data")}>
          <dl class="facts">
            <dt>{t("event.kind")}</dt>
            <dd class="mono">{data.kind}</dd>
            <dt>{t("event.time")}</dt>
            <dd>
              <When time={data.time} plain />
            </dd>
            {data.position && [
              <dt key="p">{t("event.position")}</dt>,
              <dd key="pv" class="mono">
                {data.position}
              </dd>,
            ]}
            {!!row?.path?.length && [
              <dt key="m">{t("event.path")}</dt>,
              <dd key="mv" class="mono">
                {row.path.join(" › ")}
              </dd>,
            ]}
            {!!row?.seconds && [
              <dt key="s">{t("event.seconds")}</dt>,
              <dd key="sv">{duration(row.seconds)}</dd>,
            ]}
            {Object.entries(data.data).map(([key, value]) => [
              <dt key={key}>{key}</dt>,
              <dd key={`${key}=`}>
                <Value of={value} />
              </dd>,
            ])}
          </dl>
        </div>
      )}
    </section>
  );
}

/** A value as it stands in the log, always as text. */
function Value({ of }: { of: unknown }) {
  if (of === null || of === "" || (Array.isArray(of) && !of.length)) return <span class="quiet">–</span>;
  if (typeof of === "object") return <pre>{JSON.stringify(of, null, 1)}</pre>;
  const text = String(of);
  return text.includes("\n") ? <pre>{text}</pre> : <span>{text}</span>;
}
