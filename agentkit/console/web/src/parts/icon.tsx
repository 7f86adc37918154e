// Line icons on a grid of 16. They never stand alone: a word or a label is always with them.
const SHAPES = {
  play: "M5 3.5v9l7-4.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  stop: "M4 4h8v8H4z",
  fork: "M5 3v10M5 8c0-2 6-1 6-5M3.5 13h3",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  cross: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5l3.5 3.5L13 4.5",
  plus: "M8 3v10M3 8h10",
  pencil: "M3 13l.6-2.6L11 3l2 2-7.4 7.4z",
  retry: "M13 8a5 5 0 1 1-1.5-3.5M13 2.5v3h-3",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10M10.6 10.6L14 14",
  inbox: "M2.5 9l2-5.5h7l2 5.5v4h-11zM2.5 9h3l1 2h3l1-2h3",
  list: "M3 4h10M3 8h10M3 12h10",
  chart: "M3 13V3M3 13h10M5.5 10l2.5-3 2 1.5L13 5",
  phone: "M5 2h6v12H5zM7.5 12h1",
  gear: "M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4M8 2v2M8 12v2M2 8h2M12 8h2M3.8 3.8l1.4 1.4M10.8 10.8l1.4 1.4M3.8 12.2l1.4-1.4M10.8 5.2l1.4-1.4",
  send: "M3 8h9M8.5 4.5L12 8l-3.5 3.5",
  pin: "M6 2.5h4L9.5 7l2 2h-7l2-2zM8 9v4.5",
  ban: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11M4.2 4.2l7.6 7.6",
  out: "M7 3H3v10h10V9M9.5 3H13v3.5M13 3L7.5 8.5",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  left: "M10 3L5 8l5 5",
  right: "M6 3l5 5-5 5",
  warn: "M8 2.5L14.5 13.5h-13zM8 7v3M8 11.8v.01",
  ask: "M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.8-1.1 1.8M8 12.3v.01",
  save: "M8 3v7M5 7.5L8 10.5l3-3M3 13h10",
  quote: "M6.5 5C4.5 5.5 3.5 7 3.5 9v2h3V8h-2M12.5 5c-2 .5-3 2-3 4v2h3V8h-2",
  dot: "M8 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8",
  half: "M8 12a4 4 0 1 0 0-8z",
  ring: "M8 13a5 5 0 1 0 0-10 5 5 0 0 0 0 10",
  square: "M4.5 4.5h7v7h-7z",
  diamond: "M8 3l5 5-5 5-5-5z",
  menu: "M3 4.5h10M3 8h10M3 11.5h10",
  keys: "M2 4h12v8H2zM4.5 7h.01M8 7h.01M11.5 7h.01M5 9.7h6",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, full = false }: { name: IconName; full?: boolean }) {
  return (
    <svg class={full ? "icon full" : "icon"} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
