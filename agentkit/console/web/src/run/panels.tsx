// What plugins show of a run. They give data, the page draws it; one that fails is named.
import { Problem } from "../parts/basics";
import { Curve } from "../parts/curve";
import { Grid } from "../parts/grid";
import { link } from "../parts/link";
import { Markdown } from "../parts/markdown";
import type { Block, Panel } from "../state/types";
import { t } from "../words";
import { useRun } from "./context";

export function Panels({ panels }: { panels: Panel[] }) {
  return (
    <div class="padded stack roomy">
      {panels.map((panel) => (
        <section key={`${panel.plugin}.${panel.name}`} class="stack" data-panel={panel.name}>
          <h2 class="line">
            {panel.title} <span class="meta">{panel.plugin}</span>
          </h2>
          {panel.error ? (
            <Problem text={t("panel.failed", { plugin: panel.plugin, error: panel.error })} />
          ) : (
            panel.blocks.map((block, n) => <Shown key={n} block={block} />)
          )}
        </section>
      ))}
    </div>
  );
}

function Shown({ block }: { block: Block }) {
  const run = useRun();
  switch (block.kind) {
    case "text":
      return (
        <div class="reading">
          <Markdown text={block.text} />
        </div>
      );
    case "code":
      return <pre class="code">{block.text}</pre>;
    case "facts":
      return (
        <dl class="facts">
          {block.facts.map(([name, value]) => [
            <dt key={name}>{name}</dt>,
            <dd key={`${name}=`}>{value}</dd>,
          ])}
        </dl>
      );
    case "table":
      return <Grid columns={block.columns} rows={block.rows} />;
    case "series":
      return (
        <div class="curves">
          {Object.entries(block.series).map(([name, points]) => (
            <Curve key={name} name={name} points={points} x={block.x} />
          ))}
        </div>
      );
    case "image":
      return (
        <img
          class="picture"
          src={`/api/runs/${encodeURIComponent(run.id)}/artifacts/${encodeURIComponent(block.artifact)}`}
          alt={block.alt}
        />
      );
    case "link": {
      const to = link(block.uri);
      return to ? (
        <a href={to} target="_blank" rel="noopener noreferrer">
          {block.text}
        </a>
      ) : (
        <p>{block.text}</p>
      );
    }
    default:
      return null; // a kind that this page does not know yet
  }
}
