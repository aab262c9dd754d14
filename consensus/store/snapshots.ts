import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  cutState,
  decodeManifest,
  decodeMilestone,
  encodeManifest,
  encodeMilestone,
  encodePart,
  isEmptyPart,
  type Manifest,
  type Milestone,
  manifestRoot,
  openPart,
  partOf,
  type SnapshotPart,
  StateTree,
} from '../chain/index.ts';
import { ConsensusError } from '../errors.ts';
import { exists, syncDirectory } from './directory.ts';
import { guarded, isMissingFile } from './failure.ts';
import { createTurns } from './turns.ts';

/**
 * Snapshots of the state as plain files, one a part: written once and never moved again, where a database would write
 * values of this size anew with every compaction.
 *
 *     snapshots/HEIGHT/milestone    header, seals and, where it changed, the new committee
 *     snapshots/HEIGHT/manifest     what the parts are
 *     snapshots/HEIGHT/INDEX        a part
 *     snapshots/draft/              the own one in the making
 *     snapshots/incoming/HASH       parts from others
 *     snapshots/arriving/           the one that is put together from them
 *     snapshots/leaving/            one that is being deleted
 *
 * A snapshot gets its name once all of it is synced, and loses it before anything of it is deleted, so what has a name is
 * whole. Whatever is read proves itself against the header; nothing here is believed.
 *
 * All of it may be called at any time. An own snapshot takes long, and one from others must not wait for it: each has a
 * folder of its own to be made in, and they take turns only in getting their names.
 */
export type Snapshots = {
  /** Heights, ascending. */
  readonly heights: () => Promise<readonly number[]>;
  /** Writes one part after the other, and lets others work in between. The newest two are kept. */
  readonly write: (milestone: Milestone, state: StateTree, signal: AbortSignal) => Promise<SnapshotSize>;
  /** Undefined where there is none, or none that holds together. */
  readonly find: (height: number) => Promise<FoundSnapshot | undefined>;
  /** As it lies there: whoever asked for it checks it. Undefined where it is missing. */
  readonly readPart: (height: number, index: number) => Promise<Uint8Array | undefined>;
  /** All of its parts, checked one by one, as a state. Undefined when one is missing or damaged. */
  readonly load: (snapshot: FoundSnapshot) => Promise<StateTree | undefined>;
  readonly incoming: Incoming;
};

export type FoundSnapshot = { readonly milestone: Milestone; readonly manifest: Manifest };

export type SnapshotSize = { readonly parts: number; readonly bytes: number };

/** Parts from others, each checked before it comes here; they outlast a restart and are known by their hashes. */
export type Incoming = {
  readonly has: (part: SnapshotPart) => Promise<boolean>;
  readonly add: (part: SnapshotPart, bytes: Uint8Array) => Promise<void>;
  /** Makes a snapshot of those that this one names; false when one is missing. What else came is forgotten. */
  readonly complete: (snapshot: FoundSnapshot) => Promise<boolean>;
  /** Forgets all others: what nobody offers any more would pile up where fetching takes longer than an epoch. */
  readonly keepOnly: (parts: readonly SnapshotPart[]) => Promise<void>;
  readonly clear: () => Promise<void>;
};

/** The older of the two is there for those who began to fetch it, and while the newer is being written. */
const KEPT = 2;
const MILESTONE = 'milestone';
const MANIFEST = 'manifest';

