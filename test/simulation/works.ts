import { POWER_FAILS } from './power.ts';

/**
 * Work of the real parts that waits for one thing after another, as a disk and a queue make it. Virtual time stands still
 * until all of it has come to its end, so that what it comes to depends on nothing else.
 */
export type Works = {
  /** Some is under way. What fails in it ends the story. */
  readonly begin: (work?: Promise<unknown>) => void;
  readonly areUnderWay: () => boolean;
  /** @throws what failed in one of them */
  readonly finish: () => Promise<void>;
};

export function createWorks(): Works {
  let underWay = false;
  const failures: unknown[] = [];
  return {
    begin(work) {
      underWay = true;
      work?.catch((error: unknown) => failures.push(error));
    },
    areUnderWay: () => underWay,
    async finish() {
      while (underWay) {
        underWay = false;
        // Nothing here waits for the outside: after one turn of the real event loop every promise is kept.
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** What the real parts may wait for in one life of a node. */
export type Waiting = {
  /** Done at once, and its promise kept at once; in a life that is over, never. */
  readonly port: <Result>(action: () => Result) => Promise<Result>;
  readonly run: (work: () => unknown) => void;
};

type Options = {
  readonly works: Works;
  readonly isOver: () => boolean;
  /** The node's power fails: its life is over by the time this returns. */
  readonly powerFails: () => void;
};

export function createWaiting({ works, isOver, powerFails }: Options): Waiting {
  const never = new Promise<never>(() => undefined);
  return {
    port(action) {
      works.begin();
      if (isOver()) return never;
      try {
        return Promise.resolve(action());
      } catch (error) {
        if (error !== POWER_FAILS) return Promise.reject(error);
        powerFails();
        return never;
      }
    },
    run: (work) => works.begin((async () => work())()),
  };
}
