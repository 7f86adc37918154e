// What every part of a run's screen is given: the run, and where in it the person looks.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { go, query, withQuery } from "../router";
import { command, told, type Done } from "../state/api";
import type { RunView } from "../state/run";

export const RunContext = createContext<RunView | null>(null);

export function useRun(): RunView {
  return useContext(RunContext)!;
}

/** Opens the page of a quote in the evidence pane, or closes it. */
export function showEvidence(key: string | null): void {
  go(withQuery({ evidence: key, pane: key ? "evidence" : (query.value.get("pane") ?? null) }));
}

/** Shows an event in the timeline. */
export function showEvent(seq: number | null): void {
  go(
    withQuery(seq === null ? { event: null } : { event: String(seq), tab: "timeline", pane: "work" }),
    seq === null,
  );
}

/** Sends a command; what goes wrong is told by `problem`, which is emptied before. */
export async function attempt(
  problem: { value: string },
  run: string,
  kind: string,
  args: object = {},
): Promise<Done | null> {
  problem.value = "";
  try {
    return await command(run, kind, args);
  } catch (error) {
    problem.value = told(error);
    return null;
  }
}
