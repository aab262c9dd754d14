import * as z from 'zod';
import { type Hash, VALIDATORS_MAX } from '../contract/types.ts';
import { addressOf, domainHash, fromHex, toHex } from '../crypto/index.ts';
import { encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import type { Genesis, GenesisAccount, Validator } from './types.ts';

const ACCOUNTS_MAX = 10_000;
const TEXT_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Reads a genesis document, JSON:
 * `{network, currency, timeMs, slotMs, validators: [{address, publicKey}], accounts: [{address, publicKey, roles,
 * balanceMicro}], parameters: {name: integer}}`. Keys and addresses are lower-case hex; an integer too large for
 * JSON is a string of decimal digits. The result is frozen, and sorted by address.
 * @throws ConsensusError CONSENSUS_BAD_GENESIS, naming the field
 */
export function parseGenesis(text: string): Genesis {
  if (text.length > TEXT_BYTES_MAX) throw bad('the document is above 8 MB');
  const parsed = document.safeParse(parseJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw bad(`${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'wrong'}`);
  }
  const { validators, accounts, parameters, ...rest } = parsed.data;
  return deepFreeze({
    ...rest,
    validators: sortedByAddress('validators', validators.map(withKey)),
    accounts: sortedByAddress('accounts', accounts.map(withKey)),
    parameters,
  });
}

/** The document that `parseGenesis` reads back to an equal genesis. */
export function formatGenesis(genesis: Genesis): string {
  const { validators, accounts, parameters, ...rest } = genesis;
  const withHex = <Member extends Validator>(member: Member) => ({
    ...member,
    publicKey: toHex(member.publicKey),
  });
  const plain = { ...rest, validators: validators.map(withHex), accounts: accounts.map(withHex), parameters };
  return JSON.stringify(plain, (_, value) => (typeof value === 'bigint' ? plainInteger(value) : value), 2);
}

/** Names the chain: part of everything that is signed on it. */
export function genesisHash(genesis: Genesis): Hash {
  const { network, currency, timeMs, slotMs, validators, accounts, parameters } = genesis;
  const names = Object.keys(parameters).sort();
  return toHex(
    domainHash(
      'genesis',
      encode([
        network,
        currency,
        BigInt(timeMs),
        BigInt(slotMs),
        validators.map(({ publicKey }) => publicKey),
        accounts.map(({ publicKey, roles, balanceMicro }) => [publicKey, roles, balanceMicro]),
        names.map((name) => [name, parameters[name]!]),
      ]),
    ),
  );
}

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `expected ${2 * bytes} lower-case hex digits`);
const count = z.number().int().nonnegative();
/** Beyond this, an amount would not fit the canonical encoding with room to add. */
const integer = z.union([
  z.number().int().transform(BigInt),
  z
    .string()
    .regex(/^-?\d{1,18}$/)
    .transform(BigInt),
]);
const name = z.string().min(1).max(64);
const member = { address: hex(20), publicKey: hex(33) };
const document = z.strictObject({
  network: name,
  currency: name,
  timeMs: count,
  slotMs: count.min(1000),
  validators: z.array(z.strictObject(member)).min(1).max(VALIDATORS_MAX),
  accounts: z
    .array(z.strictObject({ ...member, roles: z.array(name).max(16), balanceMicro: integer }))
    .max(ACCOUNTS_MAX),
  parameters: z.record(name, integer),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConsensusError('CONSENSUS_BAD_GENESIS', 'the genesis is no JSON', {}, { cause });
  }
}

function withKey<Member extends { address: string; publicKey: string }>(
  given: Member,
): Omit<Member, 'publicKey'> & { publicKey: Uint8Array } {
  const publicKey = fromHex(given.publicKey);
  let address: string;
  try {
    address = addressOf(publicKey);
  } catch (cause) {
    throw new ConsensusError('CONSENSUS_BAD_GENESIS', `${given.address}: bad public key`, {}, { cause });
  }
  if (address !== given.address) throw bad(`${given.address}: the public key belongs to ${address}`);
  return { ...given, publicKey };
}

function sortedByAddress<Member extends Validator | GenesisAccount>(
  list: string,
  members: Member[],
): Member[] {
  const sorted = members.sort((left, right) => (left.address < right.address ? -1 : 1));
  const twice = sorted.find(({ address }, index) => sorted[index + 1]?.address === address);
  if (twice !== undefined) throw bad(`${list}: ${twice.address} stands twice`);
  return sorted;
}

function plainInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function deepFreeze<Value>(value: Value): Value {
  // Byte arrays cannot be frozen; what holds them can.
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

function bad(message: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_GENESIS', message);
}
