// The live screen of a phone or browser: seen as it changes, touched where that is allowed.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Problem } from "../parts/basics";
import { Icon } from "../parts/icon";
import { get, operator, post, told } from "../state/api";
import type { Question, Screen, Seen } from "../state/types";
import { t, type Key } from "../words";
import { useRun } from "./context";

const PAUSE = 400; // ms between looks
const SWIPE = 40; // pixels of the device from which a touch is a swipe
const LONG = 600; // ms from which it is a long press
const BUTTONS = ["back", "home", "recents", "notifications"] as const;

export function Phone({ screens }: { screens: Screen[] }) {
  const name = useSignal("");
  const screen = screens.find((one) => one.name === name.value) ?? screens[0]!;
  return (
    <div class="padded stack">
      {screens.length > 1 && (
        <label>
          <span class="hidden-text">{t("screen")}</span>
          <select class="field" value={screen.name} onChange={(e) => (name.value = e.currentTarget.value)}>
            {screens.map((one) => (
              <option key={one.name} value={one.name}>
                {one.title}
              </option>
            ))}
          </select>
        </label>
      )}
      <Live key={screen.name} screen={screen} />
    </div>
  );
}

/** Where on this screen the agent would touch, if the person allowed what it asks for. */
function aimed(question: Question, screen: string): [number, number][] {
  const args = (question.data.args ?? {}) as Record<string, unknown>;
  if (!question.open || question.kind !== "approval" || question.data.target !== screen) return [];
  const points = [
    [args.x, args.y],
    [args.to_x, args.to_y],
  ];
  return points.filter((one): one is [number, number] => one.every((part) => typeof part === "number"));
}

interface Elements {
  mark: string;
  size: [number, number];
  elements: Seen[];
}

