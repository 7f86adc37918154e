// All runs, newest first, forks under what they were forked from; the search goes through them.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useAction } from "../keys";
import { Empty, Problem, State, When } from "../parts/basics";
import { Icon } from "../parts/icon";
import { go, query, withQuery } from "../router";
import { get, operator, told } from "../state/api";
import { followList } from "../state/stream";
import type { Run } from "../state/types";
import { t, tk, tn } from "../words";

interface Listed {
  runs: Run[];
  next: string | null;
  total: number;
}
interface Line {
  run: Run;
  depth: number;
}

const STATES = ["running", "waiting", "paused", "interrupted", "failed", "cancelled", "done"];

/** Forks under their parents, where these are in the list too; families by their newest member. */
export function tree(runs: readonly Run[]): Line[] {
  const ids = new Set(runs.map((run) => run.id));
  const below = new Map<string, Run[]>();
  const roots: Run[] = [];
  for (const run of [...runs].sort((a, b) => b.created - a.created || b.id.localeCompare(a.id))) {
    if (run.parent && ids.has(run.parent)) below.set(run.parent, [...(below.get(run.parent) ?? []), run]);
    else roots.push(run);
  }
  const lines: Line[] = [];
  const add = (run: Run, depth: number) => {
    lines.push({ run, depth });
    for (const child of below.get(run.id) ?? []) add(child, depth + 1);
  };
  for (const root of roots) add(root, 0);
  return lines;
}

