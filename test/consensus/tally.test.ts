import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { type Tally, tallyVote } from '../../consensus/contract/index.ts';

type Scenario = {
  readonly name: string;
  readonly epoch?: number;
  readonly signers: readonly string[];
  readonly blocks: readonly {
    readonly signer: string;
    readonly voted?: string;
    readonly auth?: boolean;
    readonly checkpoint?: readonly string[];
  }[];
  readonly results?: readonly string[];
  readonly failure?: string;
};

const { cases }: { cases: readonly Scenario[] } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/eip-225.json', import.meta.url), 'utf8'),
);

/** A chain of Clique's around the tally: who may sign is Clique's affair, what the votes come to is the tally's. */
function playClique({ epoch = 30_000, signers, blocks }: Scenario): readonly string[] | string {
  let tally: Tally = { height: 0, validators: [...signers].sort(), votes: [] };
  const recent = new Map<number, string>();
  for (const [index, { signer, voted, auth, checkpoint }] of blocks.entries()) {
    const height = index + 1;
    recent.delete(height - (Math.floor(tally.validators.length / 2) + 1));
    if (!tally.validators.includes(signer)) return 'unauthorized signer';
    if ([...recent.values()].includes(signer)) return 'recently signed';
    recent.set(height, signer);
    if (checkpoint !== undefined && String(checkpoint) !== String(tally.validators))
      return 'wrong checkpoint';
    if (voted === undefined) continue;
    const motion = auth === true ? 'add' : 'drop';
    const vote = { signer, motion, target: voted, publicKey: null } as const;
    const tallied = tallyVote(tally, vote, { height, epochBlocks: epoch });
    if (!tallied.ok) return tallied.fault;
    recent.delete(height - (Math.floor(tallied.tally.validators.length / 2) + 1));
    tally = tallied.tally;
  }
  return tally.validators;
}

t.test('the tally comes to what EIP-225 publishes', async (t) => {
  t.equal(cases.length, 23);
  for (const scenario of cases) {
    t.strictSame(playClique(scenario), scenario.failure ?? scenario.results, scenario.name);
  }
});

t.test('whatever is voted, the tally is EIP-225 said plainly', async () => {
  const names = ['A', 'B', 'C', 'D', 'E', 'F'];
  const ballots = fc.array(
    fc.record({
      signer: fc.constantFrom(...names),
      target: fc.constantFrom(...names),
      auth: fc.boolean(),
      gap: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 60 },
  );
  const play = (
    size: number,
    epoch: number,
    list: readonly { signer: string; target: string; auth: boolean; gap: number }[],
  ) => {
    let tally: Tally = { height: 0, validators: names.slice(0, size), votes: [] };
    const signers = new Set(names.slice(0, size));
    let pending: { signer: string; target: string; auth: boolean }[] = [];
    let height = 0;
    for (const { gap, ...ballot } of list) {
      for (let block = 0; block < gap; block++) {
        height += 1;
        if (height % epoch === 0) pending = [];
      }
      const { signer, target, auth } = ballot;
      const vote = { signer, target, motion: auth ? 'add' : 'drop', publicKey: null } as const;
      const tallied = tallyVote(tally, vote, { height, epochBlocks: epoch });
      if (tallied.ok !== signers.has(signer)) throw new Error('a vote of the wrong people');
      if (!tallied.ok) continue;
      tally = tallied.tally;
      pending = pending.filter((other) => other.signer !== signer || other.target !== target);
      if (auth !== signers.has(target)) pending.push(ballot);
      const about = pending.filter((other) => other.target === target);
      if (about.length * 2 > signers.size) {
        if (signers.has(target)) {
          signers.delete(target);
          pending = pending.filter((other) => other.signer !== target);
        } else signers.add(target);
        pending = pending.filter((other) => other.target !== target);
      }
      if (String(tally.validators) !== String([...signers].sort())) throw new Error('another committee');
      const left = tally.votes.map((vote) => `${vote.signer}${vote.motion}${vote.target}`).sort();
      const model = pending.map((vote) => `${vote.signer}${vote.auth ? 'add' : 'drop'}${vote.target}`).sort();
      if (String(left) !== String(model)) throw new Error('other votes stand');
    }
  };
  fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), fc.constantFrom(3, 7, 1000), ballots, play), {
    numRuns: 1000,
  });
});
