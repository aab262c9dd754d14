import { type HomeProblem, type OptimizerLibrary, planNeighbourhood } from '../../optimizer/index.ts';

/**
 * The cost that one all-knowing planner of all homes would reach from the same problems: what the gap is measured by.
 * No home ever sees it. Undefined when the joint problem has no answer.
 */
export function centralisedCost(
  library: OptimizerLibrary,
  problems: readonly HomeProblem[],
): number | undefined {
  const plan = planNeighbourhood(library, problems);
  return plan.status === 'solved' ? plan.totalCost : undefined;
}
