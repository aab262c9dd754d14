import { abs, floorDiv, roundDiv } from './integers.ts';
import type { Series, SessionParameters } from './session.ts';

/** Where a session stands between two rounds, as two flat vectors of stated order. */
export type Position = {
  /** Micro-units per kWh. */
  readonly prices: Series;
  /** mW sold. */
  readonly targets: Series;
};

/** One round: from the position it was played at to the one that plain ADMM would go on from. */
export type Step = { readonly from: Position; readonly to: Position };

export type Pace = {
  readonly penaltyMicroPerKwhPerKw: bigint;
  /** How often each price stands in the iteration: once a home in pool form, once in pairwise form. */
  readonly priceWeight: bigint;
  readonly memoryRounds: number;
};

/** Fixed point of 16 binary places. */
const ONE = 65_536n;
const COEFFICIENT_MAX = 64n * ONE;
/** Far above any offer, and low enough for the plain numbers of the contract. */
const TARGET_MW_MAX = 1n << 36n;
/** From then on steps are plain: those of over-relaxed ADMM converge from wherever they start. */
const ACCELERATED_ROUNDS = 64;
const MICRO = 1_000_000n;

/** Penalty of a round, from 1: it grows until it reaches its greatest. */
export function penaltyOf(parameters: SessionParameters, round: number): bigint {
  const { penaltyMicroPerKwhPerKw, penaltyMicroPerKwhPerKwMax, penaltyGrowthPermille } = parameters;
  let penalty = penaltyMicroPerKwhPerKw;
  for (let grown = 1; grown < round && penalty < penaltyMicroPerKwhPerKwMax; grown += 1) {
    penalty = floorDiv(penalty * penaltyGrowthPermille, 1000n);
    if (penalty > penaltyMicroPerKwhPerKwMax) penalty = penaltyMicroPerKwhPerKwMax;
  }
  return penalty;
}

/**
 * Where the next round begins, and which steps to remember for it. Anderson's acceleration of type II (Walker &
 * Ni 2011): of the remembered rounds' moves, the combination that would have come nearest to no move at all.
 * Steps are forgotten when a move is 1.2 times the one before, when the penalty changes, and when a
 * combination is out of bounds: the step is plain then.
 */
export function goOn(
  memory: readonly Step[],
  step: Step,
  { round, parameters, priceWeight }: { round: number; parameters: SessionParameters; priceWeight: bigint },
): { position: Position; memory: readonly Step[] } {
  const { memoryRounds } = parameters;
  const penaltyMicroPerKwhPerKw = penaltyOf(parameters, round);
  if (memoryRounds === 0 || round >= ACCELERATED_ROUNDS) return { position: step.to, memory: [] };
  const pace: Pace = { penaltyMicroPerKwhPerKw, priceWeight, memoryRounds };
  const last = memory.at(-1);
  const worse = last !== undefined && 100n * square(step, pace) > 144n * square(last, pace);
  const steps = [...(worse ? [] : memory), step];
  const position = combine(steps, pace);
  const same = penaltyOf(parameters, round + 1) === penaltyMicroPerKwhPerKw;
  if (position === undefined) return { position: step.to, memory: same ? [step] : [] };
  return { position: stride(position, steps), memory: same ? steps.slice(-memoryRounds) : [] };
}

/**
 * Where every home stands at a kink, an imbalance stands still while its price goes on by the same small step, and
 * moves that are all the same tell a combination nothing. So a price that has gone on like this for k rounds goes
 * 2^k - 1 steps further.
 */
function stride(position: Position, steps: readonly Step[]): Position {
  const moves = steps.map(({ from, to }) => to.prices.map((price, at) => price - from.prices[at]!)).reverse();
  return {
    ...position,
    prices: position.prices.map((price, at) => {
      const [newest, ...before] = moves.map((move) => move[at]!);
      const other = before.findIndex((move) => 16n * abs(move - newest!) > abs(newest!));
      const alike = other < 0 ? before.length : other;
      return price + newest! * ((1n << BigInt(alike)) - 1n);
    }),
  };
}

/** Undefined when the combination leaves its bounds. */
function combine(steps: readonly Step[], pace: Pace): Position | undefined {
  const moves = steps.map(({ from, to }) => minus(to, from));
  const newest = moves.length - 1;
  const turns = moves.slice(1).map((move, j) => minus(move, moves[j]!));
  const matrix = turns.map((one, i) =>
    turns.map((other, j) => {
      const entry = product(one, other, pace);
      return i === j ? entry + (entry >> 20n) + 1n : entry;
    }),
  );
  const coefficients = solve(
    matrix,
    turns.map((turn) => product(turn, moves[newest]!, pace)),
  ).map(({ numerator, denominator }) => roundDiv(numerator * ONE, denominator));
  if (coefficients.some((coefficient) => abs(coefficient) > COEFFICIENT_MAX)) return undefined;
  const { to } = steps[newest]!;
  const shifts = steps.slice(1).map((step, j) => minus(step.to, steps[j]!.to));
  const less = (series: (position: Position) => Series): bigint[] =>
    series(to).map((value, at) => {
      const taken = shifts.reduce((sum, shift, j) => sum + coefficients[j]! * series(shift)[at]!, 0n);
      return value - roundDiv(taken, ONE);
    });
  const targets = less((position) => position.targets);
  if (targets.some((target) => abs(target) > TARGET_MW_MAX)) return undefined;
  return { prices: less((position) => position.prices), targets };
}

function minus(one: Position, other: Position): Position {
  return {
    prices: one.prices.map((price, at) => price - other.prices[at]!),
    targets: one.targets.map((target, at) => target - other.targets[at]!),
  };
}

const square = ({ from, to }: Step, pace: Pace): bigint => product(minus(to, from), minus(to, from), pace);

/** In the iteration's own variable, target + price / r, times r^2 so that it is whole. */
function product(one: Position, other: Position, { penaltyMicroPerKwhPerKw, priceWeight }: Pace): bigint {
  const dot = (a: Series, b: Series): bigint => a.reduce((sum, value, at) => sum + value * b[at]!, 0n);
  return (
    penaltyMicroPerKwhPerKw ** 2n * dot(one.targets, other.targets) +
    priceWeight * MICRO ** 2n * dot(one.prices, other.prices)
  );
}

type Fraction = { readonly numerator: bigint; readonly denominator: bigint };

/** Exactly, by Cramer's rule; the matrix is small and positive definite. */
function solve(matrix: readonly Series[], right: Series): Fraction[] {
  const denominator = determinant(matrix);
  return right.map((_, column) => ({
    numerator: determinant(matrix.map((row, i) => row.map((entry, j) => (j === column ? right[i]! : entry)))),
    denominator,
  }));
}

/** By the first row's minors: 120 products of five at most. */
function determinant(matrix: readonly Series[]): bigint {
  const [first, ...rest] = matrix;
  if (first === undefined) return 1n;
  return first.reduce((sum, entry, column) => {
    if (entry === 0n) return sum;
    const minor = determinant(rest.map((row) => row.filter((_, at) => at !== column)));
    return sum + (column % 2 === 0 ? entry : -entry) * minor;
  }, 0n);
}
