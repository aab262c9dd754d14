import { planNeighbourhood, type QpLibrary } from '../../optimizer/index.ts';
import { type DayData, homeProblem } from '../neighbourhood/index.ts';
import type { HomePlace } from './layout.ts';

/**
 * The cost that one all-knowing planner of all homes would reach, with the same forecasts: what the gap is measured
 * by. No home ever sees it. Undefined when the joint problem has no answer.
 */
export function centralisedCost(
  library: QpLibrary,
  data: DayData,
  places: readonly HomePlace[],
): number | undefined {
  const problems = data.homes.map((home, index) => {
    const place = places[index]!;
    const expected = { ...home, baseLoadKw: place.loadForecastKw, pvKw: place.pvForecastKw };
    return homeProblem(data, expected, { kind: 'none' });
  });
  const plan = planNeighbourhood(library, problems);
  return plan.status === 'solved' ? plan.totalCost : undefined;
}
