import { goOn, type Position, penaltyOf, type Step } from './acceleration.ts';
import { abs, ceilDiv, floorDiv, max, roundDiv } from './integers.ts';
import {
  type Attendance,
  attend,
  type Cleared,
  endOf,
  hold,
  type Opening,
  type RoundReport,
  relax,
  type Series,
  type SessionParameters,
  sorted,
} from './session.ts';

/** The coordinator's state: one price a slot, one target a home and slot. */
export type PoolState = {
  /** By pairs the same, at r / (N - 1): see pairwise.ts. */
  readonly form: 'pool' | 'pairwise';
  readonly parameters: SessionParameters;
  /** Still in, sorted. */
  readonly homes: readonly string[];
  /** Rounds closed. */
  readonly round: number;
  readonly priceMicroPerKwh: Series;
  readonly targetMw: ReadonlyMap<string, Series>;
  /** Steps of earlier rounds, oldest first: targets by home, then slot. */
  readonly memory: readonly Step[];
  readonly attendance: Attendance<Series>;
};

const MICRO = 1_000_000n;
const MW_PER_W = 1000n;

/** Prices and trades of a session before. In every slot the trades sum to zero. */
export type PoolStart = {
  readonly priceMicroPerKwh: Series;
  readonly soldW: ReadonlyMap<string, Series>;
};

/** Everybody starts from a target of nothing, or of what was traded before, and a standing offer of nothing. */
export function openPool(opening: Opening, before?: PoolStart): PoolState {
  const { homes, startPriceMicroPerKwh, ...parameters } = opening;
  const nothing = startPriceMicroPerKwh.map(() => 0n);
  const members = sorted(homes);
  return {
    form: 'pool',
    parameters,
    homes: members,
    round: 0,
    priceMicroPerKwh: before?.priceMicroPerKwh ?? startPriceMicroPerKwh,
    targetMw: new Map(
      members.map((home) => [home, before?.soldW.get(home)?.map((watts) => watts * MW_PER_W) ?? nothing]),
    ),
    memory: [],
    attendance: { offers: new Map(members.map((home) => [home, nothing])), missed: new Map() },
  };
}

/**
 * Exchange ADMM in integers (Boyd et al. 2011, section 7.3.2, with over-relaxation as in 3.4.3). Each target
 * moves by the mean imbalance, whose remainder goes one mW each by address, so that targets sum to zero;
 * the price moves against the imbalance, divided once. From there acceleration goes further, unless
 * the session ends.
 */
export function closePoolRound(
  state: PoolState,
  received: ReadonlyMap<string, Series>,
): { state: PoolState; report: RoundReport } {
  const { form, parameters } = state;
  const { homes, left, attendance } = attend(state.homes, state.attendance, received);
  const n = BigInt(homes.length);
  const round = state.round + 1;
  const penalty = penaltyOf(parameters, round);
  const priceMicroPerKwh = [...state.priceMicroPerKwh];
  const targetMw = new Map(homes.map((home) => [home, [] as bigint[]]));
  let imbalanceMw = 0n;
  let dualMw = 0n;
  for (let t = 0; homes.length > 0 && t < priceMicroPerKwh.length; t += 1) {
    const relaxed = homes.map((home) =>
      relax(state.targetMw.get(home)![t]!, attendance.offers.get(home)![t]!, parameters.relaxationPermille),
    );
    const sum = relaxed.reduce((total, x) => total + x, 0n);
    const spreadOut = spread(relaxed);
    let moved = 0n;
    homes.forEach((home, position) => {
      const next = spreadOut[position]!;
      moved += abs(next - state.targetMw.get(home)![t]!);
      targetMw.get(home)!.push(next);
    });
    dualMw = max(dualMw, ceilDiv(moved, n));
    const fall = roundDiv(penalty * sum, n * penaltyParts(form, homes) * MICRO);
    priceMicroPerKwh[t] = hold(priceMicroPerKwh[t]! - fall, parameters);
    const offered = homes.reduce((total, home) => total + attendance.offers.get(home)![t]!, 0n);
    imbalanceMw = max(imbalanceMw, ceilDiv(abs(offered), n));
  }
  const ended = endOf(parameters, round, homes.length, { imbalanceMw, dualMw });
  const plain = { priceMicroPerKwh, targetMw, memory: [] };
  const next = ended
    ? plain
    : accelerated({ ...state, memory: left.length > 0 ? [] : state.memory }, plain, homes);
  return {
    state: { form, parameters, homes, round, ...next, attendance },
    report: { imbalanceMw, dualMw, left, ...(ended && { ended }) },
  };
}

