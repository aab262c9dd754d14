import { roundDivBig } from './integers.ts';

/**
 * Anderson's acceleration of the trading rounds (type II; Walker & Ni 2011, Eq. 2.1), in integers. A round maps the
 * position it was played at to the one that plain ADMM goes on from; where both are the same, the rounds are done.
 * Of the remembered rounds' moves, the combination that would have come nearest to no move tells where to go on.
 * It only chooses from where: what a round does stays ADMM's, and so does what the rounds come to.
 */

/** Prices in micro-units per kWh and targets in mW, in any fixed order. */
export type Position = { readonly prices: readonly number[]; readonly targets: readonly number[] };

export type Step = { readonly from: Position; readonly to: Position };

export type Pace = {
  /** r of this round, and of the next one. */
  readonly penaltyMicro: bigint;
  readonly nextPenaltyMicro: bigint;
  /** Homes that each price stands for: all of them in pool form, one in pairwise form. */
  readonly priceWeight: number;
  /** Rounds to look back on; 0: plain steps. */
  readonly memoryRounds: number;
  readonly round: number;
};

/** Exact elimination of a system this small is quick; more memory helps little. */
export const MEMORY_ROUNDS_MAX = 5;
/** Plain steps converge from wherever they start: with these few before them, so does the session. */
const ACCELERATED_ROUNDS = 64;
const FRACTION_BITS = 16n;
const COEFFICIENT_MAX = 64n << FRACTION_BITS;
const TARGET_MW_MAX = 2 ** 36;
const MICRO_SQUARED = 10n ** 12n;

/**
 * The next round's position, and the steps that the round after it looks back on. The step is plain when there is
 * nothing to look back on: in the first round, after the penalty changed, after a move more than 1.2 times as long
 * as the one before it, and where the combination leaves its bounds. It says nothing of offers, so nobody can
 * send what it could not bear.
 */
export function goOn(
  remembered: readonly Step[],
  step: Step,
  { penaltyMicro, nextPenaltyMicro, priceWeight, memoryRounds, round }: Pace,
): { readonly position: Position; readonly remembered: readonly Step[] } {
  if (memoryRounds === 0 || round >= ACCELERATED_ROUNDS) return { position: step.to, remembered: [] };
  const measure = { prices: BigInt(priceWeight) * MICRO_SQUARED, targets: penaltyMicro * penaltyMicro };
  const last = remembered.at(-1);
  const longer =
    last !== undefined && 100n * squared(moveOf(step), measure) > 144n * squared(moveOf(last), measure);
  const steps = [...(longer ? [] : remembered), step];
  const combined = combine(steps, measure);
  const kept = combined === undefined ? [step] : steps.slice(-memoryRounds);
  return {
    position: combined === undefined ? step.to : stride(combined, steps),
    remembered: nextPenaltyMicro === penaltyMicro ? kept : [],
  };
}

/** Of a sixteenth at most do moves differ that count as the same. */
const ALIKE = 16;

/**
 * Where all homes stand at kinks of their costs, an imbalance stays as it is and its price goes on by the same small
 * step, round after round. From moves that are all the same no combination can learn, so the price is taken
 * 2^k - 1 steps further, k being the rounds before this one in which it moved alike.
 */
function stride({ prices, targets }: Position, steps: readonly Step[]): Position {
  const newest = steps.at(-1)!;
  const strided = prices.map((price, index) => {
    const move = newest.to.prices[index]! - newest.from.prices[index]!;
    let further = 1;
    for (let earlier = steps.length - 2; earlier >= 0; earlier -= 1) {
      const { from, to } = steps[earlier]!;
      if (Math.abs(to.prices[index]! - from.prices[index]! - move) * ALIKE > Math.abs(move)) break;
      further *= 2;
    }
    return price + move * (further - 1);
  });
  return { prices: strided, targets };
}

/** How much a unit of price and of target count, squared: a length of targets + prices / r, times r. */
type Measure = { readonly prices: bigint; readonly targets: bigint };

