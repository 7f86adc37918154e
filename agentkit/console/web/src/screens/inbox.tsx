// Everything that any run asks of a person, in one place.
import { Empty } from "../parts/basics";
import { QuestionCard } from "../run/question";
import { asked } from "../state/stream";
import { t } from "../words";

export function Inbox() {
  return (
    <div class="page narrow">
      <h1>{t("inbox")}</h1>
      {asked.value.length === 0 && (
        <Empty title={t("inbox.none")}>
          <p>{t("inbox.none.how")}</p>
        </Empty>
      )}
      <ul class="stack">
        {asked.value.map((question) => (
          <li key={`${question.run.id}:${question.number}`} class="asked">
            <p class="line">
              <a class="cut grow" href={`/runs/${encodeURIComponent(question.run.id)}`}>
                {question.run.task}
              </a>
              <span class="meta">{question.run.agent}</span>
            </p>
            <QuestionCard run={question.run.id} question={question} />
          </li>
        ))}
      </ul>
    </div>
  );
}
