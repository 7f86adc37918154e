// A list of rows of one height, of which only those in sight exist.
import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

const SPARE = 12; // rows beyond either edge
const HEIGHT = 28; // pixels of a row, and
const ROOM = 600; // of the list, until they were measured

export interface Shown {
  /** Brings a row into sight. */
  reveal(index: number): void;
  /** Brings the last row into sight, and follows those that come. */
  toEnd(): void;
}

interface Props {
  count: number;
  label: string;
  row: (index: number) => ComponentChildren;
  handle?: RefObject<Shown | null>;
  active?: number | undefined;
  /** Begins at the end, and follows it for as long as it is in sight. */
  follows?: boolean;
  class?: string;
  onKeyDown?: (event: KeyboardEvent) => void;
  onSight?: (first: number, last: number, end: boolean) => void;
}

export function Virtual({ count, label, row, handle, active, follows, onKeyDown, onSight, ...rest }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(HEIGHT);
  const pinned = useRef(!!follows); // the end is in sight, and shall stay so
  const [view, setView] = useState({ top: follows ? Math.max(0, count * HEIGHT - ROOM) : 0, room: ROOM });

  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => {
      if (!probe.current) return;
      if (pinned.current) element.scrollTop = element.scrollHeight;
      setHeight(probe.current.offsetHeight || HEIGHT);
      setView({ top: element.scrollTop, room: element.clientHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  if (handle) {
    handle.current = {
      reveal(index) {
        const element = box.current;
        if (!element) return;
        const top = index * height;
        if (top < element.scrollTop) element.scrollTop = top;
        else if (top + height > element.scrollTop + element.clientHeight)
          element.scrollTop = top + height - element.clientHeight;
      },
      toEnd() {
        pinned.current = true;
        if (box.current) box.current.scrollTop = box.current.scrollHeight;
      },
    };
  }

  // Where the list becomes lower, e.g. above what was chosen in it, that stays in sight.
  useLayoutEffect(() => {
    if (active !== undefined) handle?.current?.reveal(active);
    else if (pinned.current) handle?.current?.toEnd();
  }, [view.room, height, pinned.current && count]);
  const scrolled = () => {
    const element = box.current;
    if (!element) return;
    pinned.current = element.scrollTop + element.clientHeight >= element.scrollHeight - height;
    setView({ top: element.scrollTop, room: element.clientHeight });
  };

  const first = Math.max(0, Math.floor(view.top / height) - SPARE);
  const last = Math.min(count, Math.ceil((view.top + view.room) / height) + SPARE);
  useLayoutEffect(() => onSight?.(first, last, pinned.current), [first, last, count]);
  const rows = [];
  for (let i = first; i < last; i++) rows.push(row(i));
  const chosen = active !== undefined && active >= first && active < last ? `row-${active}` : undefined;

  return (
    <div
      ref={box}
      class={`virtual ${rest.class ?? ""}`}
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={chosen}
      onScroll={scrolled}
      onKeyDown={onKeyDown}
    >
      <div ref={probe} class="probe" aria-hidden="true" />
      <div role="presentation" style={{ height: `${count * height}px` }}>
        <div role="presentation" style={{ transform: `translateY(${first * height}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}
