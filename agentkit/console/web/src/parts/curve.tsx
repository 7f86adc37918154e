// A line through points, drawn by us, with the same numbers as a table beside it.
import { useSignal } from "@preact/signals";
import { shown, t } from "../words";

const [WIDTH, HEIGHT] = [600, 160]; // of the drawing's own grid
const INSET = 4;
const MOST = 600; // points that are drawn; more would fall on the same pixels

type Points = readonly (readonly [number, number])[];

/** At most `most` points that keep each stretch's lowest and highest. */
export function thinned(points: Points, most = MOST): Points {
  if (points.length <= most) return points;
  const size = Math.ceil((2 * points.length) / most);
  const kept: (readonly [number, number])[] = [];
  for (let from = 0; from < points.length; from += size) {
    const stretch = points.slice(from, from + size);
    const low = stretch.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = stretch.reduce((a, b) => (b[1] > a[1] ? b : a));
    kept.push(...(low === high ? [low] : low[0] < high[0] ? [low, high] : [high, low]));
  }
  return kept;
}

export function Curve({ name, points, x = "" }: { name: string; points: Points; x?: string }) {
  const asTable = useSignal(false);
  const finite = points.filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  if (!finite.length) return null;
  const xs = finite.map(([a]) => a);
  const ys = finite.map(([, b]) => b);
  const [x0, x1] = [Math.min(...ends(xs)), Math.max(...ends(xs))];
  const [y0, y1] = range(ys);
  const px = (value: number) => INSET + ((value - x0) / (x1 - x0 || 1)) * (WIDTH - 2 * INSET);
  const py = (value: number) => HEIGHT - INSET - ((value - y0) / (y1 - y0 || 1)) * (HEIGHT - 2 * INSET);
  const drawn = thinned(finite);
  const line = drawn.map(([a, b], i) => `${i ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
  const last = finite[finite.length - 1]!;
  const summary = t("curve.summary", {
    name,
    n: finite.length,
    last: short(last[1]),
    low: short(y0),
    high: short(y1),
  });
  return (
    <figure class="curve">
      <figcaption class="line">
        <span class="grow">{name}</span>
        <span class="numbers">{short(last[1])}</span>
        <button
          type="button"
          class="button plain"
          aria-pressed={asTable.value}
          onClick={() => (asTable.value = !asTable.value)}
        >
          {asTable.value ? t("curve.line") : t("curve.table")}
        </button>
      </figcaption>
      {asTable.value ? (
        <div class="scroll-x tall" tabIndex={0} role="group" aria-label={name}>
          <table>
            <thead>
              <tr>
                <th class="number">{x || t("curve.x")}</th>
                <th class="number">{name}</th>
              </tr>
            </thead>
            <tbody>
              {finite.slice(-1000).map(([a, b], i) => (
                <tr key={i}>
                  <td class="number">{shown(a)}</td>
                  <td class="number">{short(b)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <>
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={summary}>
            <path d={line} vector-effect="non-scaling-stroke" />
            {finite.length === 1 && <circle cx={WIDTH / 2} cy={HEIGHT / 2} r="3" />}
          </svg>
          <div class="line meta numbers ends">
            <span>{shown(x0)}</span>
            <span class="grow">{x}</span>
            <span>{shown(x1)}</span>
          </div>
          <div class="meta numbers heights" aria-hidden="true">
            <span>{short(y1)}</span>
            <span>{short(y0)}</span>
          </div>
        </>
      )}
    </figure>
  );
}

const ends = (values: readonly number[]) => [values[0]!, values[values.length - 1]!];

function range(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Four figures; what three decimals would round away is written as 1.2e-7. */
const short = (value: number) =>
  value && Math.abs(value) < 0.01 ? value.toExponential(1) : shown(Number(value.toPrecision(4)));
