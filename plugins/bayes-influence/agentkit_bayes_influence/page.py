"""The findings as one HTML file that loads nothing: a click on a token shows what taught it.

All texts travel as JSON and reach the page as text nodes, so that no text can be markup.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence

import numpy as np

from agentkit_bayes_influence.findings import Finding

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#1d1d1f;background:#fff}
h2{font-size:1.1rem;margin:2rem 0 .3rem}.dim{color:#666}.said button{font:inherit;border:1px solid
#ccc;border-radius:.3rem;background:none;color:inherit;padding:.1rem .3rem;margin:.1rem;
cursor:pointer;white-space:pre}
.said button[aria-pressed=true]{outline:2px solid #06c}
li{margin:.5rem 0}.tokens span{white-space:pre-wrap;border-radius:.2rem}
.number{font-variant-numeric:tabular-nums;display:inline-block;min-width:9rem}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161618}.dim{color:#aaa}}
"""
SCRIPT = """
const data = JSON.parse(document.getElementById('data').textContent);
const make = (tag, text, kind) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
};
for (const query of data) {
  const section = document.body.appendChild(make('section'));
  section.append(make('h2', query.prompt || query.id), make('p', query.note, 'dim'));
  const said = section.appendChild(make('p', undefined, 'said'));
  const list = section.appendChild(make('ol'));
  let chosen = -1;
  const show = () => {
    for (const [n, button] of [...said.children].entries())
      button.setAttribute('aria-pressed', n === chosen);
    const score = row => chosen < 0 ? row.value :
      row.tokens.reduce((most, of) => Math.max(most, of[chosen] ?? -2), -2);
    const rows = query.rows.map(row => [score(row), row]).filter(([s]) => s > -2);
    rows.sort((a, b) => b[0] - a[0]);
    list.replaceChildren();
    for (const [, row] of rows) {
      const item = list.appendChild(make('li'));
      const steps = row.steps.length ? '  steps ' + row.steps.join(', ') : '';
      item.append(
        make('span', row.value.toFixed(2) + ' \\u00b1 ' + row.error.toFixed(2), 'number'),
        make('span', row.id + steps, 'dim'), make('br'), make('span', row.prompt + ' ', 'dim'));
      const text = item.appendChild(make('span', undefined, 'tokens'));
      row.pieces.forEach((piece, t) => {
        const one = text.appendChild(make('span', piece));
        if (chosen < 0 || !row.tokens.length) return;
        const value = row.tokens[t][chosen];
        one.title = value === null ? 'not told: within the noise, or not settled'
          : value.toFixed(2);
        if (value !== null) one.style.background = value > 0
          ? `rgba(20,140,60,${Math.min(1, value)})` : `rgba(200,40,40,${Math.min(1, -value)})`;
      });
    }
    if (!rows.length) list.append(make('li', 'nothing that can be told'));
  };
  query.pieces.forEach((piece, n) => {
    const button = said.appendChild(make('button', piece));
    button.onclick = () => { chosen = chosen === n ? -1 : n; show(); };
  });
  show();
}
"""


def page(title: str, found: Sequence[Finding], health: str) -> str:
    """The whole file. health: a paragraph on how far the chains can be trusted."""
    plain = [
        {
            "id": one.query.id,
            "prompt": one.query.prompt,
            "note": note(one),
            "pieces": one.pieces,
            "rows": [
                {
                    "id": row.example.id,
                    "prompt": row.example.prompt,
                    "steps": row.example.steps[:20],
                    "value": row.value,
                    "error": row.error,
                    "pieces": row.pieces or (row.example.answer,),
                    "tokens": _numbers(row.tokens),
                }
                for row in one.rows
            ],
        }
        for one in found
    ]
    text = json.dumps(plain, ensure_ascii=False).replace("<", "\\u003c")
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{html.escape(title)}</h1><p>Click on a token of an answer to see what taught it. "
        "A number is the correlation of two losses in the posterior around the trained weights, "
        f'give or take one standard error.</p><p class="dim">{html.escape(health)}</p>'
        f'<script type="application/json" id="data">{text}</script>'
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def note(one: Finding) -> str:
    """What is not told of a query, and why."""
    if one.fault:
        return f"nothing is told: {one.fault}; sample more draws, or with a smaller radius"
    reasons = "".join(f"; {count} not settled: {why}" for why, count in one.withheld.items())
    return f"{len(one.rows)} examples told; {one.noise} others within the noise{reasons}"


def _numbers(tokens: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(v) else round(float(v), 3) for v in row] for row in tokens]
