// The present time in seconds, for "since when" and "how long ago"; order never depends on it.
import { signal } from "@preact/signals";

export const now = signal(Date.now() / 1000);
setInterval(() => (now.value = Date.now() / 1000), 1000);
