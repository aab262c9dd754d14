import {
  decodeClosedFinalBlock,
  decodeFinalBlock,
  decodeManifest,
  decodeMilestone,
  decodeProof,
  decodeTransaction,
  encodeFinalBlock,
  encodeManifest,
  encodeMilestone,
  encodePart,
  encodeProof,
  encodeTransaction,
  openPart,
  parseGenesis,
  partOf,
} from '../../consensus/chain/index.ts';
import { decode, encode } from '../../consensus/encoding/index.ts';
import { ConsensusError } from '../../consensus/errors.ts';
import { formatGenesis } from '../../consensus/index.ts';
import {
  CHANNELS,
  decodeEnvelope,
  decodeVoteRecord,
  type Envelope,
  encodeEnvelope,
  encodeVoteRecord,
} from '../../consensus/network/index.ts';
import { alice, chainOf, genesis, transfer, validatorKeys } from '../consensus/chain-fixture.ts';
import type { Random } from '../simulation/random.ts';
import { mutated } from './mutate.ts';

/** One reader of what others send or a disk gives back: sound samples, and what it makes of anything. */
type Decoder = {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  /** The same bytes again of whatever it takes; undefined where it has no one way to write. Throws ConsensusError alone. */
  readonly again: (bytes: Uint8Array) => Uint8Array | undefined;
};

export type DecoderReport = { readonly decoder: string; readonly tried: number; readonly taken: number };

/**
 * Every decoder answers rubbish with a typed refusal, and takes only what it would write itself.
 * @throws Error naming decoder and bytes where one does neither
 */
export function fuzzDecoders(random: Random, times: number): DecoderReport[] {
  return decoders().map(({ name, samples, again }) => {
    let taken = 0;
    for (let time = 0; time < times; time += 1) {
      const bytes = mutated(samples[random.below(samples.length)]!, samples, random);
      const outcome = attempt(again, bytes);
      if (outcome === 'refused') continue;
      taken += 1;
      const same = outcome.written === undefined || Buffer.compare(outcome.written, bytes) === 0;
      if (!same) throw new Error(`${name} takes what it would write otherwise: ${toHex(bytes)}`);
    }
    return { decoder: name, tried: times, taken };
  });
}

function attempt(
  again: Decoder['again'],
  bytes: Uint8Array,
): 'refused' | { readonly written: Uint8Array | undefined } {
  try {
    return { written: again(bytes) };
  } catch (error) {
    if (error instanceof ConsensusError) return 'refused';
    throw new Error(`not a typed refusal: ${error} for ${toHex(bytes)}`, { cause: error });
  }
}

const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function decoders(): Decoder[] {
  const chain = chainOf(3);
  const finals = chain.map(({ final }) => encodeFinalBlock(final));
  const transactions = [0, 1, 2].map((nonce) => encodeTransaction(transfer(alice, nonce, { memo: 'rent' })));
  const { next } = chain.at(-1)!;
  const proofs = ['network', 'accounts/none'].map((key) => encodeProof(next.state.prove(key)));
  const envelopes = envelopesOf(finals, transactions);
  const byChannel = CHANNELS.map(
    (channel): Decoder => ({
      name: `envelope of ${channel}`,
      samples: envelopes.filter((each) => each.channel === channel).map(encodeEnvelope),
      again(bytes) {
        const decoded = decodeEnvelope(channel, bytes);
        if (!decoded.ok) throw new ConsensusError(decoded.code, decoded.reason);
        return encodeEnvelope(decoded.envelope);
      },
    }),
  );
  return [
    ...byChannel,
    { name: 'canonical value', samples: finals, again: (bytes) => encode(decode(bytes)) },
    {
      name: 'transaction',
      samples: transactions,
      again: (bytes) => encodeTransaction(decodeTransaction(bytes)),
    },
    { name: 'final block', samples: finals, again: (bytes) => encodeFinalBlock(decodeFinalBlock(bytes)) },
    {
      name: 'closed final block',
      samples: finals,
      again: (bytes) => void decodeClosedFinalBlock(bytes),
    },
    {
      name: 'milestone',
      samples: chain.map(({ final: { block, certificate } }, index) =>
        encodeMilestone({
          header: block.header,
          certificate,
          validators: index > 1 ? null : next.validators,
        }),
      ),
      again: (bytes) => encodeMilestone(decodeMilestone(bytes)),
    },
    {
      name: 'manifest of a snapshot',
      samples: [200, 2_000].map((size) => encodeManifest([...next.state.cut(size)].map(partOf))),
      again: (bytes) => encodeManifest(decodeManifest(bytes)),
    },
    {
      name: 'part of a snapshot',
      samples: [encodePart(next.state.entries())],
      again(bytes) {
        const entries = openPart(bytes, { depth: 0, hash: next.state.root });
        if (entries === null) throw new ConsensusError('CONSENSUS_BAD_ENCODING', 'not that part');
        return encodePart(entries);
      },
    },
    { name: 'state proof', samples: proofs, again: (bytes) => encodeProof(decodeProof(bytes)) },
    {
      name: 'vote record',
      samples: voteRecords(),
      again: (bytes) => encodeVoteRecord(decodeVoteRecord(bytes)),
    },
    {
      name: 'genesis document',
      samples: [Buffer.from(formatGenesis(genesis))],
      again: (bytes) => void parseGenesis(Buffer.from(bytes).toString()),
    },
  ];
}

const signature = new Uint8Array(64).fill(7);
const digest = 'ab'.repeat(32);
const [author, second, third] = validatorKeys.map(({ address }) => address) as [string, string, string];
const place = { height: 4, round: 1, author, signature };
const prepares = [author, second, third].map(
  (by) => ({ kind: 'prepare', height: 4, round: 0, digest, author: by, signature }) as const,
);
const roundChange = { kind: 'round-change', ...place, prepared: { round: 0, digest }, prepares } as const;

function envelopesOf(finals: readonly Uint8Array[], transactions: readonly Uint8Array[]): Envelope[] {
  const block = finals[0]!;
  const justification = { roundChanges: [{ ...roundChange, prepares: [] }], prepares };
  return [
    { channel: 'proposal', message: { kind: 'proposal', ...place, digest, justification }, block },
    { channel: 'vote', message: { kind: 'prepare', ...place, digest }, block: null },
    { channel: 'vote', message: { kind: 'commit', ...place, digest }, block: null },
    { channel: 'vote', message: roundChange, block },
    { channel: 'transaction', transactions },
    { channel: 'block', height: 4, finalBlock: block },
    { channel: 'sync-request', fromHeight: 1, maxBlocks: 16 },
    { channel: 'sync-response', headHeight: 9, firstHeight: 1, finalBlocks: finals },
    { channel: 'snapshot-request', about: 'offer', aboveHeight: 4 },
    { channel: 'snapshot-request', about: 'part', height: 4, index: 2 },
    { channel: 'snapshot-response', about: 'part', height: 4, index: 2, part: block },
    {
      channel: 'snapshot-response',
      about: 'offer',
      offer: { changes: [block], snapshot: { milestone: block, manifest: block } },
    },
  ];
}

function voteRecords(): Uint8Array[] {
  const { signature: _, ...unsigned } = roundChange;
  const commit = { kind: 'commit', height: 4, round: 0, digest, author } as const;
  return [
    encodeVoteRecord({ message: unsigned, prepares: [] }),
    encodeVoteRecord({ message: commit, prepares }),
  ];
}
