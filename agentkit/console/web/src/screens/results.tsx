// The results of experiments, as `agentkit bench` wrote them.
import { Empty, Problem } from "../parts/basics";
import { Grid } from "../parts/grid";
import { useGet } from "../parts/load";
import type { Figure, Result } from "../state/types";
import { shown, t } from "../words";

export function Results({ name }: { name: string }) {
  const all = useGet<{ results: Result[] }>("/api/results");
  const results = all.data.value?.results ?? [];
  const one = results.find((result) => result.name === name);
  if (all.problem.value)
    return (
      <div class="page">
        <Problem text={all.problem.value} />
      </div>
    );
  if (name && one) return <One result={one} />;
  return (
    <div class="page">
      <h1>{t("results")}</h1>
      {all.data.value && !results.length && (
        <Empty title={t("results.none")}>
          <p>
            <code>agentkit bench --all</code>
          </p>
        </Empty>
      )}
      <ul class="results">
        {results.map((result) => (
          <li key={result.name}>
            <a href={`/results/${encodeURIComponent(result.name)}`} class="mono">
              {result.name}
            </a>
            <p>{result.question}</p>
            <p class="meta">{result.verdict}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}

function One({ result }: { result: Result }) {
  return (
    <article class="page stack reading">
      <p class="meta">
        <a href="/results">{t("results")}</a> / {result.name}
      </p>
      <h1>{result.question}</h1>
      <p>{result.verdict}</p>
      <dl class="facts">
        {result.paper_claim && [
          <dt key="claim">{t("results.claim")}</dt>,
          <dd key="says">{result.paper_claim}</dd>,
        ]}
        <dt>{t("results.command")}</dt>
        <dd class="mono">{result.command}</dd>
        <dt>{t("results.seeds")}</dt>
        <dd class="numbers">{result.seeds?.join(", ")}</dd>
        <dt>{t("results.commit")}</dt>
        <dd class="mono">{String(result.commit).slice(0, 12)}</dd>
      </dl>
      {result.picture && (
        <img
          class="picture"
          src={`/api/results/${encodeURIComponent(result.name)}.png`}
          alt={t("results.picture", { name: result.name })}
        />
      )}
      <Figures title={t("results.measured")} of={result.metrics} />
      {Object.entries(result.baselines ?? {}).map(([who, figures]) => (
        <Figures key={who} title={who} of={figures} />
      ))}
    </article>
  );
}

function Figures({ title, of }: { title: string; of: Record<string, Figure> }) {
  const rows = Object.entries(of).map(([key, figure]) => [
    key,
    `${round(figure.value)} ${figure.unit ?? ""}`,
    figure.low != null && figure.high != null ? `${round(figure.low)} – ${round(figure.high)}` : "",
    figure.n ?? null,
  ]);
  return (
    <Grid
      title={title}
      columns={[t("results.what"), t("results.value"), t("results.range"), "n"]}
      rows={rows}
    />
  );
}

const round = (value: unknown) =>
  typeof value === "number" ? shown(Number(value.toPrecision(4))) : String(value ?? "");