/** Trades among which a home's penalty is divided. */
const penaltyParts = (form: PoolState['form'], homes: readonly string[]): bigint =>
  form === 'pool' ? 1n : BigInt(Math.max(1, homes.length - 1));

type Standing = Pick<PoolState, 'priceMicroPerKwh' | 'targetMw' | 'memory'>;

/** Where acceleration goes on from; rounding left over goes to the homes as in a plain step. */
function accelerated(before: PoolState, plain: Standing, homes: readonly string[]): Standing {
  const slots = plain.priceMicroPerKwh.length;
  const flat = ({ priceMicroPerKwh, targetMw }: Standing): Position => ({
    prices: priceMicroPerKwh,
    targets: homes.flatMap((home) => targetMw.get(home)!),
  });
  const { position, memory } = goOn(
    before.memory,
    { from: flat(before), to: flat(plain) },
    {
      round: before.round + 1,
      parameters: before.parameters,
      // A price weighs r / parts: see the measure in acceleration.ts.
      priceWeight: BigInt(homes.length) * penaltyParts(before.form, homes) ** 2n,
    },
  );
  const targets = homes.map((_, place) => position.targets.slice(place * slots, (place + 1) * slots));
  for (let t = 0; t < slots; t += 1) {
    const even = spread(targets.map((series) => series[t]!));
    targets.forEach((series, place) => {
      series[t] = even[place]!;
    });
  }
  return {
    priceMicroPerKwh: position.prices.map((price) => hold(price, before.parameters)),
    targetMw: new Map(homes.map((home, place) => [home, targets[place]!])),
    memory,
  };
}

/** Less the mean, whose remainder goes one each in order: the sum is zero. */
function spread(powers: readonly bigint[]): bigint[] {
  const n = BigInt(powers.length);
  const sum = powers.reduce((total, power) => total + power, 0n);
  const mean = floorDiv(sum, n);
  const remainder = sum - mean * n;
  return powers.map((power, position) => power - mean - (BigInt(position) < remainder ? 1n : 0n));
}

/**
 * Last offers, in whole watts, made to clear: in each slot the long side gives up the excess in proportion.
 * Nobody sells more than he offered or buys more than he asked, so the trade can be carried out.
 */
export function clearPool({ homes, priceMicroPerKwh, attendance }: PoolState): Cleared {
  const soldW = new Map(homes.map((home) => [home, [] as bigint[]]));
  const earned = new Map(homes.map((home) => [home, 0n]));
  priceMicroPerKwh.forEach((price, t) => {
    const watts = balance(homes.map((home) => attendance.offers.get(home)![t]! / MW_PER_W));
    homes.forEach((home, position) => {
      const w = watts[position]!;
      soldW.get(home)!.push(w);
      earned.set(home, earned.get(home)! + price * w);
    });
  });
  return { soldW, earned, pairs: [] };
}

/** Watts in the homes' order, summing to zero. What proportion leaves over goes one watt each, largest first. */
function balance(watts: readonly bigint[]): bigint[] {
  const excess = watts.reduce((sum, w) => sum + w, 0n);
  if (excess === 0n) return [...watts];
  const sign = excess > 0n ? 1n : -1n;
  const long = watts
    .map((w, position) => ({ position, size: sign * w }))
    .filter(({ size }) => size > 0n)
    .sort((a, b) => (a.size === b.size ? a.position - b.position : a.size > b.size ? -1 : 1));
  const total = long.reduce((sum, { size }) => sum + size, 0n);
  const give = sign * excess;
  const balanced = [...watts];
  let left = give;
  for (const { position, size } of long) {
    const share = (give * size) / total;
    balanced[position] = balanced[position]! - sign * share;
    left -= share;
  }
  for (const { position } of long) {
    if (left === 0n) break;
    balanced[position] = balanced[position]! - sign;
    left -= 1n;
  }
  return balanced;
}
