// The report: every sentence with how far it is borne out, every citation leading to its quote.
import { useId } from "preact/hooks";
import { Empty, Problem } from "../parts/basics";
import { Grid } from "../parts/grid";
import { Icon, type IconName } from "../parts/icon";
import { link } from "../parts/link";
import { useGet } from "../parts/load";
import { Markdown } from "../parts/markdown";
import { query } from "../router";
import type { Quote, Report } from "../state/types";
import { t, tk } from "../words";
import { showEvidence, useRun } from "./context";

const MARKS: Record<string, [IconName, string]> = {
  quoted: ["check", "good"],
  supported: ["half", "accent"],
  weak: ["warn", "waiting"],
};

export function ReportView() {
  const run = useRun();
  const at = run.state.value!.report?.seq;
  const report = useGet<Report>(at ? `/api/runs/${encodeURIComponent(run.id)}/report` : null, at);
  if (!at) return <Result />;
  if (report.problem.value) return <Problem text={report.problem.value} />;
  if (!report.data.value) return null;
  return <Written report={report.data.value} />;
}

/** Agents that write no report have a result: its text, or its data. */
function Result() {
  const run = useRun();
  const result = useGet<{ text: string; data: unknown }>(`/api/runs/${encodeURIComponent(run.id)}/result`);
  if (result.problem.value) return <Problem text={result.problem.value} />;
  const said = result.data.value;
  if (!said) return null;
  return (
    <article class="report">
      {said.text ? <Markdown text={said.text} /> : <pre>{JSON.stringify(said.data, null, 1)}</pre>}
    </article>
  );
}

function Written({ report }: { report: Report }) {
  const asked = useRun().state.value!.run.task;
  // Numbers are those of documents: of several quotes of one, the section's own comes first.
  const every = report.sections.flatMap((section) => section.quotes);
  const cited = (number: number, nearby: readonly Quote[] = []) =>
    [...nearby, ...every].find((quote) => quote.number === number);
  return (
    <article class="report" aria-label={t("report")}>
      {report.title !== asked && <h1>{report.title}</h1>}
      <p class="meta line wrap">
        <span>{tk("report", report.status)}</span>
        <span>{t("report.coverage", { percent: Math.round(report.coverage * 100) })}</span>
      </p>
      {report.reason && <p class="banner-note waiting">{report.reason}</p>}
      {!report.sections.length && !report.missing.length && <Empty title={t("report.empty")} />}
      {report.sections.map((section, n) => (
        <section key={n}>
          <h2>{section.title}</h2>
          {section.note && <p class="waiting">{section.note}</p>}
          {section.sentences.length > 0 && (
            <ul class="sentences">
              {section.sentences.map((sentence, i) => (
                <li key={i} data-mark={sentence.mark}>
                  <Mark of={sentence.mark} /> {sentence.text}{" "}
                  {sentence.quotes.map((number) => (
                    <Cite key={number} quote={cited(number, section.quotes)} number={number} />
                  ))}
                </li>
              ))}
            </ul>
          )}
          {section.quotes
            .filter((quote) => !told(section.sentences, quote))
            .map((quote) => (
              <blockquote key={quote.number}>
                {quote.text} <Cite quote={quote} number={quote.number} />
                <footer class="meta">
                  <Mark of="quoted" /> {quote.title}
                </footer>
              </blockquote>
            ))}
        </section>
      ))}
      {report.conflicts.length > 0 && (
        <section>
          <h2>{t("report.conflicts")}</h2>
          {report.conflicts.map((conflict) => (
            <div key={conflict.title}>
              <p>{conflict.title}</p>
              <ul class="sentences">
                {conflict.sides.map((side, i) => (
                  <li key={i}>
                    {side.text} <Cite quote={cited(side.number)} number={side.number} />
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </section>
      )}
      {report.missing.length > 0 && (
        <section>
          <h2>{t("report.missing")}</h2>
          {report.missing.map((one) => (
            <div key={one.title}>
              <p>
                {one.title}: <span class="quiet">{one.why}</span>
              </p>
              <ul class="plain-list meta">
                {one.queries.map((asked) => (
                  <li key={asked}>{asked}</li>
                ))}
              </ul>
            </div>
          ))}
        </section>
      )}
      {report.tables.map((table, n) => (
        <Grid key={n} title={table.title} columns={table.columns} rows={table.rows} />
      ))}
      {report.limits.length > 0 && (
        <section>
          <h2>{t("report.limits")}</h2>
          <ul class="plain-list">
            {report.limits.map((limit) => (
              <li key={limit}>{limit}</li>
            ))}
          </ul>
        </section>
      )}
      {report.references.length > 0 && (
        <section>
          <h2>{t("report.references")}</h2>
          <ol class="references">
            {report.references.map((one) => (
              <li key={one.number} value={one.number}>
                {link(one.uri) ? (
                  <a href={link(one.uri)!} target="_blank" rel="noopener noreferrer">
                    {one.title || one.document}
                  </a>
                ) : (
                  one.title || one.document
                )}{" "}
                <span class="meta">{one.document}</span>
              </li>
            ))}
          </ol>
        </section>
      )}
    </article>
  );
}

/** A quote that a sentence repeats word for word stands there already. */
const told = (sentences: Report["sections"][number]["sentences"], quote: Quote) =>
  sentences.some(
    (sentence) =>
      sentence.mark === "quoted" &&
      sentence.quotes.includes(quote.number) &&
      sentence.text.includes(quote.text),
  );

function Mark({ of }: { of: string }) {
  const [icon, colour] = MARKS[of] ?? ["ring", "quiet"];
  const word = tk("mark", of);
  return (
    <span class={`support ${colour}`} title={word}>
      <Icon name={icon} />
      <span class="hidden-text">{word}</span>
    </span>
  );
}

/** A number that opens the quote in its page; the quote itself is told on focus and hover. */
function Cite({ quote, number }: { quote: Quote | undefined; number: number }) {
  const id = useId();
  const chosen = quote !== undefined && query.value.get("evidence") === quote.key;
  if (!quote) return <span class="cite">[{number}]</span>;
  return (
    <span class="cite-of">
      <button
        type="button"
        class="cite"
        aria-pressed={chosen}
        aria-label={t("cite", { n: number, title: quote.title })}
        aria-describedby={id}
        onClick={() => showEvidence(quote.key)}
      >
        {number}
      </button>
      <span class="cite-tip" role="tooltip" id={id}>
        {quote.text}
      </span>
    </span>
  );
}
