import type { Head, Milestone } from '../../consensus/chain/index.ts';
import type { Envelope, SnapshotOffer } from '../../consensus/network/index.ts';
import { PART_BYTES_MAX } from './ledger-port.ts';
import type { LiarTools } from './liar-tools.ts';
import { VICES_ON_SNAPSHOTS } from './vices.ts';

type Answer = Extract<Envelope, { channel: 'snapshot-response' }>;

/** What becomes of an answer that the code wants to give; null where nothing is said. */
export type FalseSnapshot = (answer: Answer) => Answer | null;

/** Null for one that tells the truth about them. */
export function createFalseSnapshot({ self, vices }: LiarTools): FalseSnapshot | null {
  const habit = VICES_ON_SNAPSHOTS.find((vice) => vices.has(vice));
  if (habit === undefined) return null;
  const { subject, world, random, actor, disk, epochBlocks } = self;
  const { chain, contract } = subject;
  /** Parts of its own state, and the height at which it has offered them. */
  let offered: { readonly height: number; readonly parts: readonly Uint8Array[] } | null = null;

  /** A street like this one in which it decides alone, and is rich. */
  const ownStreet = (): Head => {
    const { genesis } = world;
    const { address, publicKey } = actor;
    const accounts = genesis.accounts.map((account) =>
      account.address === address ? { ...account, balanceMicro: RICH_MICRO } : account,
    );
    return chain.genesisHead({ ...genesis, validators: [{ address, publicKey }], accounts }, contract);
  };

  const forgedOffer = (height: number): NonNullable<SnapshotOffer['snapshot']> => {
    const { state, header, validators } = ownStreet();
    const { stateRoot, validatorsHash } = header;
    const own = { ...disk.head().header, height, stateRoot, validatorsHash, proposer: actor.address };
    const sealed = { genesis: world.start.genesis, height, round: 0, digest: chain.blockDigest(own) };
    const { privateKey } = self.key() ?? actor;
    const seals = [{ signer: 0, signature: chain.signSeal(sealed, privateKey) }];
    const milestone: Milestone = { header: own, certificate: { round: 0, seals }, validators };
    const subtrees = [...state.cut(PART_BYTES_MAX)];
    offered = { height, parts: subtrees.map(({ tree }) => chain.encodePart(tree.entries())) };
    const manifest = chain.encodeManifest(subtrees.map(chain.partOf));
    return { milestone: chain.encodeMilestone(milestone), manifest };
  };

  /** The end of an epoch, above where the liar is. */
  const nextEpoch = () => (Math.floor(disk.head().height / epochBlocks) + 1 + random.below(2)) * epochBlocks;

  const falseOffer = (offer: SnapshotOffer): SnapshotOffer => {
    if (habit === 'seals a state of its own') return { changes: [], snapshot: forgedOffer(nextEpoch()) };
    if (habit === 'shows a state of its own under true seals' && offer.snapshot !== null) {
      const { manifest } = forgedOffer(disk.snapshots.heights().at(-1) ?? 0);
      return { ...offer, snapshot: { ...offer.snapshot, manifest } };
    }
    if (habit !== 'offers now this, now that') return offer;
    const snapshot = random.chance(0.5) ? forgedOffer(nextEpoch()) : null;
    return random.pick([{ changes: [], snapshot }, offer]);
  };

  /** The part as it would be if it were as the liar likes. */
  const withOwnEntries = (height: number, index: number, part: Uint8Array): Uint8Array => {
    const named = disk.snapshots.at(height)?.manifest[index];
    const entries = named === undefined ? null : chain.openPart(part, named);
    if (entries === null) return part;
    const { state } = ownStreet();
    return chain.encodePart(entries.map(([key, value]) => [key, state.get(key) ?? value]));
  };

  const falsePart = (height: number, index: number, part: Uint8Array | null): Uint8Array | null => {
    if (offered?.height === height) return offered.parts[index] ?? null;
    if (part === null) return null;
    if (habit === 'gives parts cut short') return part.subarray(0, random.below(part.length));
    return habit === 'gives parts with entries of its own' ? withOwnEntries(height, index, part) : part;
  };

  return (answer) => {
    if (answer.about === 'offer') return { ...answer, offer: falseOffer(answer.offer) };
    if (habit === 'gives no parts') return random.chance(0.5) ? null : { ...answer, part: null };
    return { ...answer, part: falsePart(answer.height, answer.index, answer.part) };
  };
}

const RICH_MICRO = 10n ** 13n;
