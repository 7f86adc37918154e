// Markdown of models and sources as elements, never as HTML: nothing in it can run or load.
import { lexer, type Token, type Tokens } from "marked";
import type { ComponentChildren } from "preact";
import { link } from "./link";

export function Markdown({ text }: { text: string }) {
  return <>{blocks(lexer(text))}</>;
}

function blocks(tokens: readonly Token[]): ComponentChildren {
  return tokens.map((token, key) => <Block key={key} token={token} />);
}

function Block({ token }: { token: Token }): ComponentChildren {
  switch (token.type) {
    case "heading": {
      const Tag = `h${Math.min(4, (token as Tokens.Heading).depth + 1)}` as "h2";
      return <Tag>{inline(token.tokens)}</Tag>;
    }
    case "paragraph":
      return <p>{inline(token.tokens)}</p>;
    case "text":
      return token.tokens ? <>{inline(token.tokens)}</> : <>{token.text}</>;
    case "blockquote":
      return <blockquote>{blocks(token.tokens ?? [])}</blockquote>;
    case "list": {
      const list = token as Tokens.List;
      const Tag = list.ordered ? "ol" : "ul";
      return (
        <Tag class="listed">
          {list.items.map((item, key) => (
            <li key={key}>{blocks(item.tokens)}</li>
          ))}
        </Tag>
      );
    }
    case "code":
      return <pre>{token.text}</pre>;
    case "table": {
      const table = token as Tokens.Table;
      return (
        <div class="scroll-x" tabIndex={0} role="group">
          <table>
            <thead>
              <tr>
                {table.header.map((cell, key) => (
                  <th key={key}>{inline(cell.tokens)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, key) => (
                <tr key={key}>
                  {row.map((cell, at) => (
                    <td key={at}>{inline(cell.tokens)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    }
    case "hr":
      return <hr />;
    case "space":
      return null;
    default:
      return <p>{token.raw}</p>; // HTML among others: shown as it was written
  }
}

function inline(tokens: readonly Token[] = []): ComponentChildren {
  return tokens.map((token, key) => <Piece key={key} token={token} />);
}

function Piece({ token }: { token: Token }): ComponentChildren {
  switch (token.type) {
    case "strong":
      return <strong>{inline(token.tokens)}</strong>;
    case "em":
      return <em>{inline(token.tokens)}</em>;
    case "del":
      return <del>{inline(token.tokens)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "escape":
      return <>{token.text}</>;
    case "text":
      return token.tokens ? <>{inline(token.tokens)}</> : <>{plain(token.raw)}</>;
    case "link":
    case "image": {
      // Pictures of sources are not loaded: their address could carry something out.
      const to = link((token as Tokens.Link).href);
      const said =
        token.type === "link"
          ? inline(token.tokens)
          : (token as Tokens.Image).text || (token as Tokens.Image).href;
      return to ? (
        <a href={to} target="_blank" rel="noopener noreferrer">
          {said}
        </a>
      ) : (
        <>{said}</>
      );
    }
    default:
      return <>{token.raw}</>;
  }
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: "\u00a0" };
const plain = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => NAMED[name]!);
