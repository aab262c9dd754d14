import type { QpLibrary, QpSolution } from '../qp/types.ts';
import { buildHomeQp, type HomeLayout } from './home-qp.ts';
import { costOf, readSchedule } from './read-plan.ts';
import type { HomePlan, HomeProblem, MissedLimit } from './types.ts';

/** A limit missed by less than this, in its own unit, is met. */
const MISS_MIN = 1e-4;
/** Limits named in the sentence; the rest are counted. */
const NAMED_MAX = 3;

/**
 * Why no plan keeps every limit: solves the problem again with every wish softened at a price above all
 * real ones, and reads which of them are missed and by how much.
 */
export function explainInfeasible(library: QpLibrary, problem: HomeProblem): HomePlan {
  const home = buildHomeQp(problem, { optIn: false, soft: 'limits' });
  const solution = library.setup(home.qp).solve();
  if (solution.status !== 'solved' && !isPlan(solution)) {
    return { status: 'infeasible', reason: 'the limits contradict each other', missed: [] };
  }
  const schedule = readSchedule(problem, home.layout, solution.x);
  const missed = readMisses(home.layout, solution.x);
  return {
    status: 'infeasible',
    reason: inWords(missed),
    missed,
    nearest: { schedule, cost: costOf(problem, schedule) },
  };
}

/**
 * Undecided, but every equation is kept: what is missed then is dearer than it need be by the solver's gap, which at
 * the price of a miss is next to nothing.
 */
function isPlan({ status, primalResidual }: QpSolution): boolean {
  return status === 'maxIterations' && primalResidual <= MISS_MIN / 100;
}

function readMisses(layout: HomeLayout, x: ArrayLike<number>): MissedLimit[] {
  return layout.misses
    .map(({ column, ...miss }) => ({ ...miss, by: x[column]! }))
    .filter(({ by }) => by > MISS_MIN)
    .sort((a, b) => b.by - a.by);
}

function inWords(missed: readonly MissedLimit[]): string {
  if (missed.length === 0) return 'the limits contradict each other by less than can be measured';
  const named = missed
    .slice(0, NAMED_MAX)
    .map(({ limit, slot, by, unit }) => `${limit} is missed by ${by.toPrecision(3)} ${unit} in slot ${slot}`);
  const others = missed.length - named.length;
  return named.join('; ') + (others > 0 ? `; and ${others} more` : '');
}