function Live({ screen }: { screen: Screen }) {
  const run = useRun();
  const base = `/api/runs/${encodeURIComponent(run.id)}/screens/${encodeURIComponent(screen.name)}`;
  const picture = useSignal("");
  const problem = useSignal("");
  const said = useSignal(""); // what went wrong with a touch
  const elements = useSignal<Elements | null>(null);
  const text = useSignal("");
  const outlined = useSignal<Seen | null>(null);
  const mark = useRef("");
  const image = useRef<HTMLImageElement>(null);
  const down = useRef<{ at: [number, number]; when: number } | null>(null);
  const touchable = screen.touchable && operator() && elements.value !== null; // in its own pixels
  const size = elements.value?.size ?? [1, 1];

  const look = async () => {
    const answer = await fetch(`${base}.png?mark=${encodeURIComponent(mark.current)}`);
    if (answer.status === 304) return;
    if (!answer.ok)
      throw new Error((await answer.json().catch(() => null))?.error?.message ?? String(answer.status));
    mark.current = answer.headers.get("X-Mark") ?? "";
    const old = picture.value;
    picture.value = URL.createObjectURL(await answer.blob());
    if (old) setTimeout(() => URL.revokeObjectURL(old), 1000);
    elements.value = await get<Elements>(`${base}/elements`);
  };

  useEffect(() => {
    let on = true;
    const watch = async () => {
      try {
        if (document.visibilityState === "visible") await look();
        problem.value = "";
      } catch (error) {
        problem.value = told(error).replace(/^Error: /, "");
      }
      if (on) setTimeout(watch, problem.value ? 5 * PAUSE : PAUSE);
    };
    void watch();
    return () => {
      on = false;
      if (picture.value) URL.revokeObjectURL(picture.value);
    };
  }, [base]);

  const act = async (action: object) => {
    said.value = "";
    try {
      await post(`${base}/act`, action);
      await look();
    } catch (error) {
      said.value = told(error);
    }
  };
  const at = (event: PointerEvent): [number, number] => {
    const box = image.current!.getBoundingClientRect();
    const place = (from: number, start: number, length: number, most: number) =>
      Math.min(most - 1, Math.max(0, Math.round(((from - start) / length) * most)));
    return [
      place(event.clientX, box.left, box.width, size[0]),
      place(event.clientY, box.top, box.height, size[1]),
    ];
  };
  const release = (event: PointerEvent) => {
    if (!down.current || !touchable) return;
    const {
      at: [x, y],
      when,
    } = down.current;
    const [to_x, to_y] = at(event);
    const held = event.timeStamp - when;
    down.current = null;
    const seconds = Math.min(5, Math.max(0.05, held / 1000));
    if (Math.hypot(to_x - x, to_y - y) > SWIPE) void act({ kind: "swipe", x, y, to_x, to_y, seconds });
    else if (held > LONG) void act({ kind: "long-press", x, y, seconds });
    else void act({ kind: "tap", x, y });
  };
  const percent = (part: number, whole: number) => `${(100 * part) / whole}%`;
  const shown = outlined.value;
  const aims = Object.values(run.state.value!.questions).flatMap((one) => aimed(one, screen.name));
  if (!picture.value)
    return problem.value ? <Problem text={problem.value} /> : <p class="meta">{t("timeline.loading")}</p>;
  return (
    <div class="phone">
      <div class="stack">
        <div class="glass">
          <img
            ref={image}
            src={picture.value}
            alt={t("screen.alt", { title: screen.title })}
            draggable={false}
            class={touchable ? "touchable" : ""}
            onPointerDown={(e) => {
              e.preventDefault();
              down.current = { at: at(e), when: e.timeStamp };
            }}
            onPointerUp={release}
          />
          {elements.value &&
            aims.map(([x, y]) => (
              <div
                key={`${x},${y}`}
                class="aim"
                role="img"
                aria-label={t("phone.aim")}
                title={t("phone.aim")}
                style={{ left: percent(x, size[0]), top: percent(y, size[1]) }}
              />
            ))}
          {shown && (
            <div
              class="outline"
              style={{
                left: percent(shown.box[0], size[0]),
                top: percent(shown.box[1], size[1]),
                width: percent(shown.box[2] - shown.box[0], size[0]),
                height: percent(shown.box[3] - shown.box[1], size[1]),
              }}
            />
          )}
        </div>
        {touchable && (
          <div class="line wrap">
            {BUTTONS.map((button) => (
              <button
                key={button}
                type="button"
                class="button"
                onClick={() => void act({ kind: "button", button })}
              >
                {t(`phone.${button}` as Key)}
              </button>
            ))}
          </div>
        )}
      </div>
      <div class="stack elements">
        {problem.value && <Problem text={problem.value} />}
        {said.value && <Problem text={said.value} />}
        {touchable && (
          <form
            class="line"
            onSubmit={async (event) => {
              event.preventDefault();
              await act({ kind: "type", text: text.value });
              text.value = "";
            }}
          >
            <label class="grow">
              <span class="hidden-text">{t("phone.type")}</span>
              <input
                class="field"
                placeholder={t("phone.type")}
                value={text.value}
                onInput={(e) => (text.value = e.currentTarget.value)}
              />
            </label>
            <button class="button" disabled={!text.value}>
              <Icon name="send" />
              {t("phone.send")}
            </button>
          </form>
        )}
        {touchable && <p class="meta">{t("phone.yours")}</p>}
        <h3>{t("phone.elements")}</h3>
        <ul class="plain-list">
          {elements.value?.elements.map((element, n) => (
            <li key={n}>
              <button
                type="button"
                class="button plain"
                disabled={!touchable}
                onMouseEnter={() => (outlined.value = element)}
                onMouseLeave={() => (outlined.value = null)}
                onFocus={() => (outlined.value = element)}
                onBlur={() => (outlined.value = null)}
                onClick={() =>
                  void act({
                    kind: "tap",
                    x: Math.round((element.box[0] + element.box[2]) / 2),
                    y: Math.round((element.box[1] + element.box[3]) / 2),
                  })
                }
              >
                <span class="cut">{element.label || element.line}</span>{" "}
                <span class="meta">{element.kind}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
