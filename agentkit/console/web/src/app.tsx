// The frame around every screen: bar, keys, what is read out, and which screen it is.
import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Keys, useKeys } from "./keys";
import { Icon, type IconName } from "./parts/icon";
import { follow, go, path } from "./router";
import { Compare } from "./screens/compare";
import { Enter } from "./screens/enter";
import { Inbox } from "./screens/inbox";
import { NewRun } from "./screens/new";
import { Results } from "./screens/results";
import { Runs } from "./screens/runs";
import { Settings } from "./screens/settings";
import { RunScreen } from "./run/screen";
import { announced } from "./state/announce";
import { operator, session } from "./state/api";
import { asked, close, connection, open } from "./state/stream";
import { t, type Key } from "./words";

const keysShown = signal(false);

effect(() => {
  if (session.value && session.value !== "unknown") open();
  else close();
});

const PLACES: readonly (readonly [string, string, Key, IconName])[] = [
  ["/", "runs", "nav.runs", "list"],
  ["/inbox", "inbox", "nav.inbox", "inbox"],
  ["/results", "results", "nav.results", "chart"],
  ["/settings", "settings", "nav.settings", "gear"],
];

export function App() {
  useKeys(() => (keysShown.value = true));
  useEffect(() => {
    document.addEventListener("click", follow);
    return () => document.removeEventListener("click", follow);
  }, []);
  if (session.value === null || session.value === "unknown") return <Enter />;
  const [first = "", second = ""] = path.value;
  return (
    <div class={first === "runs" ? "frame filled" : "frame"}>
      <a class="skip" href="#main">
        {t("skip")}
      </a>
      <Bar first={first} />
      {connection.value === "lost" && (
        <p class="banner" role="status">
          <Icon name="warn" /> {t("connection.lost")}
        </p>
      )}
      <main id="main" tabIndex={-1}>
        <Screen first={first} second={second} />
      </main>
      <div class="hidden-text" role="status" aria-live="polite">
        {announced.value}
      </div>
      {keysShown.value && <Keys onClose={() => (keysShown.value = false)} />}
    </div>
  );
}

function Screen({ first, second }: { first: string; second: string }) {
  switch (first) {
    case "":
      return <Runs />;
    case "new":
      return <NewRun />;
    case "runs":
      return <RunScreen key={second} id={second} />;
    case "compare":
      return <Compare />;
    case "inbox":
      return <Inbox />;
    case "results":
      return <Results name={second} />;
    case "settings":
      return <Settings />;
    default:
      return (
        <div class="page">
          <h1>{t("nowhere")}</h1>
          <p>
            <a href="/">{t("nowhere.back")}</a>
          </p>
        </div>
      );
  }
}

function Bar({ first }: { first: string }) {
  const here = first === "" || first === "runs" || first === "compare" ? "runs" : first;
  const waiting = asked.value.length;
  return (
    <header class="bar">
      <a class="name" href="/">
        agentkit
      </a>
      <nav aria-label={t("nav")}>
        {PLACES.map(([to, id, key, icon]) => (
          <a key={id} href={to} class="tab" aria-current={here === id ? "page" : undefined} title={t(key)}>
            <Icon name={icon} />
            <span class="word">{t(key)}</span>
            {id === "inbox" && waiting > 0 && (
              <span class="count" title={t("nav.waiting")}>
                {waiting}
              </span>
            )}
          </a>
        ))}
      </nav>
      <span class="grow" />
      <button
        type="button"
        class="icon-button wide-only"
        aria-label={t("keys")}
        title={`${t("keys")} (?)`}
        onClick={() => (keysShown.value = true)}
      >
        <Icon name="keys" />
      </button>
      {operator() && (
        <button type="button" class="button primary" onClick={() => go("/new")}>
          <Icon name="plus" />
          {t("nav.new")}
        </button>
      )}
    </header>
  );
}
