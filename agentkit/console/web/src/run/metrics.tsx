// Curves of the numbers that the agent reports while it works.
import { Empty, Problem } from "../parts/basics";
import { Curve } from "../parts/curve";
import { useGet } from "../parts/load";
import type { Series } from "../state/types";
import { t } from "../words";
import { useRun } from "./context";

export function Metrics() {
  const run = useRun();
  const known = Object.values(run.state.value!.metrics);
  const points = known.reduce((sum, one) => sum + one.points, 0);
  const curves = useGet<{ series: Series }>(
    known.length ? `/api/runs/${encodeURIComponent(run.id)}/metrics` : null,
    points,
  );
  if (curves.problem.value) return <Problem text={curves.problem.value} />;
  if (!known.length) return <Empty title={t("metrics.none")} />;
  if (!curves.data.value) return <p class="meta padded">{t("timeline.loading")}</p>;
  return (
    <div class="curves">
      {Object.entries(curves.data.value.series).map(([name, series]) => (
        <Curve key={name} name={name} points={series} />
      ))}
    </div>
  );
}
