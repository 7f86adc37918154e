// What may be taken along: the report in several forms, the log, and the files that the run made.
import { Problem, When } from "../parts/basics";
import { Icon } from "../parts/icon";
import { useGet } from "../parts/load";
import { language, shown, t, type Language } from "../words";
import { useRun } from "./context";

interface Export {
  name: string;
  title: string;
  titles: Partial<Record<Language, string>>;
  media_type: string;
}

export function Files() {
  const run = useRun();
  const state = run.state.value!;
  const base = `/api/runs/${encodeURIComponent(run.id)}`;
  const exports = useGet<{ exports: Export[] }>(`${base}/exports`, state.run.status, state.report?.seq);
  const offered = [...(exports.data.value?.exports ?? [])].sort((a, b) => rank(a) - rank(b));
  const made = Object.values(state.artifacts).sort((a, b) => b.seq - a.seq);
  return (
    <div class="padded stack roomy">
      <section class="stack">
        <h2>{t("export")}</h2>
        {exports.problem.value && <Problem text={exports.problem.value} />}
        <ul class="downloads">
          {offered.map((one) => (
            <li key={one.name}>
              <a
                class="button"
                href={`${base}/exports/${encodeURIComponent(one.name)}`}
                download={`${run.id}-${one.name}`}
              >
                <Icon name="save" />
                {one.titles[language.value] ?? one.title}
              </a>
            </li>
          ))}
        </ul>
        {!state.report && <p class="meta">{t("export.later")}</p>}
      </section>
      {made.length > 0 && (
        <section class="stack">
          <h2>{t("files.made")}</h2>
          <ul class="plain-list">
            {made.map((file) => (
              <li key={file.name} class="line">
                <a
                  href={`${base}/artifacts/${encodeURIComponent(file.name)}`}
                  download={file.name}
                  class="cut"
                >
                  {file.name}
                </a>
                <span class="meta numbers">{size(file.size)}</span>
                <span class="meta mono cut">{file.media_type}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <p class="meta">
        {t("files.run")} <code>{run.id}</code> · {t("files.seed")} {state.run.seed} ·{" "}
        <When time={state.run.created} />
      </p>
    </div>
  );
}

/** The report first, then what came to it, then the log. */
const rank = (one: Export) =>
  ["report", "todo", "evidence", "trajectory", "run"].indexOf(one.name.split(".")[0]!);

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${shown(Math.round(bytes / 100) / 10)} kB`;
  return `${shown(Math.round(bytes / 1e5) / 10)} MB`;
}
