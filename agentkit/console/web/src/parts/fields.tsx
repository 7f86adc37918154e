// The settings of an agent as a form, made from what the server says of them.
import { useSignal, type Signal } from "@preact/signals";
import { get, told, type Fault } from "../state/api";
import type { Field, Parts, Tested } from "../state/types";
import { duration, t, tk, tn } from "../words";
import { useGet } from "./load";

export type Values = Record<string, unknown>;

export function Fields({
  of,
  values,
  faults,
}: {
  of: readonly Field[];
  values: Signal<Values>;
  faults: readonly Fault[];
}) {
  const set = (field: Field, value: unknown) => {
    const next = { ...values.value };
    if (value === undefined || value === "") delete next[field.name];
    else next[field.name] = value;
    values.value = next;
  };
  return (
    <>
      {of.map((field) => (
        <One
          key={field.name}
          field={field}
          value={values.value[field.name]}
          set={(value) => set(field, value)}
          fault={fault(faults, field.name)}
        />
      ))}
    </>
  );
}

/** The server names a field by its path, e.g. "settings.mode". */
const fault = (faults: readonly Fault[], name: string) =>
  faults.find((one) => one.field.split(".").pop() === name)?.message ?? "";

interface OneProps {
  field: Field;
  value: unknown;
  set: (value: unknown) => void;
  fault: string;
}

function One({ field, value, set, fault }: OneProps) {
  const title =
    tk("field", field.name) === field.name.replaceAll("_", " ") ? field.title : tk("field", field.name);
  const wrong = fault && <span class="bad">{fault}</span>;
  const help = field.help && <span class="meta">{field.help}</span>;
  if (field.kind === "switch") {
    const on = value === undefined ? field.default === true : value === true;
    return (
      <div class="label">
        <label class="check">
          <input type="checkbox" checked={on} onChange={(e) => set(e.currentTarget.checked)} />
          {title}
        </label>
        {help}
        {wrong}
      </div>
    );
  }
  if (field.kind === "parts")
    return <Several field={field} title={title} value={value} set={set} fault={fault} />;
  if (field.kind === "choice" || field.kind === "part") {
    return (
      <label class="label">
        {title}
        <select
          class="field"
          value={String(value ?? field.default ?? "")}
          onChange={(e) => set(e.currentTarget.value)}
        >
          {!field.required && !field.choices.includes("") && field.default == null && (
            <option value="">{t("none")}</option>
          )}
          {field.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice ? tk("choice", choice) : t("none")}
            </option>
          ))}
        </select>
        {help}
        {wrong}
      </label>
    );
  }
  const shared = {
    class: "field",
    placeholder: field.default == null || field.default === "" ? "" : String(field.default),
    value: value === undefined ? "" : String(value),
  };
  const numeric = field.kind === "number" || field.kind === "integer";
  return (
    <label class="label">
      {title}
      {numeric ? (
        <input
          {...shared}
          type="number"
          step={field.kind === "integer" ? "1" : "any"}
          min={field.least}
          max={field.most}
          onInput={(e) => set(e.currentTarget.value === "" ? undefined : Number(e.currentTarget.value))}
        />
      ) : (
        <input {...shared} type="text" onInput={(e) => set(e.currentTarget.value || undefined)} />
      )}
      {help}
      {wrong}
    </label>
  );
}

/** Parts to choose among; sources can be tried first. */
function Several({ field, title, value, set, fault }: OneProps & { title: string }) {
  const parts = useGet<Parts>(field.name === "sources" ? "/api/parts" : null);
  const chosen = (value as string[] | undefined) ?? (field.default as string[] | null) ?? [];
  const about = new Map(parts.data.value?.sources.map((part) => [part.name, part.summary]));
  return (
    <fieldset class="stack tight">
      <legend>{title}</legend>
      {field.choices.map((name) => (
        <div key={name} class="line wrap">
          <label class="check">
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={(e) =>
                set(e.currentTarget.checked ? [...chosen, name] : chosen.filter((one) => one !== name))
              }
            />
            {name}
          </label>
          <span class="meta grow">{about.get(name)}</span>
          {field.name === "sources" && <Try source={name} />}
        </div>
      ))}
      {!field.choices.length && <span class="meta">{t("fields.noparts")}</span>}
      {field.help && <span class="meta">{field.help}</span>}
      {fault && <span class="bad">{fault}</span>}
    </fieldset>
  );
}

function Try({ source }: { source: string }) {
  const said = useSignal("");
  const test = async () => {
    said.value = t("source.trying");
    try {
      const found = await get<Tested>(`/api/sources/${encodeURIComponent(source)}/test`);
      const what = found.hits.length ? tn("source.hits", found.hits.length) : tk("source", found.status);
      said.value = [what, found.reason, duration(found.seconds)].filter(Boolean).join(" · ");
    } catch (error) {
      said.value = told(error);
    }
  };
  return (
    <>
      <button type="button" class="button" onClick={() => void test()}>
        {t("source.try")}
      </button>
      {said.value && (
        <span class="meta" role="status">
          {said.value}
        </span>
      )}
    </>
  );
}