/** @param directory made when something is first written to it */
export function openSnapshots(directory: string): Snapshots {
  const placeOf = (height: number) => join(directory, ordered(height));
  const draft = join(directory, 'draft');
  const incoming = join(directory, 'incoming');
  const arriving = join(directory, 'arriving');
  const leaving = join(directory, 'leaving');
  const inTurnToWrite = createTurns();
  const inTurnToTakeIn = createTurns();
  const inTurnToName = createTurns();

  const heights = async (): Promise<number[]> => {
    const names = await namesIn(directory);
    return names
      .filter((name) => /^[0-9a-f]{16}$/.test(name))
      .map((name) => Number.parseInt(name, 16))
      .sort((left, right) => left - right);
  };

  const begin = async (place: string) => {
    await rm(place, { recursive: true, force: true });
    await mkdir(place, { recursive: true, mode: 0o700 });
  };

  /** Gives a snapshot in the making its name, and lets go of those that it replaces. */
  const finish = async (made: string, { milestone, manifest }: FoundSnapshot) => {
    await writeSynced(join(made, MANIFEST), encodeManifest(manifest));
    await writeSynced(join(made, MILESTONE), encodeMilestone(milestone));
    await syncDirectory(made);
    const { height } = milestone.header;
    await inTurnToName(async () => {
      if (await exists(placeOf(height))) await letGo(height);
      await rename(made, placeOf(height));
      await syncDirectory(directory);
      for (const old of (await heights()).slice(0, -KEPT)) await letGo(old);
    });
  };

  /** The name goes first, for good: what is half deleted must not look like a snapshot, after a loss of power either. */
  const letGo = async (height: number) => {
    await begin(leaving);
    await rename(placeOf(height), join(leaving, ordered(height)));
    await syncDirectory(directory);
    await rm(leaving, { recursive: true, force: true });
  };

  const find = async (height: number): Promise<FoundSnapshot | undefined> => {
    const stored = await readIfThere(join(placeOf(height), MILESTONE));
    const listed = await readIfThere(join(placeOf(height), MANIFEST));
    if (stored === undefined || listed === undefined) return undefined;
    try {
      const milestone = decodeMilestone(stored);
      const manifest = decodeManifest(listed);
      const isWhole =
        milestone.header.height === height && manifestRoot(manifest) === milestone.header.stateRoot;
      return isWhole ? { milestone, manifest } : undefined;
    } catch (error) {
      // What cannot be read is no snapshot: there is another, or the others have one.
      if (error instanceof ConsensusError) return undefined;
      throw error;
    }
  };

  const takingIn = <Result>(doing: string, work: () => Promise<Result>) =>
    guarded(doing, () => inTurnToTakeIn(work));

  return {
    heights: () => guarded('listing snapshots', heights),
    write: (milestone, state, signal) =>
      guarded('writing a snapshot', () =>
        inTurnToWrite(async () => {
          await begin(draft);
          const manifest: SnapshotPart[] = [];
          let bytes = 0;
          for (const subtree of cutState(state)) {
            if (signal.aborted) throw aborted();
            const part = partOf(subtree);
            if (!isEmptyPart(part)) {
              const encoded = encodePart(subtree.tree.entries());
              await writeSynced(join(draft, String(manifest.length)), encoded);
              bytes += encoded.length;
            }
            manifest.push(part);
          }
          await finish(draft, { milestone, manifest });
          return { parts: manifest.length, bytes };
        }),
      ),
    find: (height) => guarded('reading a snapshot', () => find(height)),
    readPart: (height, index) =>
      guarded('reading a snapshot', () => readIfThere(join(placeOf(height), String(index)))),
    load: ({ milestone, manifest }) =>
      guarded('reading a snapshot', async () => {
        const state = StateTree.gather();
        for (const [index, part] of manifest.entries()) {
          if (isEmptyPart(part)) continue;
          const bytes = await readIfThere(join(placeOf(milestone.header.height), String(index)));
          const entries = bytes === undefined ? null : openPart(bytes, part);
          if (entries === null) return undefined;
          for (const [key, value] of entries) state.add(key, value);
        }
        return state.tree();
      }),
    incoming: {
      has: (part) => guarded('looking for a part', () => exists(join(incoming, part.hash))),
      add: (part, bytes) =>
        takingIn('storing a part', async () => {
          await mkdir(incoming, { recursive: true, mode: 0o700 });
          // Renamed into place: a part that a crash has cut must not look like one that is there.
          const place = join(incoming, part.hash);
          await writeFile(`${place}.new`, bytes, { mode: 0o600 });
          await rename(`${place}.new`, place);
        }),
      complete: (snapshot) =>
        takingIn('completing a snapshot', async () => {
          await begin(arriving);
          for (const [index, part] of snapshot.manifest.entries()) {
            if (isEmptyPart(part)) continue;
            const bytes = await readIfThere(join(incoming, part.hash));
            if (bytes === undefined || openPart(bytes, part) === null) {
              await rm(join(incoming, part.hash), { force: true });
              await rm(arriving, { recursive: true, force: true });
              return false;
            }
            await writeSynced(join(arriving, String(index)), bytes);
          }
          await finish(arriving, snapshot);
          await rm(incoming, { recursive: true, force: true });
          return true;
        }),
      keepOnly: (parts) =>
        takingIn('clearing parts', async () => {
          const kept = new Set(parts.map(({ hash }) => hash));
          for (const name of await namesIn(incoming))
            if (!kept.has(name)) await rm(join(incoming, name), { force: true });
        }),
      clear: () => takingIn('clearing parts', () => rm(incoming, { recursive: true, force: true })),
    },
  };
}

async function writeSynced(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissingFile(error)) return [];
    throw error;
  }
}

function aborted(): ConsensusError {
  return new ConsensusError('CONSENSUS_ABORTED', 'the snapshot was given up');
}

function ordered(height: number): string {
  return height.toString(16).padStart(16, '0');
}
