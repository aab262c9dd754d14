import {
  changeLength,
  encodeTransaction,
  type FinalBlock,
  type LightProof,
  type Milestone,
  merklePath,
  PROOF_CHANGES_MAX,
  proveReads,
} from '../chain/index.ts';
import { type Claim, readClaim, readClaimInCall, readNetwork, type Validator } from '../contract/index.ts';
import type { LedgerStore } from '../store/index.ts';
import { ABSENT } from './absent.ts';

/** What a proof is made from. */
export type ProofSource = Pick<
  LedgerStore,
  'head' | 'readBlock' | 'readMilestone' | 'readCommitteeChanges' | 'firstHeight' | 'epochBlocks' | 'trusted'
>;

export type ProofRefusal = {
  readonly ok: false;
  readonly code:
    | 'PROOF_NO_BLOCK'
    | 'PROOF_NOTHING_THERE'
    | 'PROOF_NOTHING_NEWER'
    | 'PROOF_BLOCK_PRUNED'
    | 'PROOF_TOO_MANY_CHANGES';
  readonly reason: string;
};

export type ProofMade =
  | {
      readonly ok: true;
      readonly proof: LightProof;
      /** Of a checkpoint that is a stage on the way to this one. */
      readonly newestHeight?: number;
    }
  | ProofRefusal;

/** Blocks that are looked through for an old reading. */
const BLOCKS_SEARCHED_MAX = 50_000;
/** Characters of changes in a proof, so that its document stays below 4 MB whatever it shows: enough for 1024 of four members. */
const CHANGES_LENGTH_MAX = 2.5 * 1024 * 1024;
const CHANGES_READ = 64;

/**
 * Proves what the claim is about, by the newest state, or, for a reading that the state has let go of, by the block that
 * holds it. An entry is proven to be there or not to be there; of the rest only what is there.
 * @param sinceHeight of the checkpoint at which the proof starts: for who trusts that one or a later one
 */
export async function proveClaim(source: ProofSource, claim: Claim, sinceHeight = 0): Promise<ProofMade> {
  const { head } = source;
  if (head.height === 0)
    return refused('PROOF_NO_BLOCK', 'there is no block yet whose seals could prove anything');
  if (claim.kind === 'entry' || readClaim(head.state, claim) !== null) {
    const sealed = await source.readBlock(head.height);
    const milestone = await source.readMilestone(head.height);
    const certificate = sealed.ok ? sealed.found.certificate : milestone?.certificate;
    if (certificate === undefined) return refused('PROOF_BLOCK_PRUNED', `block ${head.height} is not here`);
    const entries = proveReads(head.state, (state) => readClaim(state, claim));
    const evidence = { kind: 'state', entries } as const;
    return ledTo(source, { header: head.header, certificate, evidence }, sinceHeight);
  }
  if (claim.kind === 'reading') return proveOldReading(source, claim, sinceHeight);
  return refused('PROOF_NOTHING_THERE', `the ledger has ${ABSENT[claim.kind]}`);
}

/**
 * Shows which committee decides after the newest epoch, or, before the first has ended, after the newest block: what
 * others may take as a checkpoint. Where that is too many changes away it shows the last one that a proof leads to: a
 * stage, from which the next one goes on.
 */
export async function proveCheckpoint(source: ProofSource, sinceHeight = 0): Promise<ProofMade> {
  const { head, epochBlocks } = source;
  const height = Math.floor(head.height / epochBlocks) * epochBlocks || head.height;
  if (height === 0) return refused('PROOF_NO_BLOCK', 'there is no block yet: the genesis is the checkpoint');
  if (height <= sinceHeight)
    return refused('PROOF_NOTHING_NEWER', `no epoch has ended here since block ${sinceHeight}`);
  const led = await changesBetween(source, { sinceHeight, height });
  const last = led.changes.at(-1);
  if (!led.isAll && last !== undefined)
    return { ...checkpointAt(source, last, { ...led, sinceHeight }), newestHeight: height };
  const milestone = await source.readMilestone(height);
  const block = milestone === undefined ? await source.readBlock(height) : null;
  const sealed = milestone ?? (block?.ok ? { header: block.found.block.header, ...block.found } : undefined);
  if (sealed === undefined) return refused('PROOF_BLOCK_PRUNED', `block ${height} is not here`);
  const validators = milestone?.validators ?? led.validators;
  return checkpointAt(source, { ...sealed, validators }, { ...led, sinceHeight });
}