export function Runs() {
  const found = useSignal<Map<string, Run>>(new Map());
  const next = useSignal<string | null>(null);
  const total = useSignal<number | null>(null);
  const problem = useSignal("");
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const box = useRef<HTMLInputElement>(null);
  const q = query.value.get("q") ?? "";
  const status = query.value.get("status") ?? "";
  const lines = useComputed(() => tree([...found.value.values()]));
  const asked = useRef(0);

  const load = async (before: string | null) => {
    const mine = ++asked.current;
    const wanted = new URLSearchParams({ q, status, limit: "50", ...(before ? { before } : {}) });
    try {
      const said = await get<Listed>(`/api/runs?${wanted}`);
      if (mine !== asked.current) return;
      const all = before ? new Map(found.value) : new Map<string, Run>();
      for (const run of said.runs) all.set(run.id, run);
      found.value = all;
      next.value = said.next;
      total.value = said.total;
      problem.value = "";
    } catch (error) {
      problem.value = told(error);
    }
  };

  // The stream stays open while the search changes, so it asks for what is wanted by then.
  const latest = useRef({ load, searched: false });
  latest.current = { load, searched: !!(q || status) };
  useEffect(() => void load(null), [q, status]);
  useEffect(
    () =>
      followList({
        opened: () => void latest.current.load(null),
        rows(runs, gone) {
          const all = new Map(found.value);
          for (const id of gone) all.delete(id);
          // What a search finds is the server's to judge: rows that are shown change, others ask again.
          const { searched } = latest.current;
          const unknown = runs.some((run) => !all.has(run.id));
          for (const run of runs)
            if (all.has(run.id) || !searched)
              all.set(run.id, { ...run, text: all.get(run.id)?.text ?? null });
          found.value = all;
          if (unknown && searched) void latest.current.load(null);
        },
      }),
    [],
  );
  useEffect(() => {
    if (query.value.get("search")) box.current?.focus();
  }, [query.value]);
  useAction("/", () => box.current?.focus());

  const timer = useRef(0);
  const search = (text: string) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => go(withQuery({ q: text || null, search: null }), true), 200);
  };
  const pick = (id: string, on: boolean) => {
    const now = new Set(chosen.value);
    if (on) now.add(id);
    else now.delete(id);
    chosen.value = now;
  };
  const [one, two] = [...chosen.value];

  return (
    <div class="page">
      <div class="line wrap">
        <h1 class="grow">{t("runs")}</h1>
        <label class="search">
          <span class="hidden-text">{t("runs.search")}</span>
          <Icon name="search" />
          <input
            ref={box}
            class="field"
            type="search"
            placeholder={t("runs.search")}
            defaultValue={q}
            onInput={(e) => search(e.currentTarget.value)}
          />
        </label>
        <label>
          <span class="hidden-text">{t("runs.state")}</span>
          <select
            class="field"
            value={status}
            onChange={(e) => go(withQuery({ status: e.currentTarget.value || null }), true)}
          >
            <option value="">{t("runs.all")}</option>
            {STATES.map((state) => (
              <option key={state} value={state}>
                {tk("state", state)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {problem.value && (
        <Problem text={problem.value}>
          <button type="button" class="button" onClick={() => void load(null)}>
            {t("again")}
          </button>
        </Problem>
      )}
      {chosen.value.size > 0 && (
        <div class="line picked" role="status">
          <span>{tn("runs.chosen", chosen.value.size)}</span>
          {one && two && (
            <button type="button" class="button" onClick={() => go(`/compare?one=${one}&two=${two}`)}>
              {t("runs.compare")}
            </button>
          )}
          <button type="button" class="button plain" onClick={() => (chosen.value = new Set())}>
            {t("runs.none")}
          </button>
        </div>
      )}
      {lines.value.length > 0 && (
        <ul class="runs" aria-label={t("runs")}>
          {lines.value.map(({ run, depth }) => (
            <RunLine
              key={run.id}
              run={run}
              depth={depth}
              chosen={chosen.value.has(run.id)}
              pick={pick}
              full={chosen.value.size >= 2}
            />
          ))}
        </ul>
      )}
      {lines.value.length === 0 && total.value !== null && (q || status ? <NothingFound /> : <NothingYet />)}
      {next.value && (
        <div class="line">
          <button type="button" class="button" onClick={() => void load(next.value)}>
            {t("runs.more")}
          </button>
          <span class="meta">{t("runs.of", { n: found.value.size, total: total.value ?? 0 })}</span>
        </div>
      )}
    </div>
  );
}

function RunLine({
  run,
  depth,
  chosen,
  pick,
  full,
}: Line & { chosen: boolean; pick: (id: string, on: boolean) => void; full: boolean }) {
  return (
    <li
      class="run-line"
      style={depth ? { paddingInlineStart: `calc(var(--thread) * ${Math.min(depth, 6)})` } : undefined}
    >
      <input
        type="checkbox"
        aria-label={t("runs.choose", { run: run.id.slice(-6) })}
        checked={chosen}
        disabled={full && !chosen}
        onChange={(e) => pick(run.id, e.currentTarget.checked)}
      />
      <State of={run.status} />
      <div class="what">
        <a class="cut" href={`/runs/${encodeURIComponent(run.id)}`}>
          {depth > 0 && <Icon name="fork" />}
          {run.task || t("runs.untitled")}
        </a>
        {run.text && <span class="meta cut">{run.text}</span>}
      </div>
      <span class="meta line facts-of">
        {run.questions > 0 && (
          <span class="count" title={t("nav.waiting")}>
            {run.questions}
          </span>
        )}
        {run.tasks > 0 && (
          <span class="numbers">{t("runs.tasks", { done: run.done, tasks: run.tasks })}</span>
        )}
        {run.tokens > 0 && <span class="numbers">{tn("tokens", run.tokens)}</span>}
        <span>{run.agent}</span>
        <When time={run.changed} />
      </span>
    </li>
  );
}

function NothingYet() {
  return (
    <Empty title={t("runs.first")}>
      <p>{t("runs.first.how")}</p>
      {operator() && (
        <a class="button primary" href="/new">
          {t("nav.new")}
        </a>
      )}
    </Empty>
  );
}

function NothingFound() {
  return (
    <Empty title={t("runs.nothing")}>
      <button type="button" class="button" onClick={() => go("/")}>
        {t("runs.clear")}
      </button>
    </Empty>
  );
}
