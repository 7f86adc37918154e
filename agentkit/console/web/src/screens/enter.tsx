// Who has no cookie is asked for the token that `agentkit console` printed.
import { useSignal } from "@preact/signals";
import { Problem } from "../parts/basics";
import { enter, Failed, told } from "../state/api";
import { t } from "../words";

export function Enter() {
  const token = useSignal("");
  const problem = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    problem.value = "";
    // People paste the whole address as often as the token.
    const given = token.value.trim().replace(/^.*[#&]token=/, "");
    try {
      await enter(given);
    } catch (error) {
      problem.value = error instanceof Failed && error.status === 401 ? t("enter.wrong") : told(error);
    }
  };
  return (
    <main class="page narrow">
      <form class="stack" onSubmit={submit}>
        <h1>{t("enter.title")}</h1>
        <p class="quiet">{t("enter.how")}</p>
        <label class="label">
          {t("enter.token")}
          <input
            class="field mono"
            type="password"
            autoComplete="off"
            autoFocus
            value={token.value}
            onInput={(e) => (token.value = e.currentTarget.value)}
          />
        </label>
        {problem.value && <Problem text={problem.value} />}
        <div>
          <button class="button primary">{t("enter.go")}</button>
        </div>
      </form>
    </main>
  );
}
