// A table of values: numbers to the right, all else as text.
import { shown } from "../words";

interface Props {
  columns: readonly string[];
  rows: readonly (readonly unknown[])[];
  title?: string;
  label?: string;
}

export function Grid({ columns, rows, title, label }: Props) {
  const numeric = columns.map(
    (_, at) => rows.length > 0 && rows.every((row) => row[at] === null || typeof row[at] === "number"),
  );
  const look = (at: number) => (numeric[at] ? "number" : "");
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={title ?? label ?? columns.join(", ")}>
      <table>
        {title && <caption>{title}</caption>}
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={at} class={look(at)}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, n) => (
            <tr key={n}>
              {row.map((cell, at) => (
                <td key={at} class={look(at)}>
                  {typeof cell === "number" ? shown(cell) : String(cell ?? "–")}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
