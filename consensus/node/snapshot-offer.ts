import {
  type Checkpoint,
  decodeManifest,
  decodeMilestone,
  encodeManifest,
  encodeMilestone,
  followMilestone,
  type Manifest,
  type Milestone,
  manifestRoot,
} from '../chain/index.ts';
import { type SnapshotOffer, WIRE_LIMITS } from '../network/index.ts';
import type { LedgerStorePort } from './ports.ts';
import { readable } from './readable.ts';

/**
 * The newest snapshot above a height, with the changes of the committee that lead there from it. Where these are too
 * many for one message, the first of them alone: they lead to a height from which to ask again.
 */
export async function offerAbove(
  aboveHeight: number,
  store: Pick<LedgerStorePort, 'head' | 'snapshots' | 'readCommitteeChanges'>,
): Promise<SnapshotOffer> {
  // One above the own head came whole from others, and a crash kept it from being taken over: the changes of the committee
  // that lead to it are not here, and whoever was shown it without them would take this node for a liar.
  const passed = (await store.snapshots.heights()).filter((height) => height <= store.head.height);
  const newest = passed.at(-1) ?? 0;
  const found = newest > aboveHeight ? await store.snapshots.find(newest) : undefined;
  if (found === undefined) return { changes: [], snapshot: null };
  const known = await store.readCommitteeChanges(aboveHeight, WIRE_LIMITS.milestones);
  const leading = known.filter(({ header }) => header.height < newest);
  const isAll = leading.length < WIRE_LIMITS.milestones;
  const milestone = encodeMilestone(found.milestone);
  const manifest = encodeManifest(found.manifest);
  return { changes: leading.map(encodeMilestone), snapshot: isAll ? { milestone, manifest } : null };
}

/** What an offer comes to for who trusts a checkpoint. */
export type JudgedOffer =
  | { readonly kind: 'lie'; readonly how: string }
  | { readonly kind: 'nothing' }
  /** Changes of the committee that hold, and where they lead: the snapshot lies further on. */
  | { readonly kind: 'leads'; readonly changes: readonly Milestone[]; readonly trusted: Checkpoint }
  /** Sealed by those whom the changes name, and made of the parts that the manifest names. */
  | {
      readonly kind: 'snapshot';
      readonly changes: readonly Milestone[];
      readonly milestone: Milestone;
      readonly manifest: Manifest;
    };

export function judgeOffer(
  offer: SnapshotOffer,
  {
    trusted,
    changesMax,
    epochBlocks,
  }: { readonly trusted: Checkpoint; readonly changesMax: number; readonly epochBlocks: number },
): JudgedOffer {
  const opened = readable(() => openOffer(offer));
  if (opened === null) return lie('its offer cannot be read');
  const { changes, snapshot } = opened;
  let reached = trusted;
  for (const change of changes) {
    const step = followMilestone(reached, change);
    if (!step.ok) return lie(`its change of the committee does not hold: ${step.code}`);
    if (change.validators === null || changes.length > changesMax) return lie('it leads nowhere');
    reached = step.checkpoint;
  }
  if (snapshot === null)
    return changes.length === 0 ? { kind: 'nothing' } : { kind: 'leads', changes, trusted: reached };
  const { milestone, manifest } = snapshot;
  const step = followMilestone(reached, milestone);
  if (!step.ok) return lie(`the seals of its snapshot do not hold: ${step.code}`);
  if (milestone.header.height % epochBlocks !== 0) return lie('its snapshot ends no epoch');
  if (manifestRoot(manifest) !== milestone.header.stateRoot)
    return lie('the parts it names are not those of the state');
  return { kind: 'snapshot', changes, milestone, manifest };
}

function openOffer({ changes, snapshot }: SnapshotOffer) {
  return {
    changes: changes.map(decodeMilestone),
    snapshot: snapshot && {
      milestone: decodeMilestone(snapshot.milestone),
      manifest: decodeManifest(snapshot.manifest),
    },
  };
}

function lie(how: string): JudgedOffer {
  return { kind: 'lie', how };
}
