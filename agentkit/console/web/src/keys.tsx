// The keyboard: single keys that work wherever nothing is being typed, and the sheet of them all.
import { useLayoutEffect } from "preact/hooks";
import { Dialog } from "./parts/basics";
import { go } from "./router";
import { keysOn } from "./state/settings";
import { t, type Key } from "./words";

/** What screens do on a key while they are shown. */
export const actions = new Map<string, () => void>();

// At once, not after the next paint: whoever sees the screen may press.
export function useAction(key: string, act: () => void): void {
  useLayoutEffect(() => {
    actions.set(key, act);
    return () => {
      if (actions.get(key) === act) actions.delete(key);
    };
  });
}

const SHEET: readonly (readonly [Key, readonly (readonly [string, Key])[]])[] = [
  [
    "keys.everywhere",
    [
      ["?", "keys.sheet"],
      ["/", "keys.search"],
      ["n", "keys.new"],
      ["g r", "keys.runs"],
      ["g i", "keys.inbox"],
      ["g e", "keys.results"],
      ["g s", "keys.settings"],
    ],
  ],
  [
    "keys.run",
    [
      ["s", "keys.steer"],
      ["p", "keys.pause"],
      ["1 2 3", "keys.panes"],
      ["[ ]", "keys.tabs"],
      ["a", "keys.add"],
      ["e", "keys.export"],
    ],
  ],
  [
    "keys.lists",
    [
      ["↑ ↓", "keys.move"],
      ["Enter", "keys.open"],
      ["Alt ↑ ↓", "keys.reorder"],
      ["Del", "keys.cancel"],
      ["Home End", "keys.ends"],
    ],
  ],
];

const GO: Record<string, string> = { r: "/", i: "/inbox", e: "/results", s: "/settings" };

export function useKeys(sheet: () => void): void {
  useLayoutEffect(() => {
    let going = -Infinity; // when "g" was pressed
    const pressed = (event: KeyboardEvent) => {
      if (keysOn.value === "off" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing)
        return;
      const at = event.target as HTMLElement;
      if (at.closest("input, textarea, select, [contenteditable], dialog")) return;
      const wasGoing = event.timeStamp - going < 1500;
      going = -Infinity;
      const to = GO[event.key];
      if (wasGoing && to) go(to);
      else if (event.key === "g") going = event.timeStamp;
      else if (event.key === "?") sheet();
      else if (actions.has(event.key)) actions.get(event.key)!();
      else if (event.key === "n") go("/new");
      else if (event.key === "/") go("/?search=1");
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

export function Keys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t("keys")} onClose={onClose}>
      <div class="key-sheet">
        {SHEET.map(([title, keys]) => (
          <section key={title}>
            <h3>{t(title)}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key} class="line">
                  <dt>
                    {key.split(" ").map((one) => (
                      <kbd key={one}>{one}</kbd>
                    ))}
                  </dt>
                  <dd>{t(what)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="meta">{t("keys.off")}</p>
    </Dialog>
  );
}
