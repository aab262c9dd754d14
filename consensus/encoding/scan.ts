import { ConsensusError } from '../errors.ts';

/** Bounds of one decoding: whole size in bytes, levels of arrays, and values of any kind (arrays count too). */
export type DecodeLimits = {
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxItems: number;
};

/**
 * Walks over the heads of CBOR (RFC 8949, 3) without recursion and without building anything, so that no claim about
 * a length is believed before it is known to fit. Leaves only what the full decoder may be trusted with: integers,
 * byte strings, text, arrays, booleans and null in definite lengths, one item, nothing after it.
 * @throws ConsensusError CONSENSUS_TOO_LARGE, CONSENSUS_BAD_ENCODING
 */
export function scan(bytes: Uint8Array, limits: DecodeLimits): void {
  if (bytes.length > limits.maxBytes) throw tooLarge('bytes', limits.maxBytes);
  const openArrays: number[] = [];
  let offset = 0;
  let items = 0;
  do {
    items++;
    if (items > limits.maxItems) throw tooLarge('items', limits.maxItems);
    const head = readHead(bytes, offset);
    offset = head.next;
    if (head.major === BYTES || head.major === TEXT) {
      if (head.argument > bytes.length - offset) throw malformed('a length beyond the end', offset);
      offset += head.argument;
    } else if (head.major === ARRAY && head.argument > 0) {
      // Every item takes a byte at least: a longer claim is a lie, told before anything was allocated for it.
      if (head.argument > bytes.length - offset) throw malformed('an array longer than the rest', offset);
      if (openArrays.length >= limits.maxDepth) throw tooLarge('depth', limits.maxDepth);
      openArrays.push(head.argument + 1);
    } else if (head.major === ARRAY && openArrays.length >= limits.maxDepth) {
      throw tooLarge('depth', limits.maxDepth);
    }
    closeFullArrays(openArrays);
  } while (openArrays.length > 0);
  if (offset !== bytes.length) throw malformed('bytes after the end', offset);
}

/** Each entry counts the items still missing, the array's own head among them. */
function closeFullArrays(openArrays: number[]): void {
  while (openArrays.length > 0) {
    const missing = openArrays[openArrays.length - 1]! - 1;
    if (missing > 0) {
      openArrays[openArrays.length - 1] = missing;
      return;
    }
    openArrays.pop();
  }
}

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const SIMPLE = 7;

type Head = { readonly major: number; readonly argument: number; readonly next: number };

function readHead(bytes: Uint8Array, offset: number): Head {
  const first = bytes[offset];
  if (first === undefined) throw malformed('the end in place of a value', offset);
  const major = first >> 5;
  const info = first & 31;
  if (major === SIMPLE) {
    if (info < 20 || info > 22) throw malformed('a simple value or float that is not allowed', offset);
    return { major, argument: 0, next: offset + 1 };
  }
  if (major > ARRAY) throw malformed('a map or a tag', offset);
  if (info < 24) return { major, argument: info, next: offset + 1 };
  if (info > 27) throw malformed('an indefinite or reserved length', offset);
  const width = 1 << (info - 24);
  const next = offset + 1 + width;
  if (next > bytes.length) throw malformed('a head cut short', offset);
  if (major === UNSIGNED || major === NEGATIVE) return { major, argument: 0, next };
  let argument = 0;
  for (let index = offset + 1; index < next; index++) argument = argument * 256 + bytes[index]!;
  return { major, argument, next };
}

function malformed(what: string, offset: number): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_ENCODING', `not canonical CBOR: ${what}`, { what, offset });
}

function tooLarge(what: string, limit: number): ConsensusError {
  return new ConsensusError('CONSENSUS_TOO_LARGE', `more ${what} than allowed`, { what, limit });
}
