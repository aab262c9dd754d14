import { floorDiv } from './integers.ts';
import { type Cleared, sorted } from './session.ts';

/** W * ms in a kWh. */
const W_MS_PER_KWH = 1000n * 3_600_000n;

/**
 * What each home receives (negative: pays), in micro-units of money. Numerators are kept exact and divided
 * once a home, towards minus infinity; what the divisions leave over goes to the first home by address that
 * buys in some slot (in some pair, where every home's trades cancel), so that payments sum to exactly zero.
 */
export function payments({ earned, soldW, buyers }: Cleared, slotMs: bigint): Map<string, bigint> {
  const paid = new Map<string, bigint>();
  let sum = 0n;
  for (const home of sorted(earned.keys())) {
    const amount = floorDiv(earned.get(home)! * slotMs, W_MS_PER_KWH);
    paid.set(home, amount);
    sum += amount;
  }
  if (sum !== 0n) {
    const netBuyers = [...soldW.keys()].filter((home) => soldW.get(home)!.some((w) => w < 0n));
    const buyer = sorted(netBuyers)[0] ?? sorted(buyers)[0];
    if (buyer !== undefined) paid.set(buyer, paid.get(buyer)! - sum);
  }
  return paid;
}
