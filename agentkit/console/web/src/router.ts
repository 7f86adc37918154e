// Where the person is: the address is the only memory of it, so a reload shows the same.
import { computed, signal } from "@preact/signals";

const address = signal(location.pathname + location.search);

addEventListener("popstate", () => {
  address.value = location.pathname + location.search;
});

export const path = computed(() =>
  address.value.split("?")[0]!.split("/").filter(Boolean).map(decodeURIComponent),
);
export const query = computed(() => new URLSearchParams(address.value.split("?")[1] ?? ""));

export function go(to: string, replace = false): void {
  if (to === address.value) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  address.value = to;
}

/** The present address with other values of its query; null takes one out. */
export function withQuery(values: Record<string, string | null>): string {
  const next = new URLSearchParams(query.value);
  for (const [key, value] of Object.entries(values)) {
    if (value === null) next.delete(key);
    else next.set(key, value);
  }
  const text = next.toString();
  return location.pathname + (text ? `?${text}` : "");
}

/** Plain clicks on own links stay in the page; all others are the browser's. */
export function follow(event: MouseEvent): void {
  const link = (event.target as Element).closest("a");
  if (!link || event.defaultPrevented || event.button !== 0 || link.target || link.hasAttribute("download"))
    return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href);
  if (
    to.origin !== location.origin ||
    to.pathname.startsWith("/api/") ||
    (to.hash && to.pathname === location.pathname)
  )
    return;
  event.preventDefault();
  go(to.pathname + to.search);
}
