/** Virtual time: actions run in the order of their instant, those of one instant in the order they were planned. */
export type Agenda = {
  readonly nowMs: () => number;
  readonly plan: (delayMs: number, action: () => void) => void;
  /** Runs the next action; false when there is none. */
  readonly advance: () => boolean;
};

type Entry = { readonly atMs: number; readonly order: number; readonly action: () => void };

export function createAgenda(): Agenda {
  const heap: Entry[] = [];
  let nowMs = 0;
  let planned = 0;
  return {
    nowMs: () => nowMs,
    plan(delayMs, action) {
      push(heap, { atMs: nowMs + delayMs, order: planned, action });
      planned += 1;
    },
    advance() {
      const entry = pop(heap);
      if (entry === undefined) return false;
      nowMs = entry.atMs;
      entry.action();
      return true;
    },
  };
}

function precedes(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!precedes(entry, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && precedes(heap[child + 1]!, heap[child]!)) child += 1;
    if (!precedes(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}
