// The todo list, live: seen, changed, put in another order, by pointer and by keys.
import { useSignal, type Signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useAction } from "../keys";
import { Empty, IconButton, Menu, Problem, State, When } from "../parts/basics";
import { Icon } from "../parts/icon";
import { go, withQuery } from "../router";
import { announce } from "../state/announce";
import { command, Failed, operator, told } from "../state/api";
import { movable, moved, projected, type Shown } from "../state/todo";
import type { Task } from "../state/types";
import { t, tk, tn } from "../words";
import { attempt, useRun } from "./context";
import { PlanAnswerHere } from "./question";

const SOME = 60; // tasks that are drawn at once; more on demand

export function Plan() {
  const run = useRun();
  const state = run.state.value!;
  const tasks = projected(state);
  const ids = movable(tasks);
  const open = useSignal("");
  const problem = useSignal("");
  const most = useSignal(SOME);
  const held = useSignal(""); // the task that is being dragged
  const add = useRef<HTMLInputElement>(null);
  const may = operator() && !["done", "cancelled"].includes(state.run.status);
  useAction("a", () => add.current?.focus());

  const list = useRef<HTMLOListElement>(null);
  const glide = useGlide(list);

  const order = async (ids: string[] | null, id: string) => {
    if (!ids) return;
    glide();
    if (await attempt(problem, run.id, "task.reorder", { tasks: ids }))
      announce(t("task.moved", { task: id, place: ids.indexOf(id) + 1 }));
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const title = add.current!.value.trim();
    if (!title) return;
    if (await attempt(problem, run.id, "task.add", { title })) add.current!.value = "";
  };

  const left = tasks.filter((task) => task.status === "pending" || task.status === "in_progress").length;
  return (
    <>
      <div class="pane-head line">
        <h2 class="grow">{t("plan")}</h2>
        <span class="meta numbers">{tasks.length > 0 && t("plan.left", { left, all: tasks.length })}</span>
      </div>
      {state.plan.question !== null && <p class="pane-note waiting">{t("plan.asked")}</p>}
      {state.plan.question !== null && <PlanAnswerHere />}
      {problem.value && <Problem text={problem.value} />}
      <div class="pane-body">
        {!tasks.length && (
          <Empty title={t("plan.none")}>
            <p>{t("plan.none.how")}</p>
          </Empty>
        )}
        <ol class="tasks" ref={list}>
          {tasks.slice(0, most.value).map((task) => (
            <TaskLine
              key={task.id}
              task={task}
              ids={ids}
              may={may}
              open={open}
              held={held}
              order={order}
              problem={problem}
            />
          ))}
        </ol>
        {tasks.length > most.value && (
          <button type="button" class="button" onClick={() => (most.value += SOME)}>
            {t("evidence.more", { n: tasks.length - most.value })}
          </button>
        )}
      </div>
      {may && (
        <form class="pane-foot line" onSubmit={submit}>
          <label class="grow">
            <span class="hidden-text">{t("task.add")}</span>
            <input ref={add} class="field" placeholder={t("task.add")} maxLength={1000} />
          </label>
          <IconButton icon="plus" label={t("task.add")} type="submit" />
        </form>
      )}
    </>
  );
}

/** Lets rows glide to their new places, once, after the person moved one; all other changes of the
 * list are plain. */
function useGlide(list: RefObject<HTMLElement | null>): () => void {
  const before = useRef<Map<Element, number> | null>(null);
  useLayoutEffect(() => {
    const places = before.current;
    if (!places) return;
    const rows = [...(list.current?.children ?? [])] as HTMLElement[];
    const shifts = rows.map((row) => (places.get(row) ?? row.offsetTop) - row.offsetTop);
    if (shifts.every((shift) => !shift)) return;
    before.current = null;
    rows.forEach((row, n) => {
      if (!shifts[n]) return;
      row.style.transition = "none";
      row.style.transform = `translateY(${shifts[n]}px)`;
      void row.offsetHeight; // the browser takes in where it begins
      row.style.transition = row.style.transform = "";
    });
  });
  return () => {
    const rows = [...(list.current?.children ?? [])] as HTMLElement[];
    before.current = new Map(rows.map((row) => [row, row.offsetTop]));
  };
}

