import { START_MS } from './cast.ts';
import type { Self } from './self.ts';

/** Whether the record of votes that a node has lost can hurt no more: the real rule, in virtual time. */
export type Doubt = { readonly noteStart: () => void; readonly endDoubt: () => void };

type Parts = {
  readonly isValidator: () => boolean;
  /** Its votes above this height are sound again. */
  readonly ended: (height: number) => void;
};

export function createDoubt(self: Self, { isValidator, ended }: Parts): Doubt {
  const { disk, agenda, note, place } = self;
  const { head } = disk;
  let startedUtcMs: number | null = null;
  const utcMs = () => START_MS + Math.floor(agenda.nowMs() + self.skewMs);

  const noteStart = () => {
    const isBehind = utcMs() + self.allowedSkewMs < head().header.timeMs;
    if (!isBehind) startedUtcMs ??= utcMs();
  };

  const endDoubt = () => {
    const doubt = disk.doubt();
    if (doubt === null || !isValidator()) return;
    noteStart();
    const { height, header } = head();
    if (startedUtcMs === null || height < doubt.highestHeight) return;
    if (header.timeMs <= startedUtcMs + 2 * self.allowedSkewMs) return;
    disk.endDoubt(height);
    note?.(`n${place} trusts its votes again above ${height}`);
    ended(height);
  };

  return { noteStart, endDoubt };
}
