import { floorDiv, min } from './integers.ts';
import { clearPool, closePoolRound, openPool, type PoolStart, type PoolState } from './pool.ts';
import type { Cleared, Opening, PairTrade, RoundReport, Series } from './session.ts';

/*
 * Trading with each neighbour apart. Eqs. 16 and 17 of Yang & Wang give each pair a price, moved by half of what its sides
 * disagree in. A home sees no more of that than sums (see eliminate in home-side.ts), disagrees with everybody alike, and
 * finds half of what it wants only once all its prices have moved. So a home's offers are taken as their total, the
 * rounds are those of the pool at r / (N - 1), and a pair's target follows from the totals of its two homes. What a home
 * says to single neighbours beyond its total moves nothing.
 */

/** What a home would sell to each of the others, by their addresses. */
export type PairwiseOffer = ReadonlyMap<string, Series>;

/** Everybody starts from a target of nothing, or of what was traded before. */
export function openPairwise(opening: Opening, before?: PoolStart): PoolState {
  return { ...openPool(opening, before), form: 'pairwise' };
}

export function closePairwiseRound(
  state: PoolState,
  received: ReadonlyMap<string, PairwiseOffer>,
): { state: PoolState; report: RoundReport } {
  return closePoolRound(state, new Map([...received].map(([home, offer]) => [home, inAll(offer)])));
}

/** By slot: of an offer to at least one neighbour. */
function inAll(offer: PairwiseOffer): bigint[] {
  const [one, ...others] = [...offer.values()];
  return one!.map((mw, t) => others.reduce((total, series) => total + series[t]!, mw));
}

/** What one home is to sell to each of the others by slot, mW: for both sides of a pair the same, turned. */
export function pairTargets({ homes, targetMw }: PoolState, home: string): Map<string, bigint[]> {
  const own = targetMw.get(home)!;
  const n = BigInt(homes.length);
  return new Map(
    homes
      .filter((other) => other !== home)
      .map((other) => {
        const theirs = targetMw.get(other)!;
        const target = own.map((mw, t) =>
          home < other ? floorDiv(mw - theirs[t]!, n) : -floorDiv(theirs[t]! - mw, n),
        );
        return [other, target];
      }),
  );
}

/** Cleared as in the pool; then each seller in turn serves the buyers in turn, by address. */
export function clearPairwise(state: PoolState): Cleared {
  const cleared = clearPool(state);
  const pairs = new Map<string, PairTrade & { readonly soldW: bigint[] }>();
  const { priceMicroPerKwh } = state;
  for (const t of priceMicroPerKwh.keys()) {
    const left = new Map([...cleared.soldW].map(([home, series]) => [home, series[t]!]));
    for (const seller of state.homes) {
      for (const buyer of state.homes) {
        const watts = min(left.get(seller)!, -left.get(buyer)!);
        if (watts <= 0n) continue;
        left.set(seller, left.get(seller)! - watts);
        left.set(buyer, left.get(buyer)! + watts);
        const [first, second] = seller < buyer ? [seller, buyer] : [buyer, seller];
        const name = `${first} ${second}`;
        const nothing = { first, second, priceMicroPerKwh, soldW: priceMicroPerKwh.map(() => 0n) };
        const pair = pairs.get(name) ?? nothing;
        pair.soldW[t] = first === seller ? watts : -watts;
        pairs.set(name, pair);
      }
    }
  }
  return { ...cleared, pairs: [...pairs.values()] };
}
