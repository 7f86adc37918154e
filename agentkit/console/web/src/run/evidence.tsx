// What was found: quotes by document, and the page of each with the quote marked in it.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Empty, Fold, IconButton, Problem } from "../parts/basics";
import { Icon } from "../parts/icon";
import { useGet } from "../parts/load";
import { link } from "../parts/link";
import { go, query, withQuery } from "../router";
import { operator } from "../state/api";
import type { Page, Span } from "../state/types";
import { t, tk, tn } from "../words";
import { attempt, showEvidence, useRun } from "./context";

const MANY = 200; // searches that are drawn, the latest
const SOME = 60; // quotes that are drawn at once; more on demand

export function Evidence() {
  const run = useRun();
  const key = query.value.get("evidence");
  const spans = run.state.value!.evidence;
  if (key && spans[key]) return <PageOf key={key} span={spans[key]} />;
  return <List spans={Object.values(spans)} />;
}

function List({ spans }: { spans: Span[] }) {
  const run = useRun();
  const state = run.state.value!;
  const most = useSignal(SOME);
  const task = query.value.get("task") ?? "";
  const kept = spans
    .filter((span) => !task || span.task === task)
    .sort((a, b) => a.facet - b.facet || b.score - a.score || a.seq - b.seq);
  const groups = new Map<number, Span[]>();
  for (const span of kept.slice(0, most.value))
    groups.set(span.facet, [...(groups.get(span.facet) ?? []), span]);
  const searches = Object.values(state.queries)
    .filter((one) => !task || one.task === task)
    .sort((a, b) => a.seq - b.seq);
  return (
    <>
      <div class="pane-head line">
        <h2 class="grow">{t("evidence")}</h2>
        <span class="meta numbers">{spans.length > 0 && tn("quotes", kept.length)}</span>
      </div>
      {task && (
        <p class="pane-note line">
          <span class="grow cut">
            {t("evidence.of", { task: `${task} ${state.tasks[task]?.title ?? ""}` })}
          </span>
          <button type="button" class="button plain" onClick={() => go(withQuery({ task: null }))}>
            {t("evidence.every")}
          </button>
        </p>
      )}
      <div class="pane-body">
        {!spans.length && (
          <Empty title={t("evidence.none")}>
            <p>{t("evidence.none.how")}</p>
          </Empty>
        )}
        {[...groups].map(([facet, found]) => (
          <section key={facet}>
            <h3 class="facet">{state.facets[String(facet)]?.text ?? t("evidence.other")}</h3>
            <ul class="spans">
              {found.map((span) => (
                <Quoted key={span.key} span={span} />
              ))}
            </ul>
          </section>
        ))}
        {kept.length > most.value && (
          <button type="button" class="button" onClick={() => (most.value += SOME)}>
            {t("evidence.more", { n: kept.length - most.value })}
          </button>
        )}
        {Object.values(state.gaps).length > 0 && (
          <section>
            <h3 class="facet">{t("gaps")}</h3>
            <ul class="plain-list">
              {Object.values(state.gaps).map((gap) => (
                <li key={gap.facet}>
                  {state.facets[String(gap.facet)]?.text}: <span class="quiet">{gap.why}</span>
                </li>
              ))}
            </ul>
          </section>
        )}
        {searches.length > 0 && (
          <Fold class="searches" title={tn("searches", searches.length)}>
            {() => (
              <ul class="plain-list">
                {searches.slice(-MANY).map((one) => (
                  <li key={one.seq} class="meta">
                    <span class="mono">{one.task}</span> {one.source}: {one.query} ·{" "}
                    {one.hits ? tn("source.hits", one.hits) : tk("source", one.status)} {one.reason}
                  </li>
                ))}
              </ul>
            )}
          </Fold>
        )}
      </div>
    </>
  );
}

function Quoted({ span }: { span: Span }) {
  const run = useRun();
  const problem = useSignal("");
  const out = span.banned || span.dropped;
  return (
    <li class={out ? "span out" : "span"} data-span={span.key}>
      <button type="button" class="quote" onClick={() => showEvidence(span.key)}>
        {span.text}
      </button>
      <div class="meta line">
        {span.pinned && <Icon name="pin" />}
        <span class="cut grow" title={[span.source, span.document, ...span.heading].join(" › ")}>
          {span.title || span.document}
          {span.page !== null && `, ${t("page.number", { page: span.page })}`}
        </span>
        <span class="mono">{span.task}</span>
        {operator() && <Judge span={span} run={run.id} problem={problem} />}
      </div>
      {out && (
        <p class="meta waiting">
          {span.banned
            ? t("evidence.banned", { why: span.banned })
            : t("evidence.dropped", { why: span.dropped })}
        </p>
      )}
      {problem.value && <Problem text={problem.value} />}
    </li>
  );
}

function Judge({ span, run, problem }: { span: Span; run: string; problem: { value: string } }) {
  const act = (kind: string) => void attempt(problem, run, kind, { evidence: span.key });
  return (
    <span class="judge line">
      <IconButton
        icon="pin"
        label={t(span.pinned ? "evidence.unpin" : "evidence.pin")}
        aria-pressed={span.pinned}
        onClick={() => act(span.pinned ? "evidence.unpin" : "evidence.pin")}
      />
      <IconButton
        icon="ban"
        label={t(span.banned ? "evidence.unban" : "evidence.ban")}
        aria-pressed={!!span.banned}
        onClick={() => act(span.banned ? "evidence.unban" : "evidence.ban")}
      />
    </span>
  );
}

/** The stored text around a quote. It is text of others: shown as text, whatever it holds. */
function PageOf({ span }: { span: Span }) {
  const run = useRun();
  const page = useGet<Page>(
    `/api/runs/${encodeURIComponent(run.id)}/evidence/${encodeURIComponent(span.key)}/page?around=4000`,
  );
  const marked = useRef<HTMLElement>(null);
  const problem = useSignal("");
  const said = page.data.value;
  const text = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!marked.current || !text.current) return;
    // By hand: scrollIntoView would move the whole page along.
    const [mark, box] = [marked.current.getBoundingClientRect(), text.current.getBoundingClientRect()];
    text.current.scrollTop += mark.top - box.top - Math.max(0, box.height - mark.height) / 2;
  }, [said]);
  const original = link(said?.uri ?? span.uri);
  return (
    <>
      <div class="pane-head line">
        <IconButton icon="left" label={t("evidence.back")} onClick={() => showEvidence(null)} />
        <h2 class="grow cut">{span.title || span.document}</h2>
        {operator() && <Judge span={span} run={run.id} problem={problem} />}
        {original && (
          <a
            class="icon-button"
            href={original}
            target="_blank"
            rel="noopener noreferrer"
            aria-label={t("evidence.original")}
            title={t("evidence.original")}
          >
            <Icon name="out" />
          </a>
        )}
      </div>
      <p class="pane-note meta">
        {[span.source, span.document, ...span.heading].join(" › ")}
        {span.date && ` · ${span.date}`}
      </p>
      {problem.value && <Problem text={problem.value} />}
      {page.problem.value && <Problem text={page.problem.value} />}
      {said?.changed && <p class="pane-note waiting">{t("page.changed")}</p>}
      <div ref={text} class="pane-body page-text" tabIndex={0} role="group" aria-label={t("page")}>
        {said && (
          <>
            {said.cut_before && "…"}
            {said.before}
            <mark ref={marked}>{said.quote}</mark>
            {said.after}
            {said.cut_after && "…"}
          </>
        )}
      </div>
    </>
  );
}
