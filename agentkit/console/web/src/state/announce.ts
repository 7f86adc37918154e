// What is read out to people who do not see the page: at most one sentence in five seconds.
import { signal } from "@preact/signals";

const REST = 5000; // ms
export const announced = signal("");
let next = "";
let timer = 0;
let last = 0;

export function announce(text: string): void {
  next = text;
  if (timer) return;
  timer = setTimeout(
    () => {
      timer = 0;
      last = Date.now();
      announced.value = next;
    },
    Math.max(0, last + REST - Date.now()),
  );
}
