import type { FoundCopy, ReadCopy } from './vote-copy.ts';
import type { VoteMark } from './vote-record.ts';

/**
 * What two copies, as found, say together. Every append goes to copy A, is synced, and only then to copy B: a crash can
 * leave nothing but A one frame ahead, or a frame cut short in the one copy that was being written. Those two are
 * mended from the other copy, and nothing is lost by it: a vote is sent after BOTH are synced, so the frame that was
 * cut short was never sent, and one that only A has is kept as if it had been. All else is no crash's work.
 */
export type Judgement =
  | { readonly kind: 'intact'; readonly copy: ReadCopy }
  | { readonly kind: 'mend'; readonly damaged: 'a' | 'b'; readonly copy: ReadCopy }
  | { readonly kind: 'doubt'; readonly reason: string };

export function judge(a: FoundCopy, b: FoundCopy): Judgement {
  for (const [name, copy] of [['a', a] as const, ['b', b] as const]) {
    if (copy.kind === 'missing') return doubt(`copy ${name} is missing`);
    if (copy.kind === 'unreadable') return doubt(`copy ${name}: ${copy.reason}`);
    if (!copy.rightSize) return doubt(`copy ${name} has not the size it was made with`);
  }
  if (a.kind !== 'read' || b.kind !== 'read') return doubt('a copy is missing');
  if (!sameBytes(a.header.identity, b.header.identity)) return doubt('the copies are of different records');
  if (a.header.generation === b.header.generation) return judgeFrames(a, b);
  return judgeGenerations(a, b);
}

function judgeFrames(a: ReadCopy, b: ReadCopy): Judgement {
  const common = Math.min(a.hashes.length, b.hashes.length) - 1;
  // The hashes are chained: where one is the same, all before it are.
  if (!sameBytes(a.hashes[common]!, b.hashes[common]!)) return doubt('the copies deviate');
  const ahead = a.hashes.length - b.hashes.length;
  if (ahead === 0 && b.clean) return a.clean ? { kind: 'intact', copy: a } : mend('a', b);
  if (ahead === 1 && a.clean) return mend('b', a);
  return doubt(ahead < 0 ? 'copy a has lost what copy b still has' : 'copy b is damaged or has lost frames');
}

/** A new generation too is written to A first. It names the last frame of the one it follows. */
function judgeGenerations(a: ReadCopy, b: ReadCopy): Judgement {
  const follows = a.header.generation === b.header.generation + 1;
  if (follows && a.clean && b.clean && sameBytes(a.header.previousTip, b.hashes.at(-1)!)) return mend('b', a);
  return doubt('the copies are of different generations');
}

/** Whether nothing was ever said by this copy: it is missing, or as it was put in place the first time. */
export function neverUsed(copy: FoundCopy): boolean {
  if (copy.kind === 'missing') return true;
  if (copy.kind !== 'read' || !copy.clean || !copy.rightSize || copy.hashes.length > 1) return false;
  return copy.header.generation === 1 && copy.header.floorHeight === 0;
}

/** 0 for what cannot be read. */
export function generationOf(copy: FoundCopy): number {
  return copy.kind === 'read' ? copy.header.generation : 0;
}

/** The highest height that this copy tells of, by a vote or by its floor. */
export function highestOf(copy: FoundCopy): number {
  if (copy.kind !== 'read') return 0;
  return copy.votes.reduce((highest, vote) => Math.max(highest, vote.height), copy.header.floorHeight);
}

/** Why a sound record of votes is still not to be trusted, or null. */
export function strangeness(
  copy: ReadCopy,
  known: { readonly identity: Uint8Array | undefined; readonly mark: VoteMark | null },
): string | null {
  if (known.identity === undefined) return 'the store does not know this record of votes';
  if (!sameBytes(known.identity, copy.header.identity)) return 'the store knows another record of votes';
  if (known.mark !== null && isOlderThan(copy, known.mark))
    return 'the record of votes is older than the ledger remembers it';
  return null;
}

/**
 * Whether a sound copy is the record that was there when the ledger's newest block was stored, or that one gone on. A
 * copy put back from a backup is older, whatever it holds.
 */
function isOlderThan({ header, hashes }: ReadCopy, mark: VoteMark): boolean {
  if (header.generation !== mark.generation) return header.generation < mark.generation;
  const there = hashes[mark.frames];
  return there === undefined || !sameBytes(there, mark.tip);
}

function mend(damaged: 'a' | 'b', copy: ReadCopy): Judgement {
  return { kind: 'mend', damaged, copy };
}

function doubt(reason: string): Judgement {
  return { kind: 'doubt', reason };
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
