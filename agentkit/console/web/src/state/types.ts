// The messages of the server, as ../../../API.md says them.

export interface Session {
  role: "viewer" | "operator";
  name: string;
  csrf: string;
}

export interface Run {
  id: string;
  agent: string;
  task: string;
  status: string;
  note: string;
  created: number;
  changed: number;
  parent: string | null;
  parent_step: number | null;
  children: string[];
  questions: number;
  seq: number;
  tokens: number;
  done: number;
  tasks: number;
  text: string | null;
}

export interface Change {
  seq: number;
  time: number;
  author: string;
  reason: string;
  changed: Record<string, unknown>;
}

export interface Task {
  id: string;
  title: string;
  query: string;
  status: string;
  priority: number;
  order: number;
  facet: number;
  origin: string;
  parent: string;
  depends_on: string[];
  sources: string[];
  evidence: number;
  reason: string;
  author: string;
  version: number;
  queued: string[];
  history: Change[];
}

export type Edit =
  | { op: "add"; title: string; priority?: number; after?: string }
  | { op: "edit"; task: string; title?: string; query?: string; priority?: number; depends_on?: string[] }
  | { op: "cancel"; task: string; reason?: string }
  | { op: "retry"; task: string }
  | { op: "order"; tasks: string[] }
  | { op: "pin" | "ban"; span: string; on: boolean; reason?: string };

export interface Part {
  state: string;
  text: string;
  told: string;
}

export interface Message {
  id: string;
  text: string;
  author: string;
  sent: number;
  seq: number;
  state: string;
  step: string;
  reason: string;
  parts: Part[];
  edits: Edit[];
  file?: boolean;
}

export interface Question {
  number: number;
  text: string;
  options: string[];
  kind: string;
  default: string | null;
  data: Record<string, unknown>;
  position: string;
  asked: number;
  open: boolean;
  answer: string | null;
  by: string | null;
  answered: number | null;
}

export interface Rule {
  id: string;
  kind: string;
  value: string;
  text: string;
  meaning: string;
  author: string;
  message: string;
  scope: string;
  lasts: string;
  ended: string;
  removed: { queries: number; passages: number; spans: number };
  seq: number;
}

export interface Span {
  key: string;
  id: string;
  facet: number;
  task: string;
  query: string;
  source: string;
  document: string;
  title: string;
  uri: string;
  heading: string[];
  page: number | null;
  anchor: string;
  start: number;
  end: number;
  sha256: string;
  text: string;
  score: number;
  date: string;
  seq: number;
  pinned: boolean;
  banned: string;
  dropped: string;
}

export interface Query {
  seq: number;
  task: string;
  source: string;
  query: string;
  status: string;
  reason: string;
  hits: number;
}
export interface Budget {
  tokens: number | null;
  seconds: number | null;
  steps: number | null;
}
export interface Step {
  step: number;
  nodes: string[];
  seq: number;
  time: number;
}
export interface Notice {
  seq: number;
  kind: string;
  text: string;
}
export interface Artifact {
  name: string;
  sha256: string;
  media_type: string;
  size: number;
  seq: number;
}

export interface Meter {
  tokens: number;
  prompt: number;
  spent: number;
  seconds: number;
  since: number | null;
  steps: number;
  calls: number;
  price: number | null;
  budget: Budget;
  models: Record<string, { calls: number; prompt: number; spent: number; price: number | null }>;
  nodes: Record<string, { calls: number; tokens: number }>;
}

export interface RunState {
  run: {
    id: string;
    agent: string;
    noun: string;
    use: string;
    task: string;
    input: Record<string, unknown>;
    seed: number;
    status: string;
    note: string;
    created: number;
    parent: string | null;
    parent_step: number | null;
    budget: Budget;
    driven: boolean;
    control: string;
    result: boolean;
  };
  now: { position: string; node: string; since: number; text: string } | null;
  steps: Record<string, Step>;
  tasks: Record<string, Task>;
  order: string[];
  rules: Record<string, Rule>;
  messages: Record<string, Message>;
  questions: Record<string, Question>;
  facets: Record<string, { index: number; text: string; seq: number }>;
  evidence: Record<string, Span>;
  gaps: Record<string, { facet: number; why: string }>;
  queries: Record<string, Query>;
  notices: Record<string, Notice>;
  meter: Meter;
  metrics: Record<string, { name: string; points: number }>;
  artifacts: Record<string, Artifact>;
  plan: { state: "none" | "asked" | "approved" | "refused"; revision: number; question: number | null };
  report?: { seq: number; artifact: string };
}

