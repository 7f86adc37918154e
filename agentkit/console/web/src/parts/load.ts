// Something that is read from the server once, and again when asked.
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, told } from "../state/api";

export interface Loaded<T> {
  data: ReadonlySignal<T | null>;
  problem: ReadonlySignal<string>;
  again: () => void;
}

/** Null as path: nothing is read. Answers that come after another request was made are dropped. */
export function useGet<T>(path: string | null, ...when: readonly unknown[]): Loaded<T> {
  const data = useSignal<T | null>(null);
  const problem = useSignal("");
  const turn = useRef(0);
  const load = () => {
    const mine = ++turn.current;
    if (path === null) {
      data.value = null;
      problem.value = "";
      return;
    }
    get<T>(path).then(
      (said) => {
        if (mine !== turn.current) return;
        data.value = said;
        problem.value = "";
      },
      (error) => {
        if (mine === turn.current) problem.value = told(error);
      },
    );
  };
  useEffect(load, [path, ...when]);
  return { data, problem, again: load };
}
