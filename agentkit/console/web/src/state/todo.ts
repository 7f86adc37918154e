// The todo list as it will be once the agent has read what waits in its inbox.
import type { Edit, Message, RunState, Task } from "./types";

export interface Shown extends Task {
  /** What will change, in the words of the edit; empty where nothing waits. */
  waiting: Edit["op"][];
}

const OPEN = ["pending", "in_progress"];
const RANK: Record<string, number> = { in_progress: 0, pending: 1, blocked: 2, done: 3, cancelled: 4 };

/** Running tasks, then pending ones in the order in which they will run, then what has ended. Edits
 * that are still queued are shown as if they were done, and marked. */
export function projected({
  tasks,
  order,
  messages,
}: Pick<RunState, "tasks" | "order" | "messages">): Shown[] {
  const places = new Map(order.map((id, place) => [id, place]));
  const placed = (task: Task) => places.get(task.id) ?? Number.MAX_SAFE_INTEGER;
  const list: Shown[] = Object.values(tasks).map((task) => ({ ...task, waiting: [] }));
  list.sort(
    (a, b) => (RANK[a.status] ?? 1) - (RANK[b.status] ?? 1) || placed(a) - placed(b) || number(a) - number(b),
  );
  const queued = Object.values(messages)
    .filter((m) => m.state === "queued")
    .sort((a, b) => a.seq - b.seq);
  for (const message of queued) message.edits.forEach((edit, index) => apply(list, edit, message, index));
  return list;
}

const number = (task: Task) => Number(task.id.replace(/\D/g, "")) || 0;

function apply(list: Shown[], edit: Edit, message: Message, index: number): void {
  if (edit.op === "add") {
    const after = edit.after ? list.findIndex((task) => task.id === edit.after) + 1 : 0;
    list.splice(after || endOfOpen(list), 0, fresh(edit.title, `${message.id}+${index}`, message));
    return;
  }
  if (edit.op === "order") {
    const order = edit.tasks
      .map((id) => list.find((task) => task.id === id))
      .filter((task) => task !== undefined);
    const moved = order.filter((task) => task.status === "pending");
    const places = moved.map((task) => list.indexOf(task)).sort((a, b) => a - b);
    const before = places.map((place) => list[place]!.id);
    moved.forEach((task, n) => {
      list[places[n]!] = task;
      if (before[n] !== task.id) task.waiting.push("order");
    });
    return;
  }
  if (!("task" in edit)) return; // marks of quotes are no edits of the list
  const task = list.find((t) => t.id === edit.task);
  if (!task) return;
  task.waiting.push(edit.op);
  if (edit.op === "cancel") task.status = "cancelled";
  else if (edit.op === "retry") task.status = "pending";
  else {
    task.title = edit.title ?? task.title;
    task.query = edit.query ?? task.query;
    task.priority = edit.priority ?? task.priority;
    task.depends_on = edit.depends_on ?? task.depends_on;
  }
}

function endOfOpen(list: Shown[]): number {
  let end = 0;
  list.forEach((task, i) => {
    if (OPEN.includes(task.status)) end = i + 1;
  });
  return end;
}

function fresh(title: string, id: string, message: Message): Shown {
  return {
    id,
    title,
    query: "",
    status: "pending",
    priority: 0,
    order: 0,
    facet: -1,
    origin: "person",
    parent: "",
    depends_on: [],
    sources: [],
    evidence: 0,
    reason: "",
    author: message.author,
    version: message.seq,
    queued: [message.id],
    history: [],
    waiting: ["add"],
  };
}

/** The ids of the tasks whose order can be changed, in that order. */
export function movable(list: readonly Shown[]): string[] {
  return list
    .filter((task) => task.status === "pending" && !task.waiting.includes("add"))
    .map((task) => task.id);
}

/** The ids with one of them moved to another place, or null where there is none. */
export function moved(ids: readonly string[], id: string, to: number): string[] | null {
  const from = ids.indexOf(id);
  if (from < 0 || to < 0 || to >= ids.length || from === to) return null;
  const made = ids.filter((one) => one !== id);
  made.splice(to, 0, id);
  return made;
}
