import { checkpointOf, type Manifest, type Milestone, type StateTree } from '../../consensus/chain/index.ts';
import type { LedgerStorePort } from '../../consensus/node/ports.ts';
import type { Fate } from './disk.ts';
import type { Write } from './power.ts';
import type { Self } from './self.ts';
import type { StoredSnapshot } from './shelf.ts';
import type { Waiting } from './works.ts';

/** Small, so that the few accounts of a story make several. */
export const PART_BYTES_MAX = 700;

/** What the parts of the real node need of their store, as the real one does it, on a simulated disk. */
export function createLedgerPort(
  self: Self,
  { port, write }: Pick<Waiting, 'port'> & { readonly write: Write },
): Omit<LedgerStorePort, 'append' | 'keepPending' | 'forgetPending' | 'readPending'> {
  const { subject, world, disk, place, witness, actor } = self;
  const { chain, contract } = subject;
  const { snapshots } = disk;
  const { incoming } = snapshots;

  /** All parts, in order and looked at once more; null when one is missing or damaged. */
  const gathered = (manifest: Manifest, bytesOf: (index: number) => Uint8Array | undefined) => {
    const parts = new Map<number, Uint8Array>();
    let state: StateTree = chain.StateTree.EMPTY;
    for (const [index, part] of manifest.entries()) {
      if (chain.isEmptyPart(part)) continue;
      const bytes = bytesOf(index);
      const entries = bytes === undefined ? null : chain.openPart(bytes, part);
      if (bytes === undefined || entries === null) return { damaged: part, parts, state };
      parts.set(index, bytes);
      state = state.update(new Map(entries));
    }
    return { damaged: null, parts, state };
  };

  const cut = (milestone: Milestone, state: StateTree): StoredSnapshot => {
    const parts = new Map<number, Uint8Array>();
    const manifest = [...state.cut(PART_BYTES_MAX)].map((subtree, index) => {
      const part = chain.partOf(subtree);
      if (!chain.isEmptyPart(part)) parts.set(index, chain.encodePart(subtree.tree.entries()));
      return part;
    });
    return { milestone, manifest, parts };
  };

  return {
    get head() {
      return disk.head();
    },
    get firstHeight() {
      return disk.firstHeight();
    },
    epochBlocks: chain.epochBlocksOf(world.genesis),
    trusted: checkpointOf(world.start),
    readEncodedBlock: (height) =>
      port(() => {
        const found = disk.finalBlockAt(height);
        return found === undefined ? { ok: false } : { ok: true, found };
      }),
    prune: (belowHeight, blocksMax) => port(() => disk.prune(belowHeight, blocksMax)),
    readMilestone: (height) => port(() => disk.milestones().find(({ header }) => header.height === height)),
    readCommitteeChanges: (aboveHeight, countMax) =>
      port(() =>
        disk
          .milestones()
          .filter(({ header, validators }) => header.height > aboveHeight && validators !== null)
          .slice(0, countMax),
      ),
    adopt: ({ milestone, manifest }, changes) =>
      port(() => {
        const { height } = milestone.header;
        const { damaged, state } = gathered(manifest, (index) => snapshots.at(height)?.parts.get(index));
        const { genesis } = world.start;
        const head = damaged === null ? chain.headOf(milestone.header, state, { genesis, contract }) : null;
        if (head === null) return undefined;
        const next = chain.nextNonce(head.state, actor.address);
        const settled = [...disk.pending.values()].filter(({ nonce }) => nonce < next);
        const known = new Map(
          [...disk.milestones(), ...changes, milestone].map((one) => [one.header.height, one]),
        );
        write('adoption', (fate) => {
          if (!isDone(fate)) return;
          disk.adopt({ head, milestones: [...known.values()], settled });
          witness.adopted(place, head);
        });
        return head;
      }),
    snapshots: {
      heights: () => port(snapshots.heights),
      write: (milestone, state) =>
        port(() => {
          const snapshot = cut(milestone, state);
          write('snapshot', (fate) => {
            if (!isDone(fate)) return;
            disk.sync();
            snapshots.keep(snapshot);
          });
          return { parts: snapshot.manifest.length, bytes: 0 };
        }),
      find: (height) => port(() => snapshots.at(height)),
      readPart: (height, index) => port(() => snapshots.at(height)?.parts.get(index)),
      incoming: {
        has: ({ hash }) => port(() => incoming.has(hash)),
        add: ({ hash }, bytes) =>
          port(() =>
            write('part', (fate) => {
              if (fate === 'half') incoming.set(hash, bytes.subarray(0, bytes.length >> 1));
              else if (fate !== 'before') incoming.set(hash, bytes);
            }),
          ),
        complete: ({ milestone, manifest }) =>
          port(() => {
            const { damaged, parts } = gathered(manifest, (index) => incoming.get(manifest[index]!.hash));
            if (damaged !== null) incoming.delete(damaged.hash);
            else
              write('snapshot', (fate) => {
                if (!isDone(fate)) return;
                snapshots.keep({ milestone, manifest, parts });
                incoming.clear();
              });
            return damaged === null;
          }),
        keepOnly: (parts) =>
          port(() => {
            const kept = new Set(parts.map(({ hash }) => hash));
            for (const hash of [...incoming.keys()]) if (!kept.has(hash)) incoming.delete(hash);
          }),
        clear: () => port(() => incoming.clear()),
      },
    },
  };
}

/** A snapshot is there or not: what is half made has no name. */
function isDone(fate: Fate): boolean {
  return fate === 'goes on' || fate === 'after';
}
