import { floorDiv } from './integers.ts';
import { type Cleared, sorted } from './session.ts';

/** W * ms in a kWh. */
const W_MS_PER_KWH = 1000n * 3_600_000n;

/**
 * What each home receives (negative: pays), in micro-units of money. Numerators are kept exact and divided
 * once a home, towards minus infinity; what the divisions leave over goes to the first home by address that
 * buys in some slot, so that payments sum to exactly zero.
 */
export function payments({ earned, soldW }: Cleared, slotMs: bigint): Map<string, bigint> {
  const paid = new Map<string, bigint>();
  let sum = 0n;
  for (const home of sorted(earned.keys())) {
    const amount = floorDiv(earned.get(home)! * slotMs, W_MS_PER_KWH);
    paid.set(home, amount);
    sum += amount;
  }
  if (sum !== 0n) {
    const [buyer] = sorted([...soldW.keys()].filter((home) => soldW.get(home)!.some((w) => w < 0n)));
    if (buyer !== undefined) paid.set(buyer, paid.get(buyer)! - sum);
  }
  return paid;
}
