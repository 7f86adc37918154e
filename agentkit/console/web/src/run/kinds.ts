// How kinds of events look.
import type { IconName } from "../parts/icon";
import { tk } from "../words";

const BY_KIND: Record<string, [IconName, string]> = {
  "model.asked": ["ring", "quiet"],
  "model.done": ["dot", "accent"],
  "evidence.added": ["quote", "good"],
  "question.asked": ["ask", "waiting"],
  "plan.approved": ["check", "good"],
  "plan.refused": ["cross", "bad"],
  "injection.found": ["warn", "bad"],
  "gap.found": ["ring", "waiting"],
  error: ["cross", "bad"],
  warning: ["warn", "waiting"],
  artifact: ["save", "quiet"],
  metric: ["chart", "quiet"],
};

const BY_FAMILY: Record<string, [IconName, string]> = {
  model: ["dot", "accent"],
  search: ["search", "quiet"],
  query: ["search", "quiet"],
  open: ["list", "quiet"],
  action: ["phone", "quiet"],
  tool: ["gear", "quiet"],
  guard: ["warn", "waiting"],
  question: ["ask", "quiet"],
  inbox: ["inbox", "quiet"],
  message: ["inbox", "quiet"],
  directive: ["pencil", "quiet"],
  plan: ["list", "quiet"],
  todo: ["list", "quiet"],
  run: ["play", "quiet"],
  node: ["right", "quiet"],
};

/** What a kind is called; its family's name where it has none of its own. */
export function kindWord(kind: string): string {
  const own = tk("kind", kind);
  return own === kind ? tk("family", kind.split(".")[0]!) : own;
}

export function kindIcon(kind: string): [IconName, string] {
  return BY_KIND[kind] ?? BY_FAMILY[kind.split(".")[0]!] ?? ["ring", "quiet"];
}
