import fc from 'fast-check';
import t from 'tap';
import { clearSlot, pairUp, payments } from '../../consensus/contract/clearing.ts';
import { ceilDiv, floorDiv, floorDivBig, roundDivBig } from '../../consensus/contract/integers.ts';

t.test('clearing a slot, by hand', (t) => {
  // D = 3: floor(3 * 5 / 10) = 1, floor(3 * 4 / 10) = 1, floor(3 * 1 / 10) = 0; the last W from the largest.
  t.strictSame(clearSlot([4000, 5000, 1000, -7000]), [3, 3, 1, -7]);
  // Ties by address.
  t.strictSame(clearSlot([2000, 2000, 2000, -5000]), [1, 2, 2, -5]);
  // Buyers give when they are the long side; fractions of a watt go toward zero.
  t.strictSame(clearSlot([-2999, -1999, 1999]), [0, -1, 1]);
  t.strictSame(clearSlot([5000, 1]), [0, 0]);
  t.strictSame(clearSlot([]), []);
  t.strictSame(pairUp([3, -4, 2, -1]), [
    { seller: 0, buyer: 1, watts: 3 },
    { seller: 2, buyer: 1, watts: 1 },
    { seller: 2, buyer: 3, watts: 1 },
  ]);
  t.strictSame(pairUp([-2, 2, 0]), [{ seller: 1, buyer: 0, watts: 2 }]);
  t.strictSame(pairUp([0, 0]), []);
  t.end();
});

t.test('payments, by hand', (t) => {
  const terms = { pricesMicro: [750n, 3n], slotMs: 3_600_000 };
  // 1 W for an hour at 1,500 micro per kWh is 1.5 micro: the seller gets 1, the buyers -0.5 each, rounded to -1.
  t.strictSame(
    payments(
      [
        [2, 0],
        [-1, 0],
        [-1, 0],
      ],
      terms,
    ),
    [1n, 0n, -1n],
  );
  // Who buys in any slot may take the remainder, if it sells in all.
  t.strictSame(
    payments(
      [
        [0, 0],
        [2, -1],
        [-2, 1],
      ],
      terms,
    ),
    [0n, 2n, -2n],
  );
  t.strictSame(
    payments(
      [
        [0, 0],
        [0, 0],
      ],
      terms,
    ),
    [0n, 0n],
  );
  t.end();
});

t.test('divisions round as they say', (t) => {
  const big = fc.integer({ min: 5001 - 2 ** 53, max: 2 ** 53 - 5001 });
  const divisor = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(big, divisor, (dividend, by) => {
      const floor = BigInt(floorDiv(dividend, by)) * BigInt(by);
      t.ok(floor <= BigInt(dividend) && BigInt(dividend) < floor + BigInt(by));
      t.equal(BigInt(floorDiv(dividend, by)), floorDivBig(BigInt(dividend), BigInt(by)));
      const ceil = BigInt(ceilDiv(dividend, by)) * BigInt(by);
      t.ok(ceil >= BigInt(dividend) && BigInt(dividend) > ceil - BigInt(by));
    }),
    { numRuns: 300 },
  );
  t.strictSame(
    [5n, -5n, 4n, -4n, 7n].map((value) => roundDivBig(value, 10n)),
    [1n, -1n, 0n, 0n, 1n],
  );
  t.end();
});
