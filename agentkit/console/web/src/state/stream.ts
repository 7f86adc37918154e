// One stream of events a tab. It carries whatever the screens look at; each reopening says how far
// every run was read, so nothing is missed or taken in twice.
import { signal } from "@preact/signals";
import { session } from "./api";
import type { Question, Row, Run } from "./types";

export interface Patch {
  run: string;
  from: number;
  seq: number;
  set: [string[], unknown][];
  rows: Row[];
}
export interface Live {
  run: string;
  position: string;
  text: string;
  done: number | null;
  draft: string;
}
export interface Followed {
  id: string;
  seq: number;
  patch(patch: Patch): void;
  live(live: Live): void;
  gone(): void;
}
export interface ListReader {
  rows(runs: Run[], gone: string[]): void;
  opened(): void;
}

export type Asked = Question & { run: Run };

export const connection = signal<"connecting" | "open" | "lost">("connecting");
export const asked = signal<Asked[]>([]);

const followed = new Set<Followed>();
const readers = new Set<ListReader>();
const HIDDEN = 10_000; // ms after which a tab that nobody sees gives its connection back
let source: EventSource | null = null;
let tries = 0;
let timer = 0;
let planned = false;

export function followRun(run: Followed): () => void {
  followed.add(run);
  plan();
  return () => {
    followed.delete(run);
    plan();
  };
}

export function followList(reader: ListReader): () => void {
  readers.add(reader);
  plan();
  return () => {
    readers.delete(reader);
    plan();
  };
}

/** Opens the stream again when the present work is done; several changes make one opening. */
function plan(): void {
  if (planned) return;
  planned = true;
  queueMicrotask(() => {
    planned = false;
    open();
  });
}

export function open(): void {
  close();
  if (!session.value || session.value === "unknown") return;
  const runs = [...followed].map((run) => `${run.id}:${run.seq}`).join(",");
  const wanted = new URLSearchParams({ inbox: "1" });
  if (runs) wanted.set("runs", runs);
  if (readers.size) wanted.set("list", "1");
  const mine = (source = new EventSource(`/api/stream?${wanted}`));
  const on = <T>(kind: string, take: (data: T) => void) =>
    mine.addEventListener(kind, (event) => mine === source && take(JSON.parse((event as MessageEvent).data)));
  mine.onopen = () => {
    if (mine !== source) return;
    tries = 0;
    connection.value = "open";
    for (const reader of readers) reader.opened();
  };
  mine.onerror = () => mine === source && again();
  on<Patch>("run", (patch) => each(patch.run, (run) => run.patch(patch)));
  on<Live>("live", (live) => each(live.run, (run) => run.live(live)));
  on<{ run: string }>("gone", (data) => each(data.run, (run) => run.gone()));
  on<{ runs: Run[]; gone: string[] }>("runs", (data) => readers.forEach((r) => r.rows(data.runs, data.gone)));
  on<{ questions: Asked[] }>("inbox", (data) => (asked.value = data.questions));
  on("bye", again);
}

export function close(): void {
  clearTimeout(timer);
  source?.close();
  source = null;
}

/** Connects anew from where each run stands by now. The browser's own reconnecting is not waited
 * for: it gives up on some errors, and knows nothing of runs that were opened since. */
function again(): void {
  close();
  connection.value = "lost";
  timer = setTimeout(
    async () => {
      if (await dismissed()) session.value = null;
      else open();
    },
    Math.min(250 * 2 ** tries++, 8000),
  );
}

/** Whether the server is there and does not know us any more; an EventSource cannot tell. */
async function dismissed(): Promise<boolean> {
  return fetch("/api/session").then(
    (answer) => answer.status === 401,
    () => false,
  );
}

function each(id: string, act: (run: Followed) => void): void {
  for (const run of followed) if (run.id === id) act(run);
}

addEventListener("online", () => source || open());
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.visibilityState === "visible") {
    if (!source) open();
  } else {
    timer = setTimeout(close, HIDDEN);
  }
});
