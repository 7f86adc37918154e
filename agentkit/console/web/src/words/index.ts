// Every word that the page says, in the language that the person chose.
import { computed, signal } from "@preact/signals";
import { en, type Key } from "./en";
import { ko } from "./ko";

export type { Key };

export type Language = "en" | "ko";
const CATALOGUES: Record<Language, Record<Key, string>> = { en, ko };

export const language = signal<Language>("en");
// Made once a language: to make one takes far longer than to use it, and a list needs hundreds.
const rules = computed(() => new Intl.PluralRules(language.value));
const numbers = computed(() => new Intl.NumberFormat(language.value));
const spans = computed(() => new Intl.RelativeTimeFormat(language.value, { numeric: "auto" }));
const moments = computed(
  () => new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "medium" }),
);

type Values = Record<string, string | number>;

/** The text of a key with its {names} filled in. */
export function t(key: Key, values: Values = {}): string {
  return CATALOGUES[language.value][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in values ? shown(values[name]!) : whole,
  );
}

/** A text that counts: `key.one` or `key.other`, by the rules of the language. */
export function tn(key: Counted, n: number, values: Values = {}): string {
  const form = rules.value.select(n) === "one" ? "one" : "other";
  return t(`${key}.${form}` as Key, { n, ...values });
}

/** The text of a key that is put together, e.g. of a state; the last part itself where none is. */
export function tk(prefix: string, name: string, values: Values = {}): string {
  const key = `${prefix}.${name}`;
  return key in en ? t(key as Key, values) : name.replaceAll("_", " ");
}

export function shown(value: string | number): string {
  return typeof value === "number" ? numbers.value.format(value) : value;
}

type Counted = { [K in Key]: K extends `${infer Name}.one` ? Name : never }[Key];

/** How long, in the largest two units: "3 m 20 s". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t("time.s", { s });
  if (s < 3600) return t("time.ms", { m: Math.floor(s / 60), s: s % 60 });
  if (s < 86400) return t("time.hm", { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
  return t("time.dh", { d: Math.floor(s / 86400), h: Math.floor((s % 86400) / 3600) });
}

/** "2 minutes ago", from UTC seconds. */
export function ago(time: number, now: number): string {
  const s = Math.max(0, now - time);
  const format = spans.value;
  if (s < 5) return t("time.now");
  if (s < 60) return format.format(-Math.round(s), "second");
  if (s < 3600) return format.format(-Math.round(s / 60), "minute");
  if (s < 86400) return format.format(-Math.round(s / 3600), "hour");
  return format.format(-Math.round(s / 86400), "day");
}

export function exact(time: number): string {
  return moments.value.format(time * 1000);
}

/** "17:04:09", in the place where the person is. */
export function clock(time: number): string {
  const at = new Date(time * 1000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}