interface LineProps {
  task: Shown;
  ids: string[]; // of the tasks whose order can be changed
  may: boolean;
  open: Signal<string>;
  held: Signal<string>;
  problem: Signal<string>;
  order: (ids: string[] | null, id: string) => Promise<void>;
}

function TaskLine({ task, ids, may, open, held, problem, order }: LineProps) {
  const run = useRun();
  const row = useRef<HTMLLIElement>(null);
  const opened = open.value === task.id;
  const pending = task.status === "pending" && !task.waiting.includes("add");
  const coming = task.waiting.includes("add");
  const place = ids.indexOf(task.id);
  const stop = () => attempt(problem, run.id, "task.cancel", { task: task.id });
  const move = async (to: number) => {
    await order(moved(ids, task.id, to), task.id);
    row.current?.querySelector<HTMLElement>(".title")?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    if ((event.target as Element).closest("form")) return;
    const to = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (to && event.altKey) void (may && move(place + to));
    else if (to) near(row.current!, to);
    else if (event.key === "Delete" && may && !coming) void stop();
    else return;
    event.preventDefault();
  };
  return (
    <li
      ref={row}
      class={`task ${task.status} ${held.value === task.id ? "held" : ""}`}
      data-task={task.id}
      draggable={may && pending && !opened}
      onKeyDown={keys}
      onDragStart={(e) => {
        held.value = task.id;
        e.dataTransfer!.setData("text/plain", task.id);
        e.dataTransfer!.effectAllowed = "move";
      }}
      onDragEnd={() => (held.value = "")}
      onDragOver={(e) => held.value && pending && e.preventDefault()}
      onDrop={(e) => {
        e.preventDefault();
        void order(moved(ids, held.value, place), held.value);
        held.value = "";
      }}
    >
      <div class="line">
        <State of={task.status} word="" />
        <span class="hidden-text">{tk("state", task.status)}</span>
        <button
          type="button"
          class="title"
          aria-expanded={opened}
          onClick={() => (open.value = opened ? "" : task.id)}
        >
          {task.title}
        </button>
        {may && !coming && (
          <span class="task-actions line">
            {pending && (
              <IconButton
                icon="up"
                label={t("task.up", { task: task.id })}
                disabled={place < 1}
                onClick={() => void move(place - 1)}
              />
            )}
            {pending && (
              <IconButton
                icon="down"
                label={t("task.down", { task: task.id })}
                disabled={place === ids.length - 1}
                onClick={() => void move(place + 1)}
              />
            )}
            <Menu label={t("task.more", { task: task.id })}>
              <button type="button" class="button" onClick={() => (open.value = task.id)}>
                <Icon name="pencil" />
                {t("task.edit")}
              </button>
              {task.status === "cancelled" || task.status === "done" || task.status === "blocked" ? (
                <button
                  type="button"
                  class="button"
                  onClick={() => void attempt(problem, run.id, "task.retry", { task: task.id })}
                >
                  <Icon name="retry" />
                  {t("task.retry")}
                </button>
              ) : (
                <button type="button" class="button danger" onClick={() => void stop()}>
                  <Icon name="cross" />
                  {t("task.cancel")}
                </button>
              )}
            </Menu>
          </span>
        )}
      </div>
      <p class="meta about">
        {!coming && <span class="mono">{task.id}</span>}
        {task.waiting.length > 0 && (
          <span class="waiting">
            {t("task.queued", { what: [...new Set(task.waiting)].map((op) => t(`op.${op}`)).join(", ") })}
          </span>
        )}
        {task.origin !== "question" && <span class="badge">{tk("origin", task.origin)}</span>}
        {task.evidence > 0 && (
          <a href={withQuery({ pane: "evidence", task: task.id, evidence: null })}>
            {tn("quotes", task.evidence)}
          </a>
        )}
        {task.depends_on.length > 0 && <span>{t("task.after", { tasks: task.depends_on.join(", ") })}</span>}
        {task.reason && <span class="reason">{task.reason}</span>}
      </p>
      {opened && <TaskDetail task={task} may={may && !coming} close={() => (open.value = "")} />}
    </li>
  );
}

