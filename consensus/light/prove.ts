import {
  encodeTransaction,
  type FinalBlock,
  type LightProof,
  merklePath,
  proveReads,
} from '../chain/index.ts';
import { type Claim, readClaim, readClaimInCall, readNetwork } from '../contract/index.ts';
import type { LedgerStore } from '../store/index.ts';

/** What a proof is made from. */
export type ProofSource = Pick<
  LedgerStore,
  'head' | 'readBlock' | 'readMilestone' | 'readCommitteeChanges' | 'firstHeight' | 'epochBlocks' | 'trusted'
>;

export type ProofRefusal = {
  readonly ok: false;
  readonly code: 'PROOF_NO_BLOCK' | 'PROOF_NOTHING_THERE' | 'PROOF_BLOCK_PRUNED';
  readonly reason: string;
};

export type ProofMade = { readonly ok: true; readonly proof: LightProof } | ProofRefusal;

/** Blocks that are looked through for an old reading. */
const BLOCKS_SEARCHED_MAX = 50_000;
/** Changes of the committee in a proof: what its document holds. */
const CHANGES_MAX = 1024;

/**
 * Proves what the claim is about, by the newest state, or, for a reading that the state has let go of, by the block that
 * holds it. An entry is proven to be there or not to be there; of the rest only what is there.
 */
export async function proveClaim(source: ProofSource, claim: Claim): Promise<ProofMade> {
  const { head } = source;
  if (head.height === 0)
    return refused('PROOF_NO_BLOCK', 'there is no block yet whose seals could prove anything');
  if (claim.kind === 'entry' || readClaim(head.state, claim) !== null) {
    const sealed = await source.readBlock(head.height);
    const milestone = await source.readMilestone(head.height);
    const certificate = sealed.ok ? sealed.found.certificate : milestone?.certificate;
    if (certificate === undefined) return refused('PROOF_BLOCK_PRUNED', `block ${head.height} is not here`);
    const entries = proveReads(head.state, (state) => readClaim(state, claim));
    const { header, genesis } = head;
    const committees = await changesBefore(source, head.height);
    const evidence = { kind: 'state', entries } as const;
    return { ok: true, proof: { genesis, committees, header, certificate, evidence } };
  }
  if (claim.kind === 'reading') return proveOldReading(source, claim);
  return refused('PROOF_NOTHING_THERE', `the ledger has no such ${claim.kind}`);
}

/**
 * Shows which committee decides after the newest epoch, or, before the first has ended, after the newest block: what
 * others may take as a checkpoint.
 */
export async function proveCheckpoint(source: ProofSource): Promise<ProofMade> {
  const { head, epochBlocks, trusted } = source;
  const { genesis } = head;
  const height = Math.floor(head.height / epochBlocks) * epochBlocks || head.height;
  if (height === 0) return refused('PROOF_NO_BLOCK', 'there is no block yet: the genesis is the checkpoint');
  const milestone = await source.readMilestone(height);
  const block = milestone === undefined ? await source.readBlock(height) : null;
  const sealed = milestone ?? (block?.ok ? { header: block.found.block.header, ...block.found } : undefined);
  if (sealed === undefined) return refused('PROOF_BLOCK_PRUNED', `block ${height} is not here`);
  const committees = await changesBefore(source, height);
  const validators = milestone?.validators ?? committees.at(-1)?.validators ?? trusted.validators;
  const { header, certificate } = sealed;
  const evidence = { kind: 'validators', validators } as const;
  return { ok: true, proof: { genesis, committees, header, certificate, evidence } };
}

async function proveOldReading(
  source: ProofSource,
  claim: Extract<Claim, { kind: 'reading' }>,
): Promise<ProofMade> {
  const { head, firstHeight } = source;
  const { slotMs, recordWindowMs } = readNetwork(head.state);
  const fromMs = claim.slotStartMs + slotMs;
  const first = await firstSince(source, fromMs);
  if (first === firstHeight && firstHeight > 1)
    return refused(
      'PROOF_BLOCK_PRUNED',
      `blocks of that time are kept here no more, only from ${firstHeight} on`,
    );
  const end = Math.min(head.height, first + BLOCKS_SEARCHED_MAX);
  for (let height = first; height <= end; height += 1) {
    const read = await source.readBlock(height);
    if (!read.ok || read.found.block.header.timeMs > claim.slotStartMs + recordWindowMs) break;
    const { transactions } = read.found.block;
    const index = transactions.findIndex((transaction) => readClaimInCall(transaction, claim) !== null);
    if (index < 0) continue;
    return { ok: true, proof: await transactionProof(source, read.found, index) };
  }
  return refused('PROOF_NOTHING_THERE', 'the ledger has no reading of this home and slot');
}

async function transactionProof(
  source: ProofSource,
  { block, certificate }: FinalBlock,
  index: number,
): Promise<LightProof> {
  const items = block.transactions.map(encodeTransaction);
  const path = merklePath('transaction', items, index);
  const { genesis } = source.head;
  const { header } = block;
  const committees = await changesBefore(source, header.height);
  const count = items.length;
  const evidence = { kind: 'transaction', index, count, transaction: items[index]!, path } as const;
  return { genesis, committees, header, certificate, evidence };
}

/** Height of the first block kept that is not older, by halving: times rise with the heights. */
async function firstSince(source: ProofSource, timeMs: number): Promise<number> {
  let low = source.firstHeight;
  let high = source.head.height + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const read = await source.readBlock(middle);
    if (read.ok && read.found.block.header.timeMs >= timeMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The newest of them, where there are too many for a proof: it then holds from a checkpoint after the others on. */
async function changesBefore(source: ProofSource, height: number): Promise<LightProof['committees']> {
  let changes: LightProof['committees'] = [];
  for (let above = 0; ; ) {
    const page = await source.readCommitteeChanges(above, CHANGES_MAX);
    const before = page.filter(({ header }) => header.height < height);
    changes = [...changes, ...before].slice(-CHANGES_MAX);
    const last = before.at(-1);
    if (last === undefined) return changes;
    above = last.header.height;
  }
}

function refused(code: ProofRefusal['code'], reason: string): ProofRefusal {
  return { ok: false, code, reason };
}
