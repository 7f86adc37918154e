// The page begins here: who is it, then the screen that the address names.
import { render } from "preact";
import { App } from "./app";
import { enter } from "./state/api";
import "./state/settings";

async function begin(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (token) history.replaceState(null, "", location.pathname + location.search);
  try {
    await enter(token);
  } catch {
    // the page asks for the token; a server that is away is shown as such by the next request
  }
  render(<App />, document.getElementById("app")!);
}

void begin();
