import { type CborValue, decode, encode } from '../../consensus/encoding/index.ts';
import { ConsensusError } from '../../consensus/errors.ts';
import type { Random } from '../simulation/random.ts';

/**
 * Makes rubbish of what is sound. Half of it by bytes, which tries the decoder; half by values, encoded canonically
 * again, which gets past the decoder and tries those who read them.
 */
export function mutated(sample: Uint8Array, others: readonly Uint8Array[], random: Random): Uint8Array {
  const value = random.chance(0.5) ? decodable(sample) : undefined;
  if (value === undefined) return mutatedBytes(sample, others, random);
  let changed = value;
  for (let times = 1 + random.below(3); times > 0; times -= 1) changed = mutatedValue(changed, random);
  return encodable(changed) ?? mutatedBytes(sample, others, random);
}

/** Undefined for what is no canonical value. */
export function decodable(bytes: Uint8Array): CborValue | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof ConsensusError) return undefined;
    throw error;
  }
}

/** Undefined for what a mutation has made too deep or too large to have an encoding. */
function encodable(value: CborValue): Uint8Array | undefined {
  try {
    return encode(value);
  } catch (error) {
    if (error instanceof ConsensusError) return undefined;
    throw error;
  }
}

const HEADS = [
  0x00, 0x17, 0x18, 0x1b, 0x3b, 0x40, 0x5b, 0x5f, 0x7b, 0x80, 0x9b, 0x9f, 0xa1, 0xc2, 0xf6, 0xfb, 0xff,
];

function mutatedBytes(sample: Uint8Array, others: readonly Uint8Array[], random: Random): Uint8Array {
  const bytes = [...sample];
  for (let times = 1 + random.below(4); times > 0; times -= 1) {
    const at = random.below(bytes.length + 1);
    const length = 1 + random.below(24);
    switch (random.below(8)) {
      case 0:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = HEADS[random.below(HEADS.length)]!;
        break;
      case 2:
        bytes.splice(at, length);
        break;
      case 3:
        bytes.splice(at, 0, ...Array.from({ length }, () => random.below(256)));
        break;
      case 4:
        bytes.splice(at, 0, ...bytes.slice(at, at + length));
        break;
      case 5:
        bytes.length = at;
        break;
      case 6:
        bytes.push(...Array.from({ length }, () => 0));
        break;
      default: {
        const other = others[random.below(others.length)] ?? sample;
        bytes.splice(at, bytes.length, ...other.slice(random.below(other.length + 1)));
      }
    }
  }
  return Uint8Array.from(bytes);
}

const INTEGERS = [0n, 1n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n, -(2n ** 64n)];

/** One place of the value made something else. */
function mutatedValue(value: CborValue, random: Random): CborValue {
  if (Array.isArray(value) && value.length > 0 && random.chance(0.8)) {
    const items = [...value];
    const at = random.below(items.length);
    switch (random.below(6)) {
      case 0:
        items.splice(at, 1);
        break;
      case 1:
        items.splice(at, 0, items[random.below(items.length)]!);
        break;
      case 2:
        items.reverse();
        break;
      default:
        items[at] = mutatedValue(items[at]!, random);
    }
    return items;
  }
  if (value instanceof Uint8Array && random.chance(0.7)) return mutatedBytes(value, [], random);
  if (typeof value === 'bigint' && random.chance(0.7)) return value + BigInt(random.below(5) - 2);
  switch (random.below(7)) {
    case 0:
      return null;
    case 1:
      return [];
    case 2:
      return INTEGERS[random.below(INTEGERS.length)]!;
    case 3:
      return new Uint8Array(random.below(80));
    case 4:
      return 'x'.repeat(random.below(200));
    case 5:
      return [value, value];
    default:
      return random.chance(0.5);
  }
}
