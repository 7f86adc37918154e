// What the person chose for this browser.
import { effect, signal, type Signal } from "@preact/signals";
import { language, type Language } from "../words";

export type Theme = "system" | "light" | "dark";

function kept<T extends string>(key: string, first: T, allowed: readonly T[]): Signal<T> {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(key);
  } catch {
    // storage is off: the choice lasts as long as the page
  }
  const value = signal<T>(allowed.includes(stored as T) ? (stored as T) : first);
  effect(() => {
    const now = value.value;
    try {
      localStorage.setItem(key, now);
    } catch {
      // as above
    }
  });
  return value;
}

export const theme = kept<Theme>("theme", "system", ["system", "light", "dark"]);
export const keysOn = kept<"on" | "off">("keys", "on", ["on", "off"]);
const chosen = kept<Language>("language", navigator.language.startsWith("ko") ? "ko" : "en", ["en", "ko"]);

export function speak(to: Language): void {
  chosen.value = to;
}

effect(() => {
  language.value = chosen.value;
  document.documentElement.lang = chosen.value;
});

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

/** How wide the person made the panes, in pixels; none where they left them. */
export function widths(): { plan?: number; evidence?: number } {
  try {
    return JSON.parse(localStorage.getItem("widths") ?? "{}");
  } catch {
    return {};
  }
}

export function keepWidths(now: { plan?: number; evidence?: number }): void {
  try {
    localStorage.setItem("widths", JSON.stringify(now));
  } catch {
    // as above
  }
}