export interface Row {
  seq: number;
  time: number;
  kind: string;
  position: string;
  node: string;
  step: number;
  task: string;
  text: string;
  path?: string[];
  tokens?: number;
  seconds?: number;
  of?: number;
}

export interface Timeline {
  rows: Row[];
  first: number;
  last: number;
  seq: number;
  total: number;
}
export interface Event {
  run: string;
  seq: number;
  time: number;
  kind: string;
  position: string;
  data: Record<string, unknown>;
  version: number;
}

export interface Quote {
  number: number;
  key: string;
  text: string;
  before: string;
  after: string;
  title: string;
  link: string;
  support: string;
}
export interface Sentence {
  text: string;
  mark: string;
  quotes: number[];
}
export interface Table {
  title: string;
  columns: string[];
  rows: unknown[][];
}

export interface Report {
  title: string;
  status: string;
  reason: string;
  coverage: number;
  sections: { title: string; note: string; sentences: Sentence[]; quotes: Quote[] }[];
  missing: { title: string; why: string; queries: string[] }[];
  conflicts: { title: string; sides: { text: string; number: number }[] }[];
  limits: string[];
  references: { number: number; title: string; uri: string; document: string }[];
  tables: Table[];
}

export interface Page {
  title: string;
  uri: string;
  source: string;
  document: string;
  changed: boolean;
  before: string;
  quote: string;
  after: string;
  cut_before: boolean;
  cut_after: boolean;
}

export type Series = Record<string, [number, number][]>;

export type Block =
  | { kind: "text" | "code"; text: string }
  | { kind: "facts"; facts: [string, string][] }
  | { kind: "table"; columns: string[]; rows: unknown[][] }
  | { kind: "series"; series: Series; x: string; y: string }
  | { kind: "image"; artifact: string; alt: string }
  | { kind: "link"; text: string; uri: string };

export interface Panel {
  name: string;
  plugin: string;
  title: string;
  error: string;
  blocks: Block[];
}
export interface Screen {
  name: string;
  title: string;
  touchable: boolean;
}
export interface Seen {
  box: [number, number, number, number];
  label: string;
  kind: string;
  line: string;
}

export type Differing = Pick<Task, "title" | "status" | "priority" | "reason" | "evidence">;

export interface Compared {
  one: Run;
  two: Run;
  shared: number | null;
  tasks: { id: string; one: Differing | null; two: Differing | null }[]; // those that differ
  evidence: { both: number; one: Span[]; two: Span[] };
  report: { op: "same" | "one" | "two"; text: string }[];
  meter: { one: Meter; two: Meter };
}

export interface Agent {
  name: string;
  use: string;
  summary: string;
  plugin: string;
  error: string;
}

export interface Field {
  name: string;
  title: string;
  help: string;
  kind: "text" | "number" | "integer" | "switch" | "choice" | "part" | "parts";
  choices: string[];
  default: unknown;
  required: boolean;
  least?: number;
  most?: number;
}

export interface AgentDetail {
  name: string;
  summary: string;
  description: string;
  roles: Record<string, string>;
  input: Field[];
  settings: Field[];
  uploads: boolean;
}

export interface NamedPart {
  name: string;
  use: string;
  summary: string;
}
export interface Parts {
  models: NamedPart[];
  sources: NamedPart[];
  environments: NamedPart[];
}
export interface Tested {
  status: string;
  reason: string;
  seconds: number;
  hits: { title: string; text: string }[];
}

export interface Figure {
  value: number;
  low?: number;
  high?: number;
  n?: number;
  unit?: string;
}
export interface Result {
  name: string;
  question: string;
  paper_claim: string;
  command: string;
  commit: string;
  machine: unknown;
  seeds: number[];
  verdict: string;
  metrics: Record<string, Figure>;
  baselines: Record<string, Record<string, Figure>>;
  picture: boolean;
}

export interface Audit {
  id: number;
  time: number;
  who: string;
  role: string;
  run: string;
  kind: string;
  args: unknown;
  status: number;
  seq: number | null;
}
export interface About {
  version: string;
  name: string;
  store: string;
  agents: number;
  results: boolean;
}
