import {
  blockDigest,
  type Certificate,
  type Checkpoint,
  type Contract,
  checkCertificate,
  type FinalBlock,
  type Head,
  type Header,
  StateTree,
  transactionsRoot,
  validatorsHash,
} from '../chain/index.ts';
import type { Database } from './database.ts';
import {
  corrupt,
  decodeHeight,
  decodeStoredBlock,
  decodeStoredMilestone,
  keys,
  rangeOf,
  stateKeyOf,
} from './layout.ts';

/** Blocks below the head whose links are checked at every start; the rest is checked when it is read. */
const TAIL_BLOCKS = 64;

/**
 * The head as stored, with the state rebuilt from its entries and held against the head's header, the certificate of
 * the head's block and the links of the newest blocks.
 * @throws ConsensusError CONSENSUS_STORE_CORRUPT, naming what does not fit
 */
export async function loadHead(
  database: Database,
  { start, trusted, contract }: { start: Head; trusted: Checkpoint; contract: Contract },
): Promise<Head> {
  const stored = await database.get(keys.head);
  if (stored === undefined) throw corrupt('head', 'it is missing');
  const height = decodeHeight(stored);
  const state = await loadState(database);
  if (height === 0) {
    if (state.root !== start.state.root) throw corrupt('state', 'its root is not that of the genesis');
    return start;
  }
  const { header, certificate } = await loadTail(database, height, start);
  if (state.root !== header.stateRoot) throw corrupt('state', `its root is not that of block ${height}`);
  const { genesis } = start;
  const validators = contract.validatorsOf(state);
  if (header.validatorsHash !== validatorsHash(validators)) throw corrupt('head', 'another committee');
  const digest = blockDigest(header);
  const sealers = await committeeBefore(database, height, trusted);
  const fault = checkCertificate(certificate, { genesis, height, digest, validators: sealers });
  if (fault !== null) throw corrupt(`block ${height}`, `its certificate does not hold: ${fault}`);
  return { genesis, height, digest, header, state, validators, proposer: header.proposer };
}

/** Who decided on a height: the committee of the newest block before it that changed it. */
async function committeeBefore(
  database: Database,
  height: number,
  trusted: Checkpoint,
): Promise<Checkpoint['validators']> {
  const range = { gt: rangeOf('milestone').gt, lt: keys.milestone(height), reverse: true };
  for await (const bytes of database.values(range)) {
    const { validators } = decodeStoredMilestone(bytes);
    if (validators !== null) return validators;
  }
  return trusted.validators;
}

/** Taken up piece by piece: what is read goes again before the next comes. */
async function loadState(database: Database): Promise<StateTree> {
  const state = StateTree.gather();
  const iterator = database.iterator(rangeOf('state'));
  try {
    for (;;) {
      const read = await iterator.nextv(ENTRIES_AT_ONCE);
      if (read.length === 0) return state.tree();
      for (const [key, value] of read) state.add(stateKeyOf(key), value);
    }
  } finally {
    await iterator.close();
  }
}

/** Read from the database in one go. */
const ENTRIES_AT_ONCE = 4_000;

type Sealed = { readonly header: Header; readonly certificate: Certificate };

/** Header and seals of the newest block, once it and those before it hang together. */
async function loadTail(database: Database, height: number, start: Head): Promise<Sealed> {
  const first = await loadFirstHeight(database);
  if (height < first) return loadMilestone(database, height);
  const newest = await loadSealed(database, height);
  let child = newest.header;
  for (let below = height - 1; below >= first && below >= height - TAIL_BLOCKS; below--) {
    const { header } = await loadSealed(database, below);
    checkLink(child, blockDigest(header));
    child = header;
  }
  if (child.height === 1) checkLink(child, start.digest);
  return newest;
}

function checkLink(child: Header, parentDigest: string): void {
  if (child.parent !== parentDigest) throw corrupt(`block ${child.height}`, 'it follows another block');
}

/** Height of the oldest block that is kept. @throws ConsensusError CONSENSUS_STORE_CORRUPT */
export async function loadFirstHeight(database: Database): Promise<number> {
  const stored = await database.get(keys.first);
  return stored === undefined ? 1 : decodeHeight(stored, 'first');
}

/** Of a store that began with a snapshot, and has no block yet. */
async function loadMilestone(database: Database, height: number): Promise<Sealed> {
  const stored = await database.get(keys.milestone(height));
  if (stored === undefined) throw corrupt(`milestone ${height}`, 'it is missing');
  const milestone = decodeStoredMilestone(stored);
  if (milestone.header.height !== height) throw corrupt(`milestone ${height}`, 'it has another height');
  return milestone;
}

async function loadSealed(database: Database, height: number): Promise<Sealed> {
  const { block, certificate } = await loadBlock(database, height);
  return { header: block.header, certificate };
}

async function loadBlock(database: Database, height: number): Promise<FinalBlock> {
  const stored = await database.get(keys.block(height));
  if (stored === undefined) throw corrupt(`block ${height}`, 'it is missing');
  const final = decodeStoredBlock(height, stored);
  if (transactionsRoot(final.block.transactions) !== final.block.header.transactionsRoot) {
    throw corrupt(`block ${height}`, 'its transactions have another root');
  }
  return final;
}
