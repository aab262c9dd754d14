import { createCopies, decodeEnvelope, type Envelope, type Received } from '../network/index.ts';
import type { Entry } from './entry.ts';
import { isValidator, type Shared } from './shared.ts';
import type { SnapshotServing } from './snapshot-serving.ts';
import type { SnapshotSync } from './snapshot-sync.ts';
import type { Sync } from './sync.ts';
import type { Transactions } from './transactions.ts';
import type { Heard, Voter } from './voter.ts';

/** Whom messages are for. */
export type Hearers = {
  readonly voter: Pick<Voter, 'hear' | 'asked'>;
  readonly entry: Pick<Entry, 'heard'>;
  readonly transactions: Pick<Transactions, 'take'>;
  readonly sync: Pick<Sync, 'heard' | 'takeEncoded' | 'takeResponse' | 'serve'>;
  readonly snapshots: Pick<SnapshotSync, 'takeOffer' | 'takePart'>;
  readonly serving: SnapshotServing;
  /** Reading takes its time and changes nothing: the votes need not wait for it. */
  readonly aside: (work: Promise<void>) => void;
};

/** Of what several ways bring: more than comes in a second. */
const COPIES_KEPT = 4_096;

/** Gives each message to whom it is for, and blames its sender for what no honest node sends. */
export function createHearing(
  shared: Shared,
  { voter, entry, transactions, sync, snapshots, serving, aside }: Hearers,
): (message: Received) => Promise<void> {
  const { self, head, gate, counters, nowMs, log } = shared;
  const copies = createCopies(COPIES_KEPT);

  /** Votes and transactions are the validators' business. */
  const concerns = (channel: Received['channel']) =>
    isValidator(shared) || !(channel === 'proposal' || channel === 'vote' || channel === 'transaction');

  const blame = ({ from, via }: Received, reason: string) => {
    counters.garbage += 1;
    gate.blame(from, nowMs(), via);
    log({ event: 'garbage', from, reason });
  };

  /** No lie is shown, and nobody is called a liar. But it has cost as much as one, and is allowed no oftener. */
  const leave = ({ from, via }: Received) => {
    counters.unproven += 1;
    gate.blame(from, nowMs(), via);
  };

  /** False for what no honest node sends. */
  const take = async (envelope: Envelope, { from, via }: Received): Promise<boolean | Heard> => {
    switch (envelope.channel) {
      case 'proposal':
      case 'vote':
        return voter.hear(envelope);
      case 'transaction':
        return transactions.take(envelope.transactions);
      case 'block':
        if (envelope.height > head().height + 1) sync.heard(envelope.height, from);
        return envelope.height !== head().height + 1 || sync.takeEncoded(envelope.finalBlock, from);
      case 'sync-request':
        aside(sync.serve(from, envelope.fromHeight, envelope.maxBlocks, via));
        // Whoever looks for blocks that come later than the next one is further on.
        if (envelope.fromHeight > head().height + 1) sync.heard(envelope.fromHeight - 1, from);
        await entry.heard(from, envelope.fromHeight - 1, via);
        await voter.asked(from, envelope.fromHeight);
        return true;
      case 'sync-response':
        await entry.heard(from, envelope.headHeight, via);
        return sync.takeResponse(envelope, from);
      case 'snapshot-request':
        aside(
          envelope.about === 'offer'
            ? serving.offer(from, envelope.aboveHeight, via)
            : serving.part(from, envelope.height, envelope.index, via),
        );
        return true;
      case 'snapshot-response':
        return envelope.about === 'offer'
          ? snapshots.takeOffer(envelope.offer, from)
          : snapshots.takePart(envelope, from);
    }
  };

  return async (message) => {
    const { channel, from, payload, via } = message;
    if (from === self || !concerns(channel)) return;
    const taken = copies.look(message, nowMs());
    if (taken === undefined) {
      counters.copies += 1;
      return;
    }
    if (!gate.admits(from, nowMs(), via)) {
      counters.notAdmitted += 1;
      return;
    }
    const decoded = decodeEnvelope(channel, payload);
    if (!decoded.ok) return blame(message, decoded.reason);
    const heard = await take(decoded.envelope, message);
    if (heard === 'unproven') leave(message);
    else if (heard === 'garbage' || !heard) blame(message, `${channel} does not hold`);
    else taken(nowMs());
  };
}
