// What the run used: by model and by node, against its limits.
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
  const limit = (value: number | null, text: (n: number) => string) => (value === null ? t("new.nolimit") : t("cost.limit", { limit: text(value) }));
  return (
    <div class="padded stack roomy">
      <dl class="facts">
        <dt>{t("cost.work")}</dt>
        <dd class="numbers">
          {duration(worked(meter, working, now.value))} <span class="quiet">{limit(run.budget.seconds, duration)}</span>
        </dd>
        <dt>{t("cost.tokens")}</dt>
        <dd class="numbers">
          {t("cost.inout", { prompt: meter.prompt, spent: meter.spent })} <span class="quiet">{limit(run.budget.tokens, shown)}</span>
        </dd>
        <dt>{t("cost.steps")}</dt>
        <dd class="numbers">
          {shown(meter.steps)} <span class="quiet">{limit(run.budget.steps, shown)}</span>
        </dd>
        <dt>{t("cost.price")}</dt>
        <dd class="numbers">{meter.price === null ? <span class="quiet">{t("cost.noprice")}</span> : money(meter.price, meter.currency)}</dd>
      </dl>
      {models.length > 0 ? (
        <div class="scroll-x" tabIndex={0} role="group" aria-label={t("cost.models")}>
          <table>
            <caption>{t("cost.models")}</caption>
            <thead>
              <tr>
                <th>{t("cost.model")}</th>
                <th class="number">{t("cost.calls")}</th>
                <th class="number">{t("cost.in")}</th>
                <th class="number">{t("cost.out")}</th>
                <th class="number">{t("cost.price")}</th>
              </tr>
            </thead>
            <tbody>
              {models.map(([name, used]) => (
                <tr key={name}>
                  <td class="mono">{name}</td>
                  <td class="number">{shown(used.calls)}</td>
                  <td class="number">{shown(used.prompt)}</td>
                  <td class="number">{shown(used.spent)}</td>
                  <td class="number">{used.price == null ? "–" : money(used.price, meter.currency)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="quiet">{t("cost.nomodel")}</p>
      )}
      {nodes.length > 0 && (
        <div class="scroll-x" tabIndex={0} role="group" aria-label={t("cost.nodes")}>
          <table>
            <caption>{t("cost.nodes")}</caption>
            <thead>
              <tr>
                <th>{t("cost.node")}</th>
                <th class="number">{t("cost.calls")}</th>
                <th class="number">{t("cost.tokens")}</th>
              </tr>
            </thead>
            <tbody>
              {nodes.map(([name, used]) => (
                <tr key={name}>
                  <td>{tk("node", name)}</td>
                  <td class="number">{shown(used.calls)}</td>
                  <td class="number">{shown(used.tokens)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
