// What a run asks of a person. Approvals are buttons; no text is ever taken for one.
import { useSignal } from "@preact/signals";
import { Problem, When } from "../parts/basics";
import { Icon } from "../parts/icon";
import { operator } from "../state/api";
import type { Question } from "../state/types";
import { t, tk } from "../words";
import { attempt, useRun } from "./context";

export function OpenQuestions() {
  const run = useRun();
  const open = Object.values(run.state.value!.questions).filter((question) => question.open);
  if (!open.length) return null;
  return (
    <div class="questions">
      {open.map((question) => (
        <QuestionCard key={question.number} run={run.id} question={question} />
      ))}
    </div>
  );
}

export function QuestionCard({ run, question }: { run: string; question: Question }) {
  const problem = useSignal("");
  const busy = useSignal(false);
  const act = async (kind: string, args: object = {}) => {
    busy.value = true;
    await attempt(problem, run, kind, args);
    busy.value = false;
  };
  const answer = (text: string) => act("answer", { question: question.number, answer: text });
  return (
    <section class="question" aria-label={tk("question", question.kind)} data-question={question.number}>
      <p class="line wrap">
        <span class="state waiting">
          <Icon name="diamond" full />
          {tk("question", question.kind)}
        </span>
        <span class="meta">
          <When time={question.asked} />
        </span>
      </p>
      {question.kind === "plan" ? <p>{t("question.plan.how")}</p> : <p class="asks">{question.text}</p>}
      {question.kind === "approval" && <Proposal data={question.data} />}
      {problem.value && <Problem text={problem.value} />}
      {!operator() && <p class="meta">{t("steer.viewer")}</p>}
      {operator() && question.kind === "plan" && <PlanAnswer busy={busy.value} act={act} />}
      {operator() && question.kind !== "plan" && question.options.length > 0 && (
        <div class="line wrap">
          {question.options.map((option) => (
            <button
              key={option}
              type="button"
              class="button"
              disabled={busy.value}
              onClick={() => void answer(option)}
            >
              {tk("option", option)}
            </button>
          ))}
        </div>
      )}
      {operator() && question.kind !== "plan" && question.options.length === 0 && (
        <Free answer={answer} busy={busy.value} first={question.default ?? ""} />
      )}
    </section>
  );
}

interface PlanAnswerProps {
  busy: boolean;
  act: (kind: string) => Promise<void>;
}

function PlanAnswer({ busy, act }: PlanAnswerProps) {
  return (
    <div class="line wrap">
      <button type="button" class="button primary" disabled={busy} onClick={() => void act("plan.approve")}>
        {t("plan.approve")}
      </button>
      <button type="button" class="button danger" disabled={busy} onClick={() => void act("plan.reject")}>
        {t("plan.reject")}
      </button>
    </div>
  );
}

/** The same where the plan fills the screen, and the question stands behind another tab. */
export function PlanAnswerHere() {
  const run = useRun();
  const problem = useSignal("");
  const busy = useSignal(false);
  if (!operator()) return null;
  const act = async (kind: string) => {
    busy.value = true;
    await attempt(problem, run.id, kind, {});
    busy.value = false;
  };
  return (
    <div class="pane-note narrow-only">
      {problem.value && <Problem text={problem.value} />}
      <PlanAnswer busy={busy.value} act={act} />
    </div>
  );
}

/** What a guard was asked about: the action, and what it would act on. */
function Proposal({ data }: { data: Record<string, unknown> }) {
  const args = (data.args ?? {}) as Record<string, unknown>;
  const rows = Object.entries(args);
  return (
    <dl class="facts">
      <dt>{t("guard.action")}</dt>
      <dd class="mono">{[data.target, data.name].filter(Boolean).join(" · ")}</dd>
      {rows.map(([key, value]) => [
        <dt key={key}>{key}</dt>,
        <dd key={`${key}=`}>{typeof value === "string" ? value : JSON.stringify(value)}</dd>,
      ])}
    </dl>
  );
}

function Free({ answer, busy, first }: { answer: (text: string) => void; busy: boolean; first: string }) {
  const text = useSignal("");
  return (
    <form
      class="line"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.value.trim() || first) answer(text.value.trim() || first);
      }}
    >
      <label class="grow">
        <span class="hidden-text">{t("question.answer")}</span>
        <textarea
          class="field growing"
          rows={1}
          placeholder={first || t("question.answer")}
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
      </label>
      <button class="button primary" disabled={busy || !(text.value.trim() || first)}>
        {t("question.send")}
      </button>
    </form>
  );
}
