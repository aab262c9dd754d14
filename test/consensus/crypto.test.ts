import { createPublicKey, verify as opensslVerify } from 'node:crypto';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import * as noble from '@noble/secp256k1';
import fc from 'fast-check';
import t from 'tap';
import {
  addressOf,
  domainHash,
  fromHex,
  generateKey,
  keccak256,
  packedDomainHash,
  packedSha256,
  publicKeyOf,
  sha256,
  sign,
  toHex,
  verify,
} from '../../consensus/crypto/index.ts';

noble.hashes.sha256 = nobleSha256;
noble.hashes.hmacSha256 = (key, message) => hmac(nobleSha256, key, message);

const ORDER = noble.Point.CURVE().n;
const FIELD = noble.Point.CURVE().p;

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const privateKeys = bytes32.filter((bytes) => noble.utils.isValidSecretKey(bytes));

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function scalar(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0').slice(-64));
}

function joined(r: bigint, s: bigint): Uint8Array {
  return Uint8Array.from([...scalar(r), ...scalar(s)]);
}

/** SubjectPublicKeyInfo of a compressed secp256k1 point (RFC 5480), up to the point itself. */
const SPKI_PREFIX = Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex');

/** What OpenSSL says, which takes high S, and is not asked about lengths that it would not be given. */
function opensslVerifies(digest: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (digest.length !== 32 || signature.length !== 64 || publicKey.length !== 33) return false;
  if (BigInt(`0x${toHex(signature.subarray(32))}`) > ORDER / 2n) return false;
  try {
    const der = Buffer.concat([SPKI_PREFIX, publicKey]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return opensslVerify('sha256', digest, { key, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
}

/** The reference: what the other library says, with every refusal of malformed input read as false. */
function nobleVerify(digest: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (digest.length !== 32) return false;
  try {
    return noble.verify(signature, nobleSha256(digest), publicKey, { prehash: false, lowS: true });
  } catch {
    return false;
  }
}

t.test('hashes give the published values', async (t) => {
  t.equal(toHex(sha256(text('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  t.equal(toHex(keccak256(text(''))), 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
  t.equal(toHex(keccak256(text('abc'))), '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      t.strictSame(sha256(bytes), nobleSha256(bytes));
    }),
  );
});

t.test('a domain tag is framed, so tags never run into the bytes', async (t) => {
  t.notSame(domainHash('a', text('bc')), domainHash('ab', text('c')));
  t.strictSame(domainHash('a', text('b'), text('c')), domainHash('a', text('bc')));
  t.strictSame(domainHash('a', text('bc')), sha256(Uint8Array.from([12, ...text('gridquorum/abc')])));
  t.throws(() => domainHash('', text('x')), { code: 'CONSENSUS_TOO_LARGE' });
  t.throws(() => domainHash('x'.repeat(60), text('x')), { code: 'CONSENSUS_TOO_LARGE' });
});

t.test('packed hashes are the same bytes, whichever way their parts come', async () => {
  const packed = (bytes: Uint8Array) => String.fromCharCode(...bytes);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 1_000 }), { maxLength: 4 }), (parts) => {
      const expected = packed(domainHash('a', ...parts));
      const mixed = parts.map((part, index) => (index % 2 === 0 ? packed(part) : part));
      return (
        packedDomainHash('a', ...mixed) === expected &&
        packedDomainHash('a', ...parts) === expected &&
        parts.every((part) => packedSha256(part) === packed(sha256(part)))
      );
    }),
  );
});

t.test('addresses are those of Ethereum', async (t) => {
  t.equal(addressOf(publicKeyOf(scalar(1n))), '7e5f4552091a69125d5dfcb7b8c2659029395bdf');
  t.equal(addressOf(publicKeyOf(scalar(2n))), '2b5ad5c4795c026514f8317c7a215e218dccd6cf');
  t.equal(
    addressOf(publicKeyOf(fromHex('ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'))),
    'f39fd6e51aad88f6f4ce6ab8827279cfffb92266',
  );
  const refused = [
    new Uint8Array(33),
    new Uint8Array(0),
    Uint8Array.from([2, ...scalar(FIELD)]),
    Uint8Array.from([2, ...scalar(5n)]),
    noble.getPublicKey(scalar(1n), false),
  ];
  for (const key of refused) t.throws(() => addressOf(key), { code: 'CONSENSUS_BAD_KEY' });
});

t.test('only scalars of the group are private keys, and a refusal does not show the key', async (t) => {
  for (const bytes of [
    scalar(0n),
    scalar(ORDER),
    scalar(ORDER + 1n),
    new Uint8Array(31),
    new Uint8Array(33),
  ]) {
    t.throws(() => generateKey(bytes), { code: 'CONSENSUS_BAD_KEY' });
    t.throws(() => sign(new Uint8Array(32), bytes), { code: 'CONSENSUS_BAD_KEY' });
  }
  t.strictSame(generateKey(scalar(ORDER - 1n)), scalar(ORDER - 1n));
  t.throws(() => sign(new Uint8Array(31), scalar(1n)), { code: 'CONSENSUS_BAD_SIGNATURE' });
});

t.test('a signature is deterministic, low in S, and frozen', async (t) => {
  const digest = sha256(text('gridquorum'));
  const signature = sign(digest, scalar(1n));
  t.strictSame(signature, sign(digest, scalar(1n)));
  t.equal(
    toHex(signature),
    toHex(noble.sign(digest, scalar(1n), { prehash: true, lowS: true, format: 'compact' })),
    'ECDSA over SHA-256 of the digest, as any library would make it',
  );
  t.equal(
    toHex(signature),
    '8b15540203d27e36d54c4d855d5208867ce31daafa4516ebf477dc9acdf1733176cd38437745d887add012ce72e97b0af0e5cddbc0fe4118a78b7e463bd6eb89',
  );
});

t.test('three verifiers agree on every input', async (t) => {
  const scalars = fc.oneof(
    fc.constantFrom(0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, ORDER / 2n, ORDER / 2n + 1n, 2n ** 256n - 1n),
    fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  );
  const publicKeys = fc.oneof(
    privateKeys.map((key) => publicKeyOf(key)),
    fc.uint8Array({ maxLength: 70 }),
    bytes32.map((x) => Uint8Array.from([2, ...x])),
    fc.constantFrom(FIELD, FIELD + 1n, 0n, 2n ** 256n - 1n).map((x) => Uint8Array.from([3, ...scalar(x)])),
    privateKeys.map((key) => noble.getPublicKey(key, false)),
  );
  let accepted = 0;
  const check = (digest: Uint8Array, signature: Uint8Array, publicKey: Uint8Array) => {
    const ours = verify(digest, signature, publicKey);
    if (ours) accepted++;
    const others = [nobleVerify, opensslVerifies].map((other) => other(digest, signature, publicKey));
    if (others.some((other) => other !== ours)) {
      throw new Error(`verifiers differ: ${toHex(digest)} ${toHex(signature)} ${toHex(publicKey)}`);
    }
    return ours;
  };
  fc.assert(
    fc.property(bytes32, privateKeys, (digest, key) => {
      const signature = sign(digest, key);
      const publicKey = publicKeyOf(key);
      if (!check(digest, signature, publicKey)) throw new Error('a good signature was refused');
      const r = BigInt(`0x${toHex(signature.subarray(0, 32))}`);
      const s = BigInt(`0x${toHex(signature.subarray(32))}`);
      if (check(digest, joined(r, ORDER - s), publicKey)) throw new Error('high S was accepted');
      if (check(digest, joined(r + ORDER, s), publicKey) && r + ORDER < 2n ** 256n) {
        throw new Error('r beyond the order was accepted');
      }
      check(digest, signature.subarray(0, 63), publicKey);
      check(digest, Uint8Array.from([...signature, 0]), publicKey);
      check(
        digest,
        Uint8Array.from(signature, (byte, index) => (index === 40 ? byte ^ 1 : byte)),
        publicKey,
      );
      check(digest.subarray(0, 31), signature, publicKey);
    }),
    { numRuns: 60 },
  );
  fc.assert(
    fc.property(bytes32, scalars, scalars, publicKeys, (digest, r, s, publicKey) => {
      check(digest, joined(r, s), publicKey);
    }),
    { numRuns: 300 },
  );
  t.equal(accepted, 60, 'only the good ones');
});

t.test('what is remembered of a signature is said of nothing else', async (t) => {
  const [digest, other] = [sha256(text('one')), sha256(text('other'))];
  const [publicKey, stranger] = [publicKeyOf(scalar(1n)), publicKeyOf(scalar(2n))];
  const signature = sign(digest, scalar(1n), publicKey);
  const flipped = Uint8Array.from(signature, (byte, index) => (index === 40 ? byte ^ 1 : byte));
  // Twice: neither good nor bad may change by being asked.
  for (const _ of [1, 2]) {
    t.ok(verify(digest, signature, publicKey));
    t.notOk(verify(other, signature, publicKey));
    t.notOk(verify(digest, flipped, publicKey));
    t.notOk(verify(digest, signature, stranger));
  }
});

t.test('keys and signatures are those that another library makes', async (t) => {
  const edges = [1n, 2n, ORDER / 2n, ORDER / 2n + 1n, ORDER - 1n].map(scalar);
  const agree = (digest: Uint8Array, key: Uint8Array) => {
    t.strictSame(publicKeyOf(key), noble.getPublicKey(key, true));
    const theirs = noble.sign(digest, key, { prehash: true, lowS: true, format: 'compact' });
    t.equal(toHex(sign(digest, key)), toHex(theirs));
  };
  for (const key of edges) agree(sha256(key), key);
  fc.assert(fc.property(bytes32, privateKeys, agree), { numRuns: 60 });
});

t.test('hex has one spelling', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => t.strictSame(fromHex(toHex(bytes)), bytes)),
    {
      numRuns: 50,
    },
  );
  for (const wrong of ['a', 'AB', '0x00', 'zz', ' 00'])
    t.throws(() => fromHex(wrong), { code: 'CONSENSUS_BAD_ENCODING' });
});