function combine(steps: readonly Step[], measure: Measure): Position | undefined {
  const newest = steps.at(-1)!;
  const moves = steps.map(moveOf);
  const changes = moves.slice(1).map((move, index) => difference(move, moves[index]!));
  const matrix = changes.map((one) => changes.map((other) => product(one, other, measure)));
  // A grain of weight on the diagonal, so that it can always be solved.
  for (const [index, row] of matrix.entries()) row[index]! += row[index]! / 1_048_576n + 1n;
  const right = changes.map((change) => product(change, moves.at(-1)!, measure));
  const coefficients = solve(matrix, right);
  if (coefficients.some((value) => value > COEFFICIENT_MAX || value < -COEFFICIENT_MAX)) return undefined;
  const shifts = steps.slice(1).map(({ to }, index) => difference(to, steps[index]!.to));
  const prices = shifted(
    newest.to.prices,
    shifts.map((shift) => shift.prices),
    coefficients,
  );
  const targets = shifted(
    newest.to.targets,
    shifts.map((shift) => shift.targets),
    coefficients,
  );
  return targets.some((target) => Math.abs(target) > TARGET_MW_MAX) ? undefined : { prices, targets };
}

function moveOf({ from, to }: Step): Position {
  return difference(to, from);
}

function difference(one: Position, other: Position): Position {
  return {
    prices: one.prices.map((price, index) => price - other.prices[index]!),
    targets: one.targets.map((target, index) => target - other.targets[index]!),
  };
}

function squared(move: Position, measure: Measure): bigint {
  return product(move, move, measure);
}

function product(one: Position, other: Position, { prices, targets }: Measure): bigint {
  return prices * dot(one.prices, other.prices) + targets * dot(one.targets, other.targets);
}

const CHUNK = 64;
const SAFE = Number.MAX_SAFE_INTEGER;

/** Exact. In plain numbers by the chunk wherever they can hold it: big ones take ten times as long. */
function dot(one: readonly number[], other: readonly number[]): bigint {
  let sum = 0n;
  for (let from = 0; from < one.length; from += CHUNK) {
    const to = Math.min(from + CHUNK, one.length);
    let part = 0;
    let size = 0;
    for (let index = from; index < to; index += 1) {
      const term = one[index]! * other[index]!;
      part += term;
      size += Math.abs(term);
    }
    if (size <= SAFE) {
      sum += BigInt(part);
      continue;
    }
    for (let index = from; index < to; index += 1) sum += BigInt(one[index]!) * BigInt(other[index]!);
  }
  return sum;
}

/**
 * Solves a positive definite system by elimination without fractions (Bareiss 1968); each unknown to the nearest
 * 1/65536, halves away from zero.
 */
function solve(matrix: readonly bigint[][], right: readonly bigint[]): bigint[] {
  const size = right.length;
  const rows = matrix.map((row, index) => [...row, right[index]!]);
  let before = 1n;
  for (let pivot = 0; pivot < size; pivot += 1) {
    const head = rows[pivot]!;
    for (const [index, row] of rows.entries()) {
      if (index === pivot) continue;
      const factor = row[pivot]!;
      for (let column = 0; column <= size; column += 1) {
        row[column] = (head[pivot]! * row[column]! - factor * head[column]!) / before;
      }
    }
    before = head[pivot]!;
  }
  // Every row's pivot is by now the determinant, and that is positive.
  return rows.map((row) => roundDivBig(row[size]! << FRACTION_BITS, before));
}

function shifted(
  values: readonly number[],
  shifts: readonly (readonly number[])[],
  coefficients: readonly bigint[],
): number[] {
  return values.map((value, index) => {
    let taken = 0n;
    for (const [step, coefficient] of coefficients.entries()) {
      taken += coefficient * BigInt(shifts[step]![index]!);
    }
    return value - Number(roundDivBig(taken, 1n << FRACTION_BITS));
  });
}
