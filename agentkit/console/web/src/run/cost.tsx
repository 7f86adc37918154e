// What the run used: by model and by node, against its limits.
import { Grid } from "../parts/grid";
import { now } from "../state/clock";
import { duration, shown, t, tk } from "../words";
import { useRun } from "./context";
import { money, worked } from "./head";

export function Cost() {
  const state = useRun().state.value!;
  const { meter, run } = state;
  const working = run.status === "running" && run.driven;
  const models = Object.entries(meter.models);
  const nodes = Object.entries(meter.nodes);
  const limit = (value: number | null, text: (n: number) => string) =>
    value === null ? t("new.nolimit") : t("cost.limit", { limit: text(value) });
  return (
    <div class="padded stack roomy">
      <dl class="facts">
        <dt>{t("cost.work")}</dt>
        <dd class="numbers">
          {duration(worked(meter, working, now.value))}{" "}
          <span class="quiet">{limit(run.budget.seconds, duration)}</span>
        </dd>
        <dt>{t("cost.tokens")}</dt>
        <dd class="numbers">
          {t("cost.inout", { prompt: meter.prompt, spent: meter.spent })}{" "}
          <span class="quiet">{limit(run.budget.tokens, shown)}</span>
        </dd>
        <dt>{t("cost.steps")}</dt>
        <dd class="numbers">
          {shown(meter.steps)} <span class="quiet">{limit(run.budget.steps, shown)}</span>
        </dd>
        <dt>{t("cost.price")}</dt>
        <dd class="numbers">
          {meter.price === null ? <span class="quiet">{t("cost.noprice")}</span> : money(meter.price)}
        </dd>
      </dl>
      {models.length > 0 ? (
        <Grid
          title={t("cost.models")}
          columns={[t("cost.model"), t("cost.calls"), t("cost.in"), t("cost.out"), t("cost.price")]}
          rows={models.map(([name, used]) => [
            name,
            used.calls,
            used.prompt,
            used.spent,
            used.price == null ? "–" : money(used.price),
          ])}
        />
      ) : (
        <p class="quiet">{t("cost.nomodel")}</p>
      )}
      {nodes.length > 0 && (
        <Grid
          title={t("cost.nodes")}
          columns={[t("cost.node"), t("cost.calls"), t("cost.tokens")]}
          rows={nodes.map(([name, used]) => [tk("node", name), used.calls, used.tokens])}
        />
      )}
    </div>
  );
}
