/** Named timers in real time; setting one again replaces it. */
export type Timers = {
  readonly set: (name: string, delayMs: number, action: () => void) => void;
  readonly clear: (name: string) => void;
  readonly clearAll: () => void;
};

/** Beyond 32 bits Node takes a delay for none at all: what is to happen in a month would happen without end. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export function createTimers(): Timers {
  const running = new Map<string, NodeJS.Timeout>();
  const clear = (name: string) => {
    clearTimeout(running.get(name));
    running.delete(name);
  };
  return {
    set(name, delayMs, action) {
      clear(name);
      const timer = setTimeout(
        () => {
          running.delete(name);
          action();
        },
        Math.min(delayMs, DELAY_MS_MAX),
      );
      running.set(name, timer);
    },
    clear,
    clearAll() {
      for (const name of [...running.keys()]) clear(name);
    },
  };
}
