// What the person likes, what the server is, and who did what.
import { Problem, When } from "../parts/basics";
import { useGet } from "../parts/load";
import { leave, operator } from "../state/api";
import { keysOn, speak, theme, type Theme } from "../state/settings";
import type { About, Audit, Parts } from "../state/types";
import { language, t, type Language } from "../words";

const LANGUAGES: readonly (readonly [Language, string])[] = [
  ["en", "English"],
  ["ko", "한국어"],
];

export function Settings() {
  const about = useGet<About>("/api/about");
  const parts = useGet<Parts>("/api/parts");
  return (
    <div class="page narrow stack roomy">
      <h1>{t("settings")}</h1>
      <section class="stack">
        <h2>{t("settings.look")}</h2>
        <Choice
          name="theme"
          title={t("settings.theme")}
          now={theme.value}
          of={(["system", "light", "dark"] as const).map((id) => [id, t(`theme.${id}`)])}
          set={(id) => (theme.value = id as Theme)}
        />
        <Choice
          name="language"
          title={t("settings.language")}
          now={language.value}
          of={LANGUAGES}
          set={(id) => speak(id as Language)}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={keysOn.value === "on"}
            onChange={(e) => (keysOn.value = e.currentTarget.checked ? "on" : "off")}
          />
          {t("settings.keys")}
        </label>
      </section>
      <section class="stack">
        <h2>{t("settings.server")}</h2>
        {about.problem.value && <Problem text={about.problem.value} />}
        {about.data.value && (
          <dl class="facts">
            <dt>{t("settings.version")}</dt>
            <dd>{about.data.value.version}</dd>
            {about.data.value.store && [
              <dt key="store">{t("settings.store")}</dt>,
              <dd key="at" class="mono">
                {about.data.value.store}
              </dd>,
            ]}
            <dt>{t("settings.role")}</dt>
            <dd>{operator() ? t("role.operator") : t("role.viewer")}</dd>
          </dl>
        )}
        <div>
          <button type="button" class="button" onClick={() => void leave()}>
            {t("settings.leave")}
          </button>
        </div>
      </section>
      <section class="stack">
        <h2>{t("settings.parts")}</h2>
        <p class="meta">{t("settings.parts.how")}</p>
        {parts.data.value && <PartsTable parts={parts.data.value} />}
      </section>
      {operator() && <Log />}
    </div>
  );
}

function Choice(props: {
  name: string;
  title: string;
  now: string;
  of: readonly (readonly [string, string])[];
  set: (id: string) => void;
}) {
  return (
    <fieldset class="line wrap">
      <legend>{props.title}</legend>
      {props.of.map(([id, text]) => (
        <label key={id} class="check" lang={props.name === "language" ? id : undefined}>
          <input
            type="radio"
            name={props.name}
            value={id}
            checked={props.now === id}
            onChange={() => props.set(id)}
          />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

function PartsTable({ parts }: { parts: Parts }) {
  const rows = (["models", "sources", "environments"] as const).flatMap((noun) =>
    parts[noun].map((part) => ({ noun, ...part })),
  );
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={t("settings.parts")}>
      <table class="parts">
        <thead>
          <tr>
            <th>{t("parts.noun")}</th>
            <th>{t("parts.name")}</th>
            <th>{t("parts.use")}</th>
            <th>{t("parts.summary")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.noun}.${row.name}`}>
              <td class="quiet">{t(`parts.${row.noun}`)}</td>
              <td class="mono">{row.name}</td>
              <td class="mono">{row.use}</td>
              <td>{row.summary}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Log() {
  const log = useGet<{ entries: Audit[] }>("/api/audit?limit=100");
  return (
    <section class="stack">
      <h2>{t("settings.audit")}</h2>
      {log.problem.value && <Problem text={log.problem.value} />}
      <div class="scroll-x tall" tabIndex={0} role="group" aria-label={t("settings.audit")}>
        <table>
          <tbody>
            {log.data.value?.entries.map((entry) => (
              <tr key={entry.id}>
                <td class="quiet">
                  <When time={entry.time} />
                </td>
                <td>{entry.who}</td>
                <td class="mono">{entry.kind}</td>
                <td>
                  {entry.run && <a href={`/runs/${encodeURIComponent(entry.run)}`}>{entry.run.slice(-6)}</a>}
                </td>
                <td class="number">{entry.status}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
