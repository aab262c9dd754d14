import type { Address } from '../contract/types.ts';
import { encodeEnvelope } from '../network/index.ts';
import { faultsTolerated, quorum } from '../protocol/index.ts';
import type { Shared } from './shared.ts';

/**
 * Before a node signs anything after a start, it asks the others where the chain is, and waits for as many answers as
 * make a quorum with it: without so many nobody could decide on anything, so that waiting for them costs nothing.
 *
 * A validator without any record of votes (`first`) cannot know by itself whether it is new or has lost all it had. If
 * that quorum knows of no final block, the chain is only about to begin, and it may vote. Once there are blocks, it is
 * in doubt like one whose record is damaged. Only the second of two, just voted in, may vote as soon as the other is no
 * further than the block that gave it its seat: nothing is final without it.
 *
 * One with a sound record (`again`) may have been put back from a backup as a whole, store and record together. So it
 * first comes to where the others are: it signs nothing at heights that they have decided, and sees on the way what
 * it signed there.
 *
 * What they say is hearsay: no answer is signed. Named too high, heights keep a node waiting only where more lie than may
 * (a broker that speaks for all could as well be silent); named too low, they let in one that a backup has put back, or
 * that has lost all it had, and it counts as one of the faults that the agreement bears (docs/decisions.md, 13, 25, 29).
 */
export type Entry = {
  readonly start: () => Promise<void>;
  /** The network can be reached. */
  readonly connected: () => void;
  /** Another node has shown which height it looks for or has. */
  readonly heard: (from: Address, headHeight: number, via?: number) => Promise<void>;
  /** A final block has been stored. */
  readonly advanced: () => Promise<void>;
};

export type EntryStage = 'first' | 'again' | 'none';

const ASK_INTERVAL_MS = 1_000;

export function createEntry(
  { self, head, transport, timers, counters }: Shared,
  { stage, enter }: { readonly stage: () => EntryStage; readonly enter: () => Promise<void> },
): Entry {
  /** By validator, then by the way it was heard: who holds one way could else unsay what is heard by the others. */
  const heights = new Map<Address, Map<number, number>>();
  const others = () =>
    head()
      .validators.map(({ address }) => address)
      .filter((address) => address !== self);

  const isOpen = () => stage() !== 'none';
  let asking = false;
  /** The height that the last question was about. */
  let askedAbout: number | undefined;

  const isThere = (): boolean => {
    const { height, validators } = head();
    const needed = quorum(validators.length) - 1;
    const told = others().flatMap((address) => {
      const byWay = [...(heights.get(address)?.values() ?? [])];
      return byWay.length === 0 ? [] : [byWay];
    });
    if (stage() === 'first') return told.filter((theirs) => theirs.includes(height)).length >= needed;
    if (told.length < needed) return false;
    // Whatever was said since the start is late enough. Liars may name any height: of those named, one honest node at
    // least has come to this one.
    const highest = [height, ...told.map((theirs) => Math.min(...theirs))].sort(
      (left, right) => right - left,
    );
    return height >= highest[Math.min(faultsTolerated(validators.length), highest.length - 1)]!;
  };

  const askOthers = () => {
    if (!transport.connected) return;
    const fromHeight = head().height + 1;
    const payload = encodeEnvelope({ channel: 'sync-request', fromHeight, maxBlocks: 1 });
    for (const to of others())
      if (!transport.publish({ channel: 'sync-request', to, payload })) counters.unsent += 1;
    askedAbout = fromHeight;
  };

  const ask = () => {
    asking = isOpen();
    if (!asking) return;
    timers.set('entry', ASK_INTERVAL_MS, ask);
    askOthers();
  };

  const enterIfThere = async () => {
    if (!isOpen() || !isThere()) return;
    await enter();
    // Those stuck above round 0 tell what brought them there to whoever asks about their height, and they answered about
    // one below it: without another question all of them wait until they repeat themselves.
    if (askedAbout !== undefined && askedAbout <= head().height) askOthers();
  };

  return {
    async start() {
      await enterIfThere();
      ask();
    },
    connected: ask,
    async heard(from, headHeight, via = 0) {
      if (!isOpen()) return;
      if (others().includes(from))
        heights.set(from, (heights.get(from) ?? new Map<number, number>()).set(via, headHeight));
      await enterIfThere();
    },
    async advanced() {
      await enterIfThere();
      // A seat that a block has given opens the question anew.
      if (!asking) ask();
    },
  };
}
