import { addressOf, domainHash, fromHex, publicKeyOf, sign, toHex, verify } from '../crypto/index.ts';
import { encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { accounts } from './accounts.ts';
import { address, bytes, count, hex } from './fields.ts';
import { method } from './method.ts';
import { record } from './record.ts';
import { require } from './rejection.ts';
import type { Address, ContractState, Hash } from './types.ts';

/**
 * The keys of accounts. Signatures are checked here, by functions that depend on nothing but their arguments: whether a
 * proof holds is one of the contract's rules, and must come out the same wherever it is asked.
 */

/** Whose key it is or was: a key serves one account, for ever. So an entry stays for each, and their number is bounded. */
const owners = record('accountKeys', { account: address });

/** By the account itself: a change every month for twenty years. What the validators vote on is theirs to bound. */
const ROTATIONS_MAX = 256;
const rotations = record('accountRotations', { count: count(1, ROTATIONS_MAX) });

export function keyEntry(publicKey: Uint8Array, account: Address): [key: string, value: Uint8Array] {
  return [owners.key(toHex(publicKey)), owners.encode({ account })];
}

/** The account that the key serves or has served. */
export function ownerOfKey(state: Pick<ContractState, 'get'>, publicKey: string): Address | undefined {
  return owners.get(state, publicKey)?.account;
}

/** Gives an account another key; the one before serves nobody any more. */
export function replaceKey(state: ContractState, account: Address, publicKey: string): void {
  accounts.put(state, { ...accounts.get(state, account)!, publicKey: fromHex(publicKey) }, account);
  owners.put(state, { account }, publicKey);
}

/** The address that an account begins with if this is its first key; undefined for what is no key. */
export function firstAddressOf(publicKey: string): Address | undefined {
  try {
    return addressOf(fromHex(publicKey));
  } catch (error) {
    // Bytes that are no point of the curve are an expected argument: the caller rejects them.
    if (error instanceof ConsensusError) return undefined;
    throw error;
  }
}

/**
 * `accounts.rotateKey(publicKey, proof)`: the sender signs with another key from now on; its address, balance, roles and
 * seat stay. Signed by the key before, so that nobody else can do it, and proven by the new one, so that nobody can take
 * a key that is not his, or one that he cannot use.
 */
export const rotateKey = method({
  fields: { publicKey: hex(33), proof: bytes(64) },
  run({ state, sender, genesis, emit }, { publicKey, proof }) {
    require(firstAddressOf(publicKey) !== undefined, 'CONTRACT_BAD_ARGUMENTS', 'not a public key');
    const owner = ownerOfKey(state, publicKey);
    require(owner === undefined, 'CONTRACT_ALREADY_EXISTS', `the key serves or has served ${owner}`);
    const said = possessionDigest({ genesis, account: sender, publicKey });
    const holds = verify(said, proof, fromHex(publicKey));
    require(holds, 'CONTRACT_BAD_PROOF', 'the new key has not signed this change');
    const before = rotations.get(state, sender)?.count ?? 0;
    const reason = `an account rotates its key ${ROTATIONS_MAX} times at most`;
    require(before < ROTATIONS_MAX, 'CONTRACT_OUT_OF_RANGE', reason);
    rotations.put(state, { count: before + 1 }, sender);
    replaceKey(state, sender, publicKey);
    emit('accounts.keyRotated', { account: sender, publicKey });
  },
});

/**
 * The arguments of `accounts.rotateKey` for a new key.
 * @throws ConsensusError CONSENSUS_BAD_KEY
 */
export function rotationTo(
  newPrivateKey: Uint8Array,
  { genesis, account }: { readonly genesis: Hash; readonly account: Address },
): { readonly publicKey: string; readonly proof: Uint8Array } {
  const publicKey = toHex(publicKeyOf(newPrivateKey));
  return { publicKey, proof: sign(possessionDigest({ genesis, account, publicKey }), newPrivateKey) };
}

type Possession = { readonly genesis: Hash; readonly account: Address; readonly publicKey: string };

/** What the new key signs. It names chain and account; a key is taken once only, so the proof serves no second time. */
function possessionDigest({ genesis, account, publicKey }: Possession): Uint8Array {
  return domainHash('key-possession', encode([fromHex(genesis), fromHex(account), fromHex(publicKey)]));
}