function checkpointAt(
  { head: { genesis } }: ProofSource,
  { header, certificate, validators }: Milestone,
  { changes, sinceHeight }: { readonly changes: readonly Milestone[]; readonly sinceHeight: number },
): Extract<ProofMade, { ok: true }> {
  const committees = changes.filter((change) => change.header.height < header.height);
  const evidence = { kind: 'validators', validators: validators ?? [] } as const;
  const since = sinceHeight === 0 ? {} : { sinceHeight };
  return { ok: true, proof: { genesis, ...since, committees, header, certificate, evidence } };
}

async function proveOldReading(
  source: ProofSource,
  claim: Extract<Claim, { kind: 'reading' }>,
  sinceHeight: number,
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
    return transactionProof(source, { ...read.found, index }, sinceHeight);
  }
  return refused('PROOF_NOTHING_THERE', `the ledger has ${ABSENT.reading}`);
}

async function transactionProof(
  source: ProofSource,
  { block, certificate, index }: FinalBlock & { readonly index: number },
  sinceHeight: number,
): Promise<ProofMade> {
  const items = block.transactions.map(encodeTransaction);
  const path = merklePath('transaction', items, index);
  const count = items.length;
  const evidence = { kind: 'transaction', index, count, transaction: items[index]!, path } as const;
  return ledTo(source, { header: block.header, certificate, evidence }, sinceHeight);
}

/** With the way from the checkpoint to the block. */
async function ledTo(
  source: ProofSource,
  shown: Pick<LightProof, 'header' | 'certificate' | 'evidence'>,
  sinceHeight: number,
): Promise<ProofMade> {
  const { genesis } = source.head;
  const { height } = shown.header;
  const { changes, isAll } = await changesBetween(source, { sinceHeight, height });
  if (!isAll) {
    const reason = `the committee has changed more often between block ${sinceHeight} and block ${height} than a proof holds (${changes.length} times here)`;
    return refused('PROOF_TOO_MANY_CHANGES', reason);
  }
  const since = sinceHeight === 0 ? {} : { sinceHeight };
  return { ok: true, proof: { genesis, ...since, committees: changes, ...shown } };
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

type Led = {
  /** Ascending: all between, or as many from the first on as a proof holds. */
  readonly changes: readonly Milestone[];
  readonly isAll: boolean;
  /** Who decides after them. */
  readonly validators: readonly Validator[];
};

async function changesBetween(
  source: ProofSource,
  { sinceHeight, height }: { readonly sinceHeight: number; readonly height: number },
): Promise<Led> {
  const changes: Milestone[] = [];
  let { validators } = source.trusted;
  let length = 0;
  for (let above = 0; ; ) {
    const page = await source.readCommitteeChanges(above, CHANGES_READ);
    for (const change of page) {
      above = change.header.height;
      if (above >= height) return { changes, isAll: true, validators };
      if (above > sinceHeight) {
        length += changeLength(change);
        if (changes.length === PROOF_CHANGES_MAX || length > CHANGES_LENGTH_MAX)
          return { changes, isAll: false, validators };
        changes.push(change);
      }
      validators = change.validators ?? validators;
    }
    if (page.length === 0) return { changes, isAll: true, validators };
  }
}

function refused(code: ProofRefusal['code'], reason: string): ProofRefusal {
  return { ok: false, code, reason };
}
