import { isDeepStrictEqual } from 'node:util';
import type { Commit, OwnMessage, VoteRecord } from '../../consensus/protocol/index.ts';

/** Sees everything, and remembers the first thing that must not have happened. */
export type Witness = {
  /** An own message leaves a node whose disk holds these records. */
  readonly leaves: (message: OwnMessage, disk: readonly VoteRecord[]) => void;
  readonly finalised: (height: number, digest: string, commits: readonly Commit[]) => void;
  readonly violation: () => string | null;
};

/** @param twin the address that runs twice and may contradict itself */
export function createWitness(addresses: readonly string[], twin: string | null): Witness {
  // Written out here, so that a mutant of the code under test does not move the yardstick as well.
  const decides = (2 * addresses.length) / 3;
  const decided = new Map<number, string>();
  const said = new Map<string, string>();
  const givenUpBelow = new Map<string, number>();
  let violation: string | null = null;
  const accuse = (text: string) => {
    violation ??= text;
  };

  return {
    leaves(message, disk) {
      const { kind, height, round, author } = message;
      if (!disk.some((record) => isDeepStrictEqual(record.message, message)))
        accuse(`${author} sent a ${kind} at ${height}/${round} that is not on its disk`);
      if (author === twin) return;
      if (kind === 'round-change') {
        const key = `${author} ${height}`;
        givenUpBelow.set(key, Math.max(givenUpBelow.get(key) ?? 0, round));
        return;
      }
      const key = `${author} ${kind} ${height}/${round}`;
      const before = said.get(key);
      if (before !== undefined && before !== message.digest)
        accuse(`${key}: both ${before} and ${message.digest}`);
      const isNew = before === undefined;
      said.set(key, message.digest);
      if (isNew && round < (givenUpBelow.get(`${author} ${height}`) ?? 0))
        accuse(`${key} after giving that round up`);
    },
    finalised(height, digest, commits) {
      const before = decided.get(height);
      if (before !== undefined && before !== digest) accuse(`fork at ${height}: ${before} and ${digest}`);
      decided.set(height, digest);
      const rounds = new Set(commits.map((commit) => commit.round));
      const signers = new Set(commits.map((commit) => commit.author));
      const fits = commits.every((commit) => commit.height === height && commit.digest === digest);
      if (rounds.size !== 1 || !fits || signers.size < decides)
        accuse(`certificate of ${height}: ${signers.size} signers, rounds ${[...rounds].join(' ')}`);
      if ([...signers].some((signer) => !addresses.includes(signer))) accuse(`foreign seal at ${height}`);
    },
    violation: () => violation,
  };
}
