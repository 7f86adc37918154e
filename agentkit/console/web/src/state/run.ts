// A run as this tab knows it: a snapshot, and every patch after it.
import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { get, told } from "./api";
import { followRun, type Live, type Patch } from "./stream";
import type { Row, RunState } from "./types";

const CHUNK = 500; // rows fetched at a time

/** The state with some values set: what lies on the way is copied, all else stays the same. */
export function assigned<T>(state: T, set: readonly [readonly string[], unknown][]): T {
  const copied = new Set<object>();
  const own = (value: unknown): Record<string, unknown> => {
    if (typeof value === "object" && value !== null && copied.has(value))
      return value as Record<string, unknown>;
    const copy = { ...(value as object) } as Record<string, unknown>;
    copied.add(copy);
    return copy;
  };
  let top = own(state);
  for (const [path, value] of set) {
    if (!path.length) {
      top = own(value);
      continue;
    }
    let at = top;
    for (const key of path.slice(0, -1)) at = at[key] = own(at[key]);
    const last = path[path.length - 1]!;
    if (value === null && path.length > 1 && removable(path)) delete at[last];
    else at[last] = value;
  }
  return top as T;
}

/** A null takes an entry out of one of the state's tables; deeper ones may be values. */
const TABLES = new Set([
  "steps",
  "tasks",
  "rules",
  "messages",
  "questions",
  "facets",
  "evidence",
  "gaps",
  "queries",
  "notices",
  "metrics",
  "artifacts",
]);
const removable = (path: readonly string[]) => path.length === 2 && TABLES.has(path[0]!);

/** What a run has of which nothing has been heard yet. */
const NOTHING = {
  now: null,
  steps: {},
  tasks: {},
  order: [],
  rules: {},
  messages: {},
  questions: {},
  facets: {},
  evidence: {},
  gaps: {},
  queries: {},
  notices: {},
  metrics: {},
  artifacts: {},
  plan: { state: "none", revision: 0, question: null },
  meter: {
    tokens: 0,
    prompt: 0,
    spent: 0,
    seconds: 0,
    since: null,
    steps: 0,
    calls: 0,
    price: null,
    models: {},
    nodes: {},
  },
} as const;

const whole = (state: object) => ({ ...NOTHING, ...state }) as unknown as RunState;

export class RunView {
  readonly state = signal<RunState | null>(null);
  readonly problem = signal("");
  readonly lost = signal(false);
  readonly progress = signal<Live | null>(null);
  readonly total = signal(0); // rows of the timeline
  readonly loaded = signal(0); // grows with every chunk of rows
  seq = 0;
  private rows: (Row | undefined)[] = [];
  private asked = new Set<number>();
  private stop: (() => void) | null = null;
  private closed = false;

  constructor(readonly id: string) {
    void this.load();
  }

  close(): void {
    this.closed = true;
    this.stop?.();
  }

  /** One table or object of the state; changes only where it did. */
  at<K extends keyof RunState>(key: K): ReadonlySignal<RunState[K] | undefined> {
    return computed(() => this.state.value?.[key]);
  }

  async load(): Promise<void> {
    this.stop?.();
    this.stop = null;
    try {
      const said = await get<{ id: string; seq: number; state: RunState }>(
        `/api/runs/${encodeURIComponent(this.id)}`,
      );
      if (this.closed) return;
      this.seq = said.seq;
      this.state.value = whole(said.state);
      this.total.value = said.seq;
      this.problem.value = "";
      this.stop = followRun(this);
    } catch (error) {
      this.problem.value = told(error);
    }
  }

  // -- what the stream brings ----------------------------------------------------------------------

  patch(patch: Patch): void {
    // One that begins and ends where we are tells of the run's own row, which has no events.
    if (patch.from !== this.seq) {
      if (patch.seq > this.seq) void this.load();
      return;
    }
    this.seq = patch.seq;
    for (const row of patch.rows) this.rows[row.seq - 1] = row;
    this.state.value = whole(assigned(this.state.value!, patch.set));
    this.total.value = patch.seq;
    const at = this.state.value.now?.position;
    if (this.progress.value && this.progress.value.position !== at) this.progress.value = null;
  }

  live(live: Live): void {
    this.progress.value = live;
  }

  gone(): void {
    this.lost.value = true;
  }

  // -- the timeline, all kinds: the row of seq n is the one with the index n - 1 -----------------------

  row(index: number): Row | undefined {
    return this.rows[index];
  }

  /** Fetches what is missing of rows [first, last). */
  async want(first: number, last: number): Promise<void> {
    for (let chunk = Math.floor(first / CHUNK); chunk * CHUNK < last; chunk++) {
      const from = chunk * CHUNK;
      const upto = Math.min(from + CHUNK, this.total.value);
      let gap = from;
      while (gap < upto && this.rows[gap]) gap++;
      if (gap === upto || this.asked.has(chunk)) continue;
      this.asked.add(chunk);
      try {
        const said = await get<{ rows: Row[] }>(
          `/api/runs/${encodeURIComponent(this.id)}/timeline?after=${from}&limit=${CHUNK}`,
        );
        for (const row of said.rows) this.rows[row.seq - 1] = row;
        this.loaded.value++;
      } catch (error) {
        this.problem.value = told(error);
      } finally {
        this.asked.delete(chunk);
      }
    }
  }
}
