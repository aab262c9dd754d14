import type { Executed, FinalBlock } from '../../consensus/chain/index.ts';
import type { Envelope } from '../../consensus/network/index.ts';
import type { Self } from './self.ts';

/** Asks one validator after the other for final blocks, and answers those who ask: the real sync's rules, in virtual time. */
export type CatchUp = {
  readonly ask: () => void;
  /** Somebody says that a later height is final. */
  readonly heard: (from: string) => void;
  /** Takes a final block in if it is the next; false for garbage. */
  readonly take: (finalBlock: Uint8Array) => boolean;
  readonly takeResponse: (response: Extract<Envelope, { channel: 'sync-response' }>) => void;
  readonly serve: (to: string, fromHeight: number) => void;
};

type Parts = {
  readonly later: (name: string, delayMs: number, action: () => void) => void;
  readonly append: (final: FinalBlock, executed: Executed, finalBlock: Uint8Array) => void;
};

const ASK_INTERVAL_MS = 100;
const ANSWER_MS = 1_000;
const BLOCKS_MAX = 16;

export function createCatchUp(self: Self, { later, append }: Parts): CatchUp {
  const { subject, disk, actor, agenda, witness, place } = self;
  const { chain } = subject;
  let provider = self.place;
  let patience = 0;
  let askedAtMs = Number.NEGATIVE_INFINITY;

  const providers = () =>
    disk
      .head()
      .validators.map(({ address }) => address)
      .filter((address) => address !== actor.address);

  const ask = () => {
    const waitMs = askedAtMs + ASK_INTERVAL_MS - agenda.nowMs();
    if (waitMs > 0) {
      later('sync ask', waitMs, ask);
      return;
    }
    const candidates = providers();
    const to = candidates[provider % candidates.length];
    if (to === undefined) return;
    askedAtMs = agenda.nowMs();
    self.say({ channel: 'sync-request', fromHeight: disk.head().height + 1, maxBlocks: BLOCKS_MAX }, to);
    later('sync answer', ANSWER_MS, () => {
      provider += 1;
      if (patience <= 0) return;
      patience -= 1;
      ask();
    });
  };

  const askAround = () => {
    patience = providers().length;
    ask();
  };

  const take = (encoded: Uint8Array): boolean => {
    const closed = closedBlockOf(encoded);
    if (closed === null) return false;
    const { height } = closed.header;
    if (height !== disk.head().height + 1) return true;
    const opened = chain.openFinalBlock(disk.head(), closed);
    if (!opened.ok) return false;
    const executed = self.executions.execute(disk.head(), opened.final.block);
    if (executed.ok) append(opened.final, executed, encoded);
    else witness.accuse(`n${place} cannot execute final block ${height}: ${executed.reason}`);
    return true;
  };

  const closedBlockOf = (bytes: Uint8Array) => {
    try {
      return chain.decodeClosedFinalBlock(bytes);
    } catch {
      // A liar's bytes: no block.
      return null;
    }
  };

  return {
    ask: askAround,
    heard(from) {
      const known = providers().indexOf(from);
      if (known >= 0) provider = known;
      askAround();
    },
    take,
    takeResponse({ headHeight, finalBlocks }) {
      later('sync answer', 0, () => undefined);
      const before = disk.head().height;
      for (const encoded of finalBlocks) {
        if (take(encoded)) continue;
        provider += 1;
        askAround();
        return;
      }
      const helped = disk.head().height > before;
      if (!helped) provider += 1;
      if (disk.head().height >= headHeight) return;
      if (helped) askedAtMs = Number.NEGATIVE_INFINITY;
      if (!helped && patience <= 0) return;
      patience = helped ? providers().length : patience - 1;
      ask();
    },
    serve(to, fromHeight) {
      const headHeight = disk.head().height;
      const finalBlocks =
        fromHeight > 0
          ? disk.blocks.slice(fromHeight, fromHeight + BLOCKS_MAX).map((block) => block.finalBlock)
          : [];
      self.say({ channel: 'sync-response', headHeight, firstHeight: 1, finalBlocks }, to);
    },
  };
}
