// Small things that every screen is made of.
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { ago, clock, exact, t, tk } from "../words";
import { now } from "../state/clock";
import { Icon, type IconName } from "./icon";

/** A time, relative; the exact one under the pointer. */
export function When({ time, plain = false }: { time: number; plain?: boolean }) {
  return (
    <time dateTime={new Date(time * 1000).toISOString()} title={exact(time)}>
      {plain ? clock(time) : ago(time, now.value)}
    </time>
  );
}

type Look = [IconName, string, boolean?];
const LOOKS: Record<string, Look> = {
  created: ["ring", "quiet"],
  pending: ["ring", "quiet"],
  running: ["play", "accent", true],
  in_progress: ["play", "accent", true],
  waiting: ["diamond", "waiting", true],
  paused: ["pause", "waiting"],
  blocked: ["warn", "waiting"],
  failed: ["cross", "bad"],
  cancelled: ["stop", "quiet"],
  done: ["check", "good"],
};

/** A state: word, shape and colour. */
export function State({ of, word }: { of: string; word?: string }) {
  const [icon, colour, full] = LOOKS[of] ?? ["dot", "quiet"];
  return (
    <span class={`state ${colour}`} data-state={of}>
      <Icon name={icon} full={!!full} />
      {word ?? tk("state", of)}
    </span>
  );
}

interface IconButtonProps extends Omit<JSX.IntrinsicElements["button"], "icon" | "label"> {
  icon: IconName;
  label: string;
}

export function IconButton({ icon, label, ...rest }: IconButtonProps) {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

/** An error where it happened, with the way out. */
export function Problem({ text, children }: { text: string; children?: ComponentChildren }) {
  return (
    <div class="problem" role="alert">
      <Icon name="warn" />
      <span class="grow">{text}</span>
      {children}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** Something folded away behind a line; what is in it exists only while it is open. */
export function Fold({
  title,
  children,
  ...rest
}: {
  title: string;
  class?: string;
  children: () => ComponentChildren;
}) {
  const open = useSignal(false);
  return (
    <details class={rest.class} open={open.value} onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary>{title}</summary>
      {open.value && children()}
    </details>
  );
}

/** A button that opens a small list of buttons or links. */
export function Menu(props: {
  label: string;
  icon?: IconName;
  text?: string;
  above?: boolean;
  children: ComponentChildren;
}) {
  const open = useSignal(false);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open.value) return;
    root.current?.querySelector<HTMLElement>(".sheet > *")?.focus();
    const away = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) open.value = false;
    };
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, [open.value]);
  const keys = (event: KeyboardEvent) => {
    const items = [...root.current!.querySelectorAll<HTMLElement>(".sheet > *")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape" && open.value) {
      open.value = false;
      root.current!.querySelector("button")!.focus();
      event.stopPropagation();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      items[(at + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length]?.focus();
      event.preventDefault();
    }
  };
  return (
    <div class="menu" ref={root} onKeyDown={keys}>
      <button
        type="button"
        class={props.text ? "button" : "icon-button"}
        aria-label={props.text ? undefined : props.label}
        title={props.label}
        aria-expanded={open.value}
        aria-controls={id}
        onClick={() => (open.value = !open.value)}
      >
        <Icon name={props.icon ?? "more"} />
        {props.text}
      </button>
      {open.value && (
        <div class={props.above ? "sheet above" : "sheet"} id={id} onClick={() => (open.value = false)}>
          {props.children}
        </div>
      )}
    </div>
  );
}

/** A window over the page; Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    ref.current?.showModal();
    return () => before?.focus();
  }, []);
  return (
    <dialog ref={ref} aria-labelledby={id} onClose={onClose}>
      <div class="stack">
        <div class="line">
          <h2 id={id} class="grow">
            {title}
          </h2>
          <IconButton icon="cross" label={t("close")} onClick={() => ref.current?.close()} />
        </div>
        {children}
      </div>
    </dialog>
  );
}

interface TabsProps<T extends string> {
  label: string;
  of: readonly (readonly [T, string])[];
  now: T;
  choose: (to: T) => void;
  panel: string;
}

/** Tabs after the WAI-ARIA pattern: one stop of the Tab key, arrows between them. */
export function Tabs<T extends string>({ label, of, now: chosen, choose, panel }: TabsProps<T>) {
  const keys = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const at = of.findIndex(([id]) => id === chosen);
    const [next] = of[(at + step + of.length) % of.length]!;
    choose(next);
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus();
    event.preventDefault();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={keys}>
      {of.map(([id, text]) => (
        <button
          type="button"
          class="tab"
          role="tab"
          key={id}
          data-tab={id}
          aria-selected={id === chosen}
          aria-controls={id === chosen ? panel : undefined}
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => choose(id)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
