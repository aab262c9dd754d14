import type { Envelope } from '../../consensus/network/index.ts';
import { forgedFinalBlocks } from './forgery.ts';
import type { LiarTools } from './liar-tools.ts';

/** What a liar gives who asks it for blocks. */
export function falseAnswer(tools: LiarTools): Envelope {
  const { self } = tools;
  const { random } = self;
  const forged = forgedFinalBlocks(tools).map(({ finalBlock }) => finalBlock);
  const old = self.disk.finalBlocks();
  const headHeight = random.pick([0, self.disk.head().height, Number.MAX_SAFE_INTEGER]);
  const finalBlocks = random.pick<readonly Uint8Array[]>([
    forged,
    forged,
    [],
    old,
    [new Uint8Array([1, 2, 3])],
  ]);
  return { channel: 'sync-response', headHeight, firstHeight: 1, finalBlocks };
}
