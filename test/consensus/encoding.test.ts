import { decode as cborgDecode, encode as cborgEncode } from 'cborg';
import fc from 'fast-check';
import t from 'tap';
import { fromHex, toHex } from '../../consensus/crypto/index.ts';
import { type CborValue, decode, encode } from '../../consensus/encoding/index.ts';
import { ConsensusError } from '../../consensus/index.ts';

const values: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue; array: CborValue[] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -300n, max: 300n }),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'binary' }).filter((text) => !text.startsWith('\ufeff')),
    fc.uint8Array(),
    tie('array'),
  ),
  array: fc.array(tie('value'), { maxLength: 5 }),
})).value;

t.test('frozen encodings (RFC 8949, appendix A)', async (t) => {
  const vectors: [CborValue, string][] = [
    [0n, '00'],
    [23n, '17'],
    [24n, '1818'],
    [1_000_000_000_000n, '1b000000e8d4a51000'],
    [18_446_744_073_709_551_615n, '1bffffffffffffffff'],
    [-18_446_744_073_709_551_616n, '3bffffffffffffffff'],
    [-1n, '20'],
    [-1000n, '3903e7'],
    [false, 'f4'],
    [true, 'f5'],
    [null, 'f6'],
    ['', '60'],
    ['\u00fc', '62c3bc'],
    [Uint8Array.of(1, 2, 3, 4), '4401020304'],
    [[], '80'],
    [[1n, [2n, 3n], [4n, 5n]], '8301820203820405'],
  ];
  for (const [value, hex] of vectors) {
    t.equal(toHex(encode(value)), hex);
    t.strictSame(decode(fromHex(hex)), value);
  }
});

t.test('every other spelling is refused', async (t) => {
  const refused = {
    'not the shortest head': '1801',
    'not the shortest length': '580101',
    'a float': 'f93c00',
    'a double that is whole': 'fb3ff0000000000000',
    'not a number': 'f97e00',
    undefined: 'f7',
    'a simple value': 'f820',
    'a map': 'a0',
    'a tag': 'c11a514b67b0',
    'a big number by tag': 'c249010000000000000000',
    'an indefinite array': '9fff',
    'indefinite bytes': '5f41014102ff',
    'a break': 'ff',
    'a reserved head': '1c',
    'bytes after the end': '0000',
    nothing: '',
    'an array cut short': '8201',
    'a length beyond the end': '5affffffff00',
    'an array of a lie': '9bffffffffffffffff',
    'text not UTF-8': '61ff',
    'a surrogate in UTF-8': '63eda080',
    'a byte-order mark': '63efbbbf',
  };
  for (const [name, hex] of Object.entries(refused)) {
    t.throws(() => decode(fromHex(hex)), { code: 'CONSENSUS_BAD_ENCODING' }, name);
  }
});

t.test('what has no encoding is not encoded', async (t) => {
  const cyclic: CborValue[] = [];
  cyclic.push(cyclic);
  const wrong = [2n ** 64n, -(2n ** 64n) - 1n, '\ud800', '\ufeffx', cyclic, 1.5, 1, undefined, {}, new Map()];
  for (const value of wrong) t.throws(() => encode(value as CborValue), { code: 'CONSENSUS_BAD_ENCODING' });
});

t.test('sizes, depth and items are bounded before decoding', async (t) => {
  const deep = Uint8Array.from([...new Uint8Array(100_000).fill(0x81), 0]);
  t.throws(() => decode(deep), { code: 'CONSENSUS_TOO_LARGE', details: { what: 'depth' } });
  t.throws(() => decode(new Uint8Array(11), { maxBytes: 10 }), {
    code: 'CONSENSUS_TOO_LARGE',
    details: { what: 'bytes' },
  });
  t.throws(() => decode(encode([1n, 2n]), { maxItems: 2 }), {
    code: 'CONSENSUS_TOO_LARGE',
    details: { what: 'items' },
  });
  t.strictSame(decode(encode([1n, 2n]), { maxItems: 3 }), [1n, 2n]);
  t.throws(() => decode(encode([[[]]]), { maxDepth: 2 }), {
    code: 'CONSENSUS_TOO_LARGE',
    details: { what: 'depth' },
  });
  t.strictSame(decode(encode([[[]]]), { maxDepth: 3 }), [[[]]]);
});

