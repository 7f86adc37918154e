// Starting a run: what to find out or do, by which agent, with which of its settings and limits.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Problem } from "../parts/basics";
import { Fields, type Values } from "../parts/fields";
import { Icon } from "../parts/icon";
import { useGet } from "../parts/load";
import { go, query } from "../router";
import { Failed, once, post, put, told, type Fault } from "../state/api";
import type { Agent, AgentDetail, Run } from "../state/types";
import { t } from "../words";

const FIRST = ["mode", "approve", "sources"]; // settings that are not folded away

export function NewRun() {
  const agents = useGet<{ agents: Agent[]; default: string }>("/api/agents");
  const agent = useSignal(query.value.get("agent") ?? "");
  const name = agent.value || agents.data.value?.default || "";
  const detail = useGet<AgentDetail>(name ? `/api/agents/${encodeURIComponent(name)}` : null);
  const task = useSignal(query.value.get("task") ?? "");
  const settings = useSignal<Values>({});
  const limits = useSignal({ tokens: "", minutes: "", steps: "" });
  const files = useSignal<File[]>([]);
  const problem = useSignal("");
  const faults = useSignal<Fault[]>([]);
  const busy = useSignal("");
  const first = useRef<HTMLTextAreaElement>(null);
  useEffect(() => first.current?.focus(), []);

  useEffect(() => {
    settings.value = {};
  }, [name]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.value) return;
    problem.value = "";
    faults.value = [];
    if (!task.value.trim()) {
      problem.value = t("new.empty");
      return;
    }
    busy.value = t("new.starting");
    try {
      const { tokens, minutes, steps } = limits.value;
      const said = await once<{ run: Run }>("/api/runs", {
        agent: name,
        task: task.value,
        settings: settings.value,
        budget: {
          tokens: number(tokens),
          seconds: minutes ? Number(minutes) * 60 : null,
          steps: number(steps),
        },
        upload: await sent(files.value, busy),
      });
      go(`/runs/${encodeURIComponent(said.run.id)}`);
    } catch (error) {
      problem.value = told(error);
      if (error instanceof Failed) faults.value = error.fields;
    } finally {
      busy.value = "";
    }
  };

  const fields = detail.data.value?.settings ?? [];
  const shown = fields.filter((field) => FIRST.includes(field.name));
  const folded = fields.filter((field) => !FIRST.includes(field.name));
  const chosen = agents.data.value?.agents.find((one) => one.name === name);
  return (
    <div class="page narrow">
      <h1>{t("new")}</h1>
      <form class="stack roomy" onSubmit={submit} noValidate>
        {agents.problem.value && <Problem text={agents.problem.value} />}
        <label class="label">
          {t("new.agent")}
          <select class="field" value={name} onChange={(e) => (agent.value = e.currentTarget.value)}>
            {agents.data.value?.agents.map((one) => (
              <option key={one.name} value={one.name} disabled={!!one.error}>
                {one.name}
              </option>
            ))}
          </select>
          <span class="meta">{chosen?.error || detail.data.value?.summary || chosen?.summary}</span>
        </label>
        <label class="label">
          {t("new.task")}
          <textarea
            class="field"
            rows={4}
            aria-required="true"
            ref={first}
            placeholder={t("new.task.hint")}
            value={task.value}
            onInput={(e) => (task.value = e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) void submit(e);
            }}
          />
        </label>
        <Fields of={shown} values={settings} faults={faults.value} />
        {detail.data.value?.uploads && <Uploads files={files} />}
        <fieldset class="stack">
          <legend>{t("new.limits")}</legend>
          <div class="line wrap">
            {(["minutes", "tokens", "steps"] as const).map((limit) => (
              <label key={limit} class="label limit">
                {t(`new.${limit}`)}
                <input
                  class="field numbers"
                  type="number"
                  min="1"
                  step={limit === "minutes" ? "any" : "1"}
                  placeholder={t("new.nolimit")}
                  value={limits.value[limit]}
                  onInput={(e) => (limits.value = { ...limits.value, [limit]: e.currentTarget.value })}
                />
              </label>
            ))}
          </div>
        </fieldset>
        {folded.length > 0 && (
          <details>
            <summary>{t("new.more")}</summary>
            <div class="stack">
              <Fields of={folded} values={settings} faults={faults.value} />
            </div>
          </details>
        )}
        {problem.value && <Problem text={problem.value} />}
        <div class="line">
          <button class="button primary" disabled={!!busy.value || !!chosen?.error}>
            {busy.value || t("new.start")}
          </button>
          <span class="meta wide-only">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd>
          </span>
        </div>
      </form>
    </div>
  );
}

const number = (text: string) => (text ? Number(text) : null);

/** Sends the files and gives the name of the upload, null where there are none. */
async function sent(files: readonly File[], busy: Signal<string>): Promise<string | null> {
  if (!files.length) return null;
  const { upload } = await post<{ upload: string }>("/api/uploads", {});
  for (const file of files) {
    busy.value = t("new.uploading", { name: file.name });
    await put(`/api/uploads/${encodeURIComponent(upload)}/${encodeURIComponent(file.name)}`, file);
  }
  return upload;
}

function Uploads({ files }: { files: Signal<File[]> }) {
  return (
    <div class="label">
      <label class="label files">
        {t("new.files")}
        <span class="line">
          <span class="button">
            <Icon name="plus" />
            {t("new.files.choose")}
          </span>
          <span class="meta">{t("new.files.hint")}</span>
        </span>
        <input
          class="hidden-text"
          type="file"
          multiple
          onChange={(e) => {
            files.value = [...files.value, ...(e.currentTarget.files ?? [])];
            e.currentTarget.value = "";
          }}
        />
      </label>
      {files.value.length > 0 && (
        <ul>
          {files.value.map((file) => (
            <li key={file.name} class="line">
              <span class="cut">{file.name}</span>
              <button
                type="button"
                class="button plain"
                onClick={() => (files.value = files.value.filter((f) => f !== file))}
              >
                {t("remove")}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
