import type { Address } from '../contract/types.ts';
import { encodeEnvelope } from '../network/index.ts';
import { quorum } from '../protocol/index.ts';
import { isValidator, type Shared } from './shared.ts';

/**
 * A validator without any record of votes cannot know by itself whether it is new or has lost all it had. So it asks
 * the others: while so many of them that they make a quorum with it know of no final block, the chain is only about to
 * begin, and it may vote. Once there are blocks, it is in doubt like one whose record is damaged.
 */
export type FirstStart = {
  readonly start: () => Promise<void>;
  /** The network can be reached. */
  readonly connected: () => void;
  /** Another node has shown which height it looks for or has. */
  readonly heard: (from: Address, headHeight: number) => Promise<void>;
};

const ASK_INTERVAL_MS = 1_000;

export function createFirstStart(
  shared: Shared,
  { isDue, begin }: { readonly isDue: () => boolean; readonly begin: () => Promise<void> },
): FirstStart {
  const { self, head, transport, timers, counters } = shared;
  const atGenesis = new Set<Address>();
  const others = () =>
    head()
      .validators.map(({ address }) => address)
      .filter((address) => address !== self);

  const isOpen = () => isDue() && isValidator(shared) && head().height === 0;

  const beginIfEnough = async () => {
    if (isOpen() && atGenesis.size + 1 >= quorum(head().validators.length)) await begin();
  };

  const ask = () => {
    if (!isOpen()) return;
    timers.set('first start', ASK_INTERVAL_MS, ask);
    if (!transport.connected) return;
    const payload = encodeEnvelope({ channel: 'sync-request', fromHeight: 1, maxBlocks: 1 });
    for (const to of others())
      if (!transport.publish({ channel: 'sync-request', to, payload })) counters.unsent += 1;
  };

  return {
    async start() {
      await beginIfEnough();
      ask();
    },
    connected: ask,
    async heard(from, headHeight) {
      if (!isOpen() || !others().includes(from)) return;
      if (headHeight === 0) atGenesis.add(from);
      else atGenesis.delete(from);
      await beginIfEnough();
    },
  };
}
