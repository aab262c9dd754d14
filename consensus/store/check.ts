import {
  blockDigest,
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
import { corrupt, decodeHeight, decodeStoredBlock, keys, rangeOf, stateKeyOf } from './layout.ts';

/** Blocks below the head whose links are checked at every start; the rest is checked when it is read. */
const TAIL_BLOCKS = 64;

/**
 * The head as stored, with the state rebuilt from its entries and held against the head's header, the certificate of
 * the head's block and the links of the newest blocks.
 * @throws ConsensusError CONSENSUS_STORE_CORRUPT, naming what does not fit
 */
export async function loadHead(database: Database, start: Head, contract: Contract): Promise<Head> {
  const stored = await database.get(keys.head);
  if (stored === undefined) throw corrupt('head', 'it is missing');
  const height = decodeHeight(stored);
  const state = await loadState(database);
  if (height === 0) {
    if (state.root !== start.state.root) throw corrupt('state', 'its root is not that of the genesis');
    return start;
  }
  const { newest, parent } = await loadTail(database, height, start);
  const { header } = newest.block;
  if (state.root !== header.stateRoot) throw corrupt('state', `its root is not that of block ${height}`);
  const { genesis } = start;
  const validators = contract.validatorsOf(state);
  if (header.validatorsHash !== validatorsHash(validators)) throw corrupt('head', 'another committee');
  const digest = blockDigest(header);
  // A committee that this block has changed is in the state no more: its seals were checked when the block came.
  if (parent.validatorsHash === header.validatorsHash) {
    const fault = checkCertificate(newest.certificate, { genesis, height, digest, validators });
    if (fault !== null) throw corrupt(`block ${height}`, `its certificate does not hold: ${fault}`);
  }
  return { genesis, height, digest, header, state, validators, proposer: header.proposer };
}

async function loadState(database: Database): Promise<StateTree> {
  const entries = new Map<string, Uint8Array>();
  for await (const [key, value] of database.iterator(rangeOf('state'))) {
    entries.set(stateKeyOf(key), Uint8Array.from(value));
  }
  return StateTree.EMPTY.update(entries);
}

/** The newest block and the header before it, once they and those before them hang together. */
async function loadTail(
  database: Database,
  height: number,
  start: Head,
): Promise<{ newest: FinalBlock; parent: Header }> {
  const newest = await loadBlock(database, height);
  let child = newest;
  let parentOfNewest = start.header;
  for (let below = height - 1; below >= 0 && below >= height - TAIL_BLOCKS; below--) {
    const parent = below === 0 ? null : await loadBlock(database, below);
    const digest = parent === null ? start.digest : blockDigest(parent.block.header);
    if (child.block.header.parent !== digest) throw corrupt(`block ${below + 1}`, 'it follows another block');
    if (child === newest && parent !== null) parentOfNewest = parent.block.header;
    child = parent ?? child;
  }
  return { newest, parent: parentOfNewest };
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
