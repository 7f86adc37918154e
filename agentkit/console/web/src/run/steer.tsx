// The box that changes the agent's mind, what became of what was said, and the rules that stand.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useAction } from "../keys";
import { IconButton, Problem, When } from "../parts/basics";
import { Icon, type IconName } from "../parts/icon";
import { operator } from "../state/api";
import type { Message, Rule } from "../state/types";
import { t, tk, tn } from "../words";
import { attempt, showEvent, useRun } from "./context";

const RECENT = 2; // messages that are in sight while the run goes on; the others open

export function Steer() {
  const run = useRun();
  const state = run.state.value!;
  const text = useSignal("");
  const problem = useSignal("");
  const busy = useSignal(false);
  const all = useSignal(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const ended = ["done", "cancelled"].includes(state.run.status);
  const revises = ended && !!state.report;
  const may = operator() && (!ended || revises);
  useAction("s", () => box.current?.focus());

  const submit = async (event: Event) => {
    event.preventDefault();
    const said = text.value.trim();
    if (!said || busy.value) return;
    busy.value = true;
    const done = await attempt(problem, run.id, revises ? "revise" : "steer", { text: said });
    busy.value = false;
    if (!done) return;
    text.value = "";
    box.current?.focus();
    if (done.result?.run) location.assign(`/runs/${encodeURIComponent(done.result.run.id)}`);
  };

  const messages = Object.values(state.messages)
    .filter((message) => message.text || message.edits.length)
    .sort((a, b) => a.seq - b.seq);
  const few = ended ? 0 : RECENT;
  const shown = all.value ? messages : messages.slice(messages.length - Math.min(few, messages.length));
  const rules = Object.values(state.rules).filter((rule) => !rule.ended);
  return (
    <div class="steer">
      {rules.length > 0 && (
        <ul class="line wrap rules" aria-label={t("rules")}>
          {rules.map((rule) => (
            <Standing key={rule.id} rule={rule} may={operator() && !ended} problem={problem} />
          ))}
        </ul>
      )}
      {messages.length > 0 && (
        <ul class="messages" aria-label={t("messages")}>
          {messages.length > few && (
            <li>
              <button type="button" class="button plain" onClick={() => (all.value = !all.value)}>
                {all.value ? t("messages.less") : tn("messages.all", messages.length)}
              </button>
            </li>
          )}
          {shown.map((message) => (
            <Said key={message.id} message={message} problem={problem} />
          ))}
        </ul>
      )}
      {problem.value && <Problem text={problem.value} />}
      {may ? (
        <form class="line" onSubmit={submit}>
          <label class="grow">
            <span class="hidden-text">{t("steer")}</span>
            <textarea
              ref={box}
              class="field growing"
              rows={1}
              placeholder={revises ? t("steer.revise") : t("steer.hint")}
              value={text.value}
              onInput={(e) => (text.value = e.currentTarget.value)}
              onKeyDown={(e) => {
                if (e.key === "Enter" && !e.shiftKey && !e.isComposing) void submit(e);
                if (e.key === "Escape") box.current?.blur();
              }}
            />
          </label>
          <button class="button primary" disabled={busy.value || !text.value.trim()}>
            <Icon name="send" />
            {revises ? t("steer.revise.send") : t("steer.send")}
          </button>
        </form>
      ) : (
        <p class="meta">{operator() ? t("steer.ended") : t("steer.viewer")}</p>
      )}
    </div>
  );
}

const LOOKS: Record<string, [IconName, string]> = {
  queued: ["ring", "quiet"],
  read: ["half", "quiet"],
  applied: ["check", "good"],
  rejected: ["cross", "bad"],
  superseded: ["retry", "quiet"],
  unclear: ["ask", "waiting"],
  late: ["warn", "waiting"],
  withdrawn: ["cross", "quiet"],
};

/** A message: how far it came, what it was understood as, where it took effect. */
function Said({ message, problem }: { message: Message; problem: { value: string } }) {
  const run = useRun();
  const [icon, colour] = LOOKS[message.state] ?? ["dot", "quiet"];
  const parts = message.parts.length > 1 ? message.parts : [];
  const what =
    message.text ||
    message.edits
      .map(
        (edit) =>
          tk("op", "on" in edit && !edit.on ? `un${edit.op}` : edit.op) +
          ("task" in edit ? ` ${edit.task}` : "title" in edit ? `: ${edit.title}` : ""),
      )
      .join(", ");
  return (
    <li class="message" data-message={message.id} data-state={message.state}>
      <span class={`state ${colour}`}>
        <Icon name={icon} />
        {tk("message", message.state)}
      </span>
      <span class="cut said" title={what}>
        {what}
      </span>
      {message.reason && !parts.length && (
        <span class="meaning">
          {t(message.state === "rejected" ? "message.because" : "message.meaning", { text: message.reason })}
        </span>
      )}
      {parts.map((part, n) => (
        <span key={n} class={part.state === "rejected" ? "meaning bad" : "meaning"}>
          {part.text}: {part.told}
        </span>
      ))}
      <span class="meta line">
        {message.step && (
          <button type="button" class="button plain" onClick={() => showEvent(message.seq)}>
            {t("message.step", { step: message.step.split(":")[0] ?? "" })}
          </button>
        )}
        <span>{tk("author", message.author)}</span>
        <When time={message.sent} />
        {message.state === "queued" && operator() && (
          <button
            type="button"
            class="button plain"
            onClick={() => void attempt(problem, run.id, "message.withdraw", { message: message.id })}
          >
            {t("message.undo")}
          </button>
        )}
      </span>
    </li>
  );
}

function Standing({ rule, may, problem }: { rule: Rule; may: boolean; problem: { value: string } }) {
  const run = useRun();
  const { queries, passages, spans } = rule.removed;
  const removed = queries + passages + spans;
  return (
    <li class="badge rule" title={rule.meaning} data-rule={rule.id}>
      <span class="mono">{rule.id}</span> {rule.text}
      {removed > 0 && <span class="numbers">{tn("rule.removed", removed)}</span>}
      {may && (
        <IconButton
          icon="cross"
          label={t("rule.remove", { rule: rule.text })}
          onClick={() => void attempt(problem, run.id, "directive.remove", { directive: rule.id })}
        />
      )}
    </li>
  );
}
