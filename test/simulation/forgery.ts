import type { Certificate } from '../../consensus/chain/index.ts';
import type { Commit } from '../../consensus/protocol/index.ts';
import type { LiarTools } from './liar-tools.ts';

type Seal = Certificate['seals'][number];
type Forged = { readonly height: number; readonly finalBlock: Uint8Array };

/**
 * Blocks for the next height with certificates that prove nothing: one seal many times, seals of several rounds, seals
 * of another block, too few. All seals are real, and of commits that were said.
 */
export function forgedFinalBlocks({ self, life, quorum, ownBlock, heardVotes }: LiarTools): Forged[] {
  const { subject, seals, random, actor, disk } = self;
  const height = disk.head().height + 1;
  const signer = disk.head().validators.findIndex(({ address }) => address === actor.address);
  const commits = heardVotes().filter(
    (vote): vote is Commit => vote.kind === 'commit' && vote.height === height,
  );
  const discussed = commits
    .map(({ digest }) => life()?.bodyOf(digest))
    .filter((block) => block !== undefined);
  const block = random.chance(0.5) && discussed.length > 0 ? random.pick(discussed) : ownBlock();
  if (block === null || block.header.height !== height || signer < 0) return [];

  const digest = subject.chain.blockDigest(block.header);
  const sealOf = (commit: Pick<Commit, 'author' | 'round' | 'digest'>): Seal => ({
    signer: disk.head().validators.findIndex(({ address }) => address === commit.author),
    signature: seals.of(
      commit.author,
      { height, round: commit.round, digest: commit.digest },
      disk.head().validators,
    ),
  });
  const round = commits.find((commit) => commit.digest === digest)?.round ?? 0;
  const mine = sealOf({ author: actor.address, round, digest });
  const ofAnyRound = onePerSigner([
    mine,
    ...commits.filter((commit) => commit.digest === digest).map(sealOf),
  ]);
  const ofAnyBlock = onePerSigner([mine, ...commits.filter((commit) => commit.round === round).map(sealOf)]);
  const certificate: Certificate = {
    round,
    seals: random.pick<readonly Seal[]>([
      new Array<Seal>(quorum()).fill(mine),
      ofAnyRound,
      ofAnyRound,
      ofAnyBlock,
      ofAnyBlock.slice(0, Math.max(1, quorum() - 1)),
    ]),
  };
  return [{ height, finalBlock: subject.chain.encodeFinalBlock({ block, certificate }) }];
}

function onePerSigner(seals: readonly Seal[]): Seal[] {
  const found = new Map(seals.filter(({ signer }) => signer >= 0).map((seal) => [seal.signer, seal]));
  return [...found.values()].sort((a, b) => a.signer - b.signer);
}