/** Moves the focus to the title of a neighbour. */
function near(row: HTMLElement, step: number): void {
  const next = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  next?.querySelector<HTMLElement>(".title")?.focus();
}

function TaskDetail({ task, may, close }: { task: Shown; may: boolean; close: () => void }) {
  const run = useRun();
  const title = useSignal(task.title);
  const search = useSignal(task.query);
  const version = useRef(task.version);
  const problem = useSignal("");
  const theirs = useSignal<Task | null>(null);
  const changed = title.value.trim() !== task.title || search.value.trim() !== task.query;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (title.value.trim()) await save(version.current);
  };
  const save = async (against: number) => {
    problem.value = "";
    theirs.value = null;
    try {
      await command(
        run.id,
        "task.edit",
        { task: task.id, title: title.value.trim(), query: search.value.trim() },
        against,
      );
      close();
    } catch (error) {
      if (error instanceof Failed && error.status === 409 && error.current)
        theirs.value = error.current as Task;
      else problem.value = told(error);
    }
  };
  return (
    <div class="task-detail stack">
      {may && (
        <form class="stack" onSubmit={submit} onKeyDown={(e) => e.key === "Escape" && close()}>
          <label class="label">
            {t("task.title")}
            <textarea
              class="field growing"
              rows={1}
              maxLength={1000}
              value={title.value}
              onInput={(e) => (title.value = e.currentTarget.value)}
              onKeyDown={enters}
            />
          </label>
          <label class="label">
            {t("task.query")}
            <input
              class="field"
              maxLength={1000}
              value={search.value}
              onInput={(e) => (search.value = e.currentTarget.value)}
            />
          </label>
          {theirs.value && (
            <Problem text={t("task.conflict", { title: theirs.value.title })}>
              <button type="button" class="button" onClick={() => void save(theirs.value!.version)}>
                {t("task.mine")}
              </button>
              <button
                type="button"
                class="button"
                onClick={() => {
                  title.value = theirs.value!.title;
                  search.value = theirs.value!.query;
                  version.current = theirs.value!.version;
                  theirs.value = null;
                }}
              >
                {t("task.theirs")}
              </button>
            </Problem>
          )}
          {problem.value && <Problem text={problem.value} />}
          <div class="line">
            <button class="button primary" disabled={!changed}>
              {t("save")}
            </button>
            <button type="button" class="button plain" onClick={close}>
              {t("close")}
            </button>
          </div>
        </form>
      )}
      {!may && task.query && (
        <p class="meta">
          {t("task.query")}: {task.query}
        </p>
      )}
      {task.history.length > 0 && (
        <section>
          <h3>{t("task.history")}</h3>
          <ul class="history">
            {[...task.history].reverse().map((change) => (
              <li key={change.seq} class="meta">
                <button
                  type="button"
                  class="button plain numbers"
                  onClick={() => go(withQuery({ event: String(change.seq), tab: "timeline", pane: "work" }))}
                  aria-label={t("event.show", { seq: change.seq })}
                >
                  {change.seq}
                </button>
                <When time={change.time} /> {tk("author", change.author)}:{" "}
                {change.reason || saying(change.changed)}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

const saying = (changed: Record<string, unknown>) =>
  Object.entries(changed)
    .map(
      ([key, value]) =>
        `${tk("field", key)} ${key === "status" ? tk("state", String(value)) : String(value)}`,
    )
    .join(", ");

/** Enter saves; a title has one line. */
function enters(event: KeyboardEvent): void {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  (event.currentTarget as HTMLTextAreaElement).form!.requestSubmit();
}
