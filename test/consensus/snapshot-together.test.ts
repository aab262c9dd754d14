/** The folder of snapshots under calls at the same time, and under a crash between any two of its steps. */
import fs, { readdir, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { cutState, encodePart, isEmptyPart, partOf, StateTree } from '../../consensus/chain/index.ts';
import { openLedgerStore } from '../../consensus/store/index.ts';
import { openSnapshots, type Snapshots } from '../../consensus/store/snapshots.ts';
import { notebook, notesChain, notesGenesis } from './notebook.ts';

const genesis = notesGenesis(4);
const { blocks } = notesChain({ genesis, length: 4, committees: {} });
t.setTimeout(180_000);

const root = t.testdir();
let opened = 0;
const newDirectory = () => {
  opened += 1;
  return join(root, `snapshots-${opened}`);
};

const HEIGHTS = [4, 8, 12, 16] as const;
type Height = (typeof HEIGHTS)[number];
const store = await openLedgerStore({ directory: join(root, 'store'), genesis, contract: notebook });
for (const { final, executed } of blocks) await store.append(final, executed);
const milestone = (await store.readMilestone(4))!;
await store.close();

/** Of several parts, not all of which change from one to the next. */
function madeAt(height: Height) {
  const entries = Array.from(
    { length: 20 },
    (_, index) => [`note ${index}`, new Uint8Array(20_000).fill(index === 0 ? height : index)] as const,
  );
  const state = StateTree.EMPTY.update(new Map(entries));
  const cut = [...cutState(state)];
  const manifest = cut.map(partOf);
  const parts = cut
    .map(({ tree }, index) => ({ part: manifest[index]!, bytes: encodePart(tree.entries()) }))
    .filter(({ part }) => !isEmptyPart(part));
  const header = { ...milestone.header, height, stateRoot: state.root };
  return { snapshot: { milestone: { ...milestone, header }, manifest }, state, parts };
}
const made = new Map(HEIGHTS.map((height) => [height, madeAt(height)]));
const at = (height: Height) => made.get(height)!;
const never = new AbortController().signal;

const write = (snapshots: Snapshots, height: Height) =>
  snapshots.write(at(height).snapshot.milestone, at(height).state, never);
const bring = async ({ incoming }: Snapshots, height: Height) => {
  await Promise.all(at(height).parts.map(({ part, bytes }) => incoming.add(part, bytes)));
};
const complete = async (snapshots: Snapshots, height: Height) => {
  await bring(snapshots, height);
  return snapshots.incoming.complete(at(height).snapshot);
};

/** What has a name is whole, whatever else lies beside it. */
async function checkSound(t: Test, snapshots: Snapshots) {
  const heights = await snapshots.heights();
  for (const height of heights) {
    const found = await snapshots.find(height);
    const state = found && (await snapshots.load(found));
    if (state?.root !== at(height as Height).state.root) t.fail(`${height} has its name, and is not whole`);
  }
  return heights;
}

t.test('a snapshot from others and an own one come about at the same time', async (t) => {
  for (let time = 0; time < 12; time += 1) {
    const directory = newDirectory();
    const snapshots = openSnapshots(directory);
    await write(snapshots, 4);
    await bring(snapshots, 12);
    const own = write(snapshots, 8);
    for (let turn = 0; turn < time * 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    t.equal(await snapshots.incoming.complete(at(12).snapshot), true);
    await own;
    t.strictSame(await checkSound(t, snapshots), [8, 12]);
    t.strictSame((await readdir(directory)).sort(), ['0000000000000008', '000000000000000c']);
  }
});

t.test('whatever is called at the same time, nothing fails, and what has a name is whole', async (t) => {
  const calls = {
    write,
    complete,
    add: bring,
    'complete what may be missing': (snapshots: Snapshots, height: Height) =>
      snapshots.incoming.complete(at(height).snapshot),
    'keep only': ({ incoming }: Snapshots, height: Height) => incoming.keepOnly(at(height).snapshot.manifest),
    clear: ({ incoming }: Snapshots) => incoming.clear(),
    serve: async (snapshots: Snapshots, height: Height) => {
      const bytes = await snapshots.readPart(height, 0);
      const [first] = at(height).parts;
      if (bytes !== undefined && Buffer.compare(bytes, first!.bytes) !== 0) t.fail('a part of another');
    },
    load: async (snapshots: Snapshots, height: Height) => {
      const found = await snapshots.find(height);
      const state = found && (await snapshots.load(found));
      // Undefined where it is let go meanwhile.
      if (state !== undefined && state.root !== at(height).state.root) t.fail('a state of another');
    },
  };
  const call = fc.record({
    name: fc.constantFrom(...(Object.keys(calls) as (keyof typeof calls)[])),
    height: fc.constantFrom(...HEIGHTS),
    turns: fc.integer({ min: 0, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 2, maxLength: 10 }), async (all) => {
      const directory = newDirectory();
      const snapshots = openSnapshots(directory);
      const running: Promise<unknown>[] = [];
      for (const { name, height, turns } of all) {
        for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        running.push(calls[name](snapshots, height));
      }
      const failed = (await Promise.allSettled(running)).filter(({ status }) => status === 'rejected');
      if (failed.length > 0) throw (failed[0] as PromiseRejectedResult).reason;
      const heights = await checkSound(t, snapshots);
      const named = all.filter(({ name }) => name === 'write').map(({ height }) => height);
      const newest = Math.max(0, ...named);
      if (newest > 0 && !heights.some((height) => height >= newest)) throw new Error('the newest is gone');
      if (heights.length > 2) throw new Error(`${heights.length} are kept`);
      const names = await readdir(directory).catch((): string[] => []);
      if (names.some((name) => ['draft', 'arriving', 'leaving'].includes(name)))
        throw new Error(`left: ${names}`);
      await rm(directory, { recursive: true, force: true });
    }),
    { numRuns: 50 },
  );
});

type Step = 'rm' | 'rename' | 'mkdir' | 'open' | 'writeFile';
const STEPS: readonly Step[] = ['rm', 'rename', 'mkdir', 'open', 'writeFile'];

/**
 * Does the work on a disk that is gone after so many steps; the step that is cut is half done.
 * @returns whether all of it was done before
 */
async function cutAfter(steps: number, work: () => Promise<unknown>): Promise<boolean> {
  const sound = { ...fs };
  let left = steps;
  const gone = () => new Error('the power has failed');
  for (const name of STEPS)
    (fs as Record<Step, unknown>)[name] = async (...args: [string, ...unknown[]]) => {
      left -= 1;
      if (left === -1) await halfOf(name, args);
      if (left < 0) throw gone();
      return (sound[name] as (...args: unknown[]) => Promise<unknown>)(...args);
    };
  const halfOf = async (name: Step, [place, what]: [string, ...unknown[]]) => {
    const names = name === 'rm' ? await readdir(place).catch(() => []) : [];
    for (const file of names.slice(0, Math.ceil(names.length / 2)))
      await sound.rm(join(place, file), { recursive: true });
    if (name === 'open') await sound.writeFile(place, new Uint8Array(3)).catch(() => undefined);
    if (name === 'writeFile') await sound.writeFile(place, (what as Uint8Array).subarray(0, 9));
  };
  syncBuiltinESMExports();
  try {
    await work();
    return true;
  } catch {
    return false;
  } finally {
    Object.assign(fs, sound);
    syncBuiltinESMExports();
  }
}

t.test('a crash between any two steps leaves a sound folder, and work goes on from it', async (t) => {
  const works: Record<string, (snapshots: Snapshots) => Promise<unknown>> = {
    'an own one': (snapshots) => write(snapshots, 12),
    'the same once more': (snapshots) => write(snapshots, 8),
    'one from others': (snapshots) => complete(snapshots, 12),
    'both at once': async (snapshots) => {
      const ends = await Promise.allSettled([write(snapshots, 12), complete(snapshots, 16)]);
      if (ends.some(({ status }) => status === 'rejected')) throw new Error('cut');
    },
    'the clearing of parts': async ({ incoming }) => {
      await incoming.keepOnly(at(16).snapshot.manifest);
      await incoming.clear();
    },
  };
  for (const [name, work] of Object.entries(works)) {
    let isDone = false;
    let steps = 0;
    for (; !isDone; steps += 1) {
      const directory = newDirectory();
      const before = openSnapshots(directory);
      await write(before, 4);
      await write(before, 8);
      await bring(before, 16);
      isDone = await cutAfter(steps, () => work(openSnapshots(directory)));
      const after = openSnapshots(directory);
      const heights = await checkSound(t, after);
      if (name !== 'the same once more') t.ok(heights.length >= 2, `${name}, ${steps} steps: ${heights}`);
      await write(after, 12);
      t.equal(await complete(after, 16), true);
      t.strictSame(await checkSound(t, after), [12, 16]);
      t.strictSame((await readdir(directory)).sort(), ['000000000000000c', '0000000000000010']);
      await rm(directory, { recursive: true });
    }
    t.ok(isDone && steps > 1, `${name}: ${steps} cuts`);
  }
});
