import { join } from 'node:path';
import { decodeVoteRecord } from '../../consensus/network/index.ts';
import type { OwnMessage } from '../../consensus/protocol/index.ts';
import { readCopy } from '../../consensus/store/vote-copy.ts';
import { judge } from '../../consensus/store/vote-judgement.ts';

/** The record of own votes of a node that does not run; null where there is none. Throws where it is in doubt. */
export async function readKeptVotes(
  directory: string,
  author: string,
): Promise<{ readonly floorHeight: number; readonly votes: readonly OwnMessage[] } | null> {
  const [a, b] = [
    await readCopy(join(directory, 'votes-a.log')),
    await readCopy(join(directory, 'votes-b.log')),
  ];
  if (a.kind === 'missing' || b.kind === 'missing') return null;
  const judgement = judge(a, b);
  if (judgement.kind === 'doubt')
    throw new Error(`${author}: its record of votes is in doubt: ${judgement.reason}`);
  const { header, votes } = judgement.copy;
  return {
    floorHeight: header.floorHeight,
    votes: votes
      .filter(({ kind }) => kind !== 'block')
      .map(({ payload }) => decodeVoteRecord(payload).message),
  };
}
