import { encodeEnvelope } from '../network/index.ts';
import type { Shared } from './shared.ts';
import { offerAbove } from './snapshot-offer.ts';

/** Shows others the newest snapshot, and gives them its parts. */
export type SnapshotServing = {
  readonly offer: (to: string, aboveHeight: number, via?: number) => Promise<void>;
  readonly part: (to: string, height: number, index: number, via?: number) => Promise<void>;
};

/** Answers in the making: each holds a part in memory. */
const SERVED_AT_ONCE = 4;

export function createSnapshotServing({ store, transport, gate, counters, nowMs }: Shared): SnapshotServing {
  let serving = 0;

  const serve = async (to: string, via: number | undefined, read: () => Promise<Uint8Array>) => {
    if (serving >= SERVED_AT_ONCE || !gate.serves(to, nowMs(), via)) {
      counters.unserved += 1;
      return;
    }
    serving += 1;
    try {
      const payload = await read();
      if (!transport.publish({ channel: 'snapshot-response', to, payload })) counters.unsent += 1;
    } finally {
      serving -= 1;
    }
  };

  return {
    offer: (to, aboveHeight, via) =>
      serve(to, via, async () => {
        const offer = await offerAbove(aboveHeight, store);
        return encodeEnvelope({ channel: 'snapshot-response', about: 'offer', offer });
      }),
    part: (to, height, index, via) =>
      serve(to, via, async () => {
        const part = (await store.snapshots.readPart(height, index)) ?? null;
        return encodeEnvelope({ channel: 'snapshot-response', about: 'part', height, index, part });
      }),
  };
}