t.test('values come back equal, and their bytes are their own', async (t) => {
  fc.assert(
    fc.property(values, (value) => t.strictSame(decode(encode(value)), value)),
    { numRuns: 300 },
  );
  const source = encode(Uint8Array.of(7));
  const copy = decode(source) as Uint8Array;
  source.fill(0);
  t.strictSame(copy, Uint8Array.of(7));
  const buffer = Buffer.from(encode(Uint8Array.of(8)));
  const ofBuffer = decode(buffer) as Uint8Array;
  buffer.fill(0);
  t.strictSame(ofBuffer, Uint8Array.of(8), 'a plain array of its own, also from a Node buffer');
});

/** Whether another library reads the bytes as a value of ours, and writes that value with the same bytes. */
function cborgAgrees(bytes: Uint8Array): boolean {
  try {
    const value = cborgDecode(bytes, { strict: true, allowIndefinite: false, allowUndefined: false });
    return isOurs(value) && toHex(cborgEncode(value)) === toHex(bytes);
  } catch {
    return false;
  }
}

function isOurs(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isOurs);
  if (value instanceof Uint8Array || value === null) return true;
  return typeof value === 'number' ? Number.isSafeInteger(value) : typeof value !== 'object';
}

t.test('another library writes the same bytes', async (t) => {
  fc.assert(
    fc.property(values, (value) => t.equal(toHex(encode(value)), toHex(cborgEncode(value)))),
    { numRuns: 300 },
  );
  const widths = [
    23n,
    24n,
    0xffn,
    0x100n,
    0xffffn,
    0x10000n,
    0xffff_ffffn,
    2n ** 32n,
    2n ** 53n,
    2n ** 64n - 1n,
  ];
  for (const value of widths.flatMap((width) => [width, -1n - width]))
    t.equal(toHex(encode(value)), toHex(cborgEncode(value)));
  for (const length of [23, 24, 255, 256, 65_535, 65_536]) {
    const value = [
      new Uint8Array(length),
      'x'.repeat(length),
      'ü'.repeat(length),
      new Array(length).fill(null),
    ];
    t.equal(toHex(encode(value)), toHex(cborgEncode(value)));
    t.strictSame(decode(encode(value)), value);
  }
});

t.test('garbage is refused with a code, exactly where another library refuses it', async (t) => {
  let decoded = 0;
  const check = (bytes: Uint8Array) => {
    let accepted = false;
    try {
      const value = decode(bytes, { maxBytes: 4096 });
      decoded++;
      accepted = true;
      if (toHex(encode(value)) !== toHex(bytes)) throw new Error(`two spellings: ${toHex(bytes)}`);
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error;
    }
    if (accepted !== cborgAgrees(bytes)) throw new Error(`they differ: ${toHex(bytes)}`);
  };
  const texts = fc.uint8Array({ minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(texts, (text) => check(Uint8Array.of(0x60 + text.length, ...text))),
    { numRuns: 5000 },
  );
  const byBytes = fc.constantFrom(
    0x41,
    0x7f,
    0x80,
    0xbf,
    0xc0,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xbb,
    0xf0,
    0xf4,
    0x90,
    0xa0,
  );
  fc.assert(
    fc.property(fc.array(byBytes, { minLength: 1, maxLength: 6 }), (text) =>
      check(Uint8Array.of(0x60 + text.length, ...text)),
    ),
    { numRuns: 5000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), check), { numRuns: 3000 });
  fc.assert(
    fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, where, flip) => {
      const bytes = encode(value);
      bytes[where % bytes.length]! ^= flip;
      check(bytes);
    }),
    { numRuns: 1000 },
  );
  t.ok(decoded > 100, 'some of it was good');
});
