// Talking to the server: JSON in and out, its errors as they are meant for people.
import { signal } from "@preact/signals";
import { t } from "../words";
import type { Run, Session } from "./types";

export const session = signal<Session | null | "unknown">("unknown");
export const operator = () =>
  session.value !== null && session.value !== "unknown" && session.value.role === "operator";

export interface Fault {
  field: string;
  message: string;
}

export class Failed extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly current: unknown = null,
    readonly fields: Fault[] = [],
  ) {
    super(message);
  }
}

/** What went wrong, in words for people. */
export function told(error: unknown): string {
  if (error instanceof Failed) return error.message;
  return error instanceof TypeError ? t("error.unreachable") : String(error);
}

async function send(method: string, path: string, body?: BodyInit, type?: string): Promise<Response> {
  const headers: Record<string, string> = {};
  if (type) headers["Content-Type"] = type;
  const who = session.value;
  if (method !== "GET" && who && who !== "unknown") headers["X-CSRF"] = who.csrf;
  const answer = await fetch(path, { method, headers, body: body ?? null });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  const error = said?.error ?? {};
  if (answer.status === 401 && path !== "/api/session") session.value = null;
  const message = error.message ?? t("error.status", { status: String(answer.status) });
  const whole = error.hint ? `${message}. ${error.hint}` : message;
  throw new Failed(answer.status, error.code ?? "", whole, error.current ?? null, error.fields ?? []);
}

export async function get<T>(path: string): Promise<T> {
  return (await send("GET", path)).json();
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return (await send("POST", path, JSON.stringify(body), "application/json")).json();
}

export async function put<T>(path: string, body: Blob): Promise<T> {
  return (await send("PUT", path, body, "application/octet-stream")).json();
}

/** Lets the person in: by the token of the address that the server printed, else by the cookie. */
export async function enter(token = ""): Promise<void> {
  try {
    session.value = token
      ? await post<Session>("/api/session", { token })
      : await get<Session>("/api/session");
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    session.value = null;
    if (token) throw error;
  }
}

export async function leave(): Promise<void> {
  await send("DELETE", "/api/session");
  session.value = null;
}

export function uuid(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.map((b) => b.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Posts something that must happen once: the same client_id is sent again where the line broke. */
export async function once<T>(path: string, body: object): Promise<T> {
  const whole = { client_id: uuid(), ...body };
  for (let tries = 1; ; tries++) {
    try {
      return await post<T>(path, whole);
    } catch (error) {
      if (error instanceof Failed || tries === 4) throw error;
      await new Promise((done) => setTimeout(done, 400 * tries));
    }
  }
}

export interface Done {
  seq: number;
  message: string | null;
  question: number | null;
  run: Run;
  result: { run?: Run };
}

export function command(
  run: string,
  kind: string,
  args: object = {},
  expected_version?: number,
): Promise<Done> {
  const version = expected_version === undefined ? {} : { expected_version };
  return once<Done>(`/api/runs/${encodeURIComponent(run)}/commands`, { kind, args, ...version });
}
