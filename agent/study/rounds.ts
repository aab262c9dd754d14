import {
  type Cleared,
  costTogether,
  type HomeProblem,
  type OptimizerLibrary,
  planHome,
  planNeighbourhood,
  profileForecast,
  type RoundsResult,
  runRounds,
  type SessionParameters,
  warmSessionParameters,
} from '../../optimizer/index.ts';
import { AgentError } from '../errors.ts';
import { type DayData, homeProblem } from '../neighbourhood/index.ts';
import { microToMoney, microToPricePerKwh, milliwattsToKw, pricePerKwhToMicro } from '../translate/units.ts';

/** One day of a neighbourhood, traded without a ledger. */
export type RoundsStudy = {
  readonly data: DayData;
  readonly form: 'pool' | 'pairwise';
  readonly parameters: SessionParameters;
  /**
   * Starts from the prices and trades of a session before, in which every slot's load and generation were off
   * by a draw of this relative standard deviation. Absent: from mid-market prices and no trade.
   */
  readonly warm?: { readonly forecastChange: number; readonly seed: number };
  readonly onRound?: (round: StudiedRound) => void;
  /** Called as each stage begins, and as homes plan or answer in it: of many, each takes its time. */
  readonly onProgress?: (progress: StudyProgress) => void;
};

/** How many homes have planned, in this round where there are rounds. */
export type StudyProgress = {
  readonly stage: 'alone' | 'centralised' | 'session before' | 'session';
  readonly homes: number;
  readonly of: number;
};

export type StudiedRound = {
  readonly round: number;
  /** What the session's stopping rule looks at: max over slots of |sum over homes of sold| / homes, and how far targets move. */
  readonly imbalanceKw: number;
  readonly dualKw: number;
  /** Of what would be cleared if this round were the last; null where a home has no plan with its trade. */
  readonly gap: number | null;
  /** Of the offers as they are: they do not add up to zero, so it may be negative. Null where a home is silent. */
  readonly gapOffered: number | null;
};

export type RoundsReport = {
  readonly rounds: number;
  readonly ended: 'converged' | 'maxRounds' | 'deserted';
  readonly byRound: readonly StudiedRound[];
  /** The first round as close as this to balance and to the optimum at once; null where none was. */
  readonly reached: readonly {
    readonly imbalanceKw: number;
    readonly gap: number;
    readonly round: number | null;
  }[];
  /** Money over the day; `together` is what the last round's cleared trades cost. */
  readonly cost: {
    readonly alone: number;
    readonly together: number;
    readonly centralised: number;
    readonly gap: number;
  };
  /** By slot. */
  readonly pricesPerKwh: readonly number[];
  /** Of the cleared trades; 0 exactly. */
  readonly maxImbalanceW: number;
  /** 0 exactly. */
  readonly paymentsSum: number;
};

/** How near is near: the accuracies that goals for rounds are stated in. */
const ACCURACIES = [
  { imbalanceKw: 0.1, gap: 0.05 },
  { imbalanceKw: 0.01, gap: 0.001 },
  { imbalanceKw: 0.001, gap: 0.001 },
];

/**
 * Runs a session and holds every round against one planner who knows all homes.
 *
 * @throws AgentError AGENT_BAD_DATA when a home, or all of them together, have no feasible plan.
 */
export function studyRounds(library: OptimizerLibrary, study: RoundsStudy): RoundsReport {
  const homes = problemsOf(study.data);
  const watched = watching(study);
  const planned = watched('alone');
  const aloneCosts = [...homes].map(([home, problem]) => {
    const cost = aloneCost(library, home, problem);
    planned();
    return cost;
  });
  watched('centralised');
  const centralised = centralisedCost(library, [...homes.values()]);
  const gapOf = (cost: number) => (cost - centralised) / sum(aloneCosts.map(Math.abs));
  const byRound: StudiedRound[] = [];
  const { warm } = study;
  const before = warm && yesterday(library, study, { warm, onAnswer: watched('session before') });
  const result = runRounds(library, {
    ...sessionOf(study, homes),
    ...(before && { yesterday: before }),
    onAnswer: watched('session'),
    ...(warm && { parameters: warmSessionParameters(study.parameters) }),
    onRound({ report, offeredCost, clear }) {
      const together = togetherCost(library, homes, clear());
      const round: StudiedRound = {
        round: byRound.length + 1,
        imbalanceKw: milliwattsToKw(report.imbalanceMw),
        dualKw: milliwattsToKw(report.dualMw),
        gap: together === undefined ? null : gapOf(together),
        gapOffered: offeredCost === undefined ? null : gapOf(offeredCost),
      };
      byRound.push(round);
      study.onRound?.(round);
    },
  });
  const together = togetherCost(library, homes, result.cleared);
  if (together === undefined) throw noPlan('A home cannot keep the trade that it offered');
  return {
    rounds: byRound.length,
    ended: result.reports.at(-1)?.ended ?? 'maxRounds',
    byRound,
    reached: ACCURACIES.map((accuracy) => ({ ...accuracy, round: firstWithin(byRound, accuracy) })),
    cost: { alone: sum(aloneCosts), together, centralised, gap: gapOf(together) },
    pricesPerKwh: result.state.priceMicroPerKwh.map(microToPricePerKwh),
    maxImbalanceW: maxImbalanceW(result.cleared),
    paymentsSum: microToMoney([...result.payments.values()].reduce((total, micro) => total + micro, 0n)),
  };
}

/** @returns begins a stage; what that returns counts a home, from 1 again when all have been. */
function watching({ data, onProgress }: RoundsStudy): (stage: StudyProgress['stage']) => () => void {
  const of = data.homes.length;
  return (stage) => {
    let homes = 0;
    onProgress?.({ stage, homes, of });
    return () => {
      homes = (homes % of) + 1;
      onProgress?.({ stage, homes, of });
    };
  };
}

const problemsOf = (data: DayData) =>
  new Map(data.homes.map((home) => [home.home, homeProblem(data, home, { kind: 'none' })]));

function sessionOf({ data, form, parameters }: RoundsStudy, homes: ReadonlyMap<string, HomeProblem>) {
  const startPriceMicroPerKwh = data.importPricePerKwh.map((price, t) =>
    pricePerKwhToMicro((price + data.feedInPricePerKwh[t]!) / 2),
  );
  return { form, parameters, homes, startPriceMicroPerKwh };
}

/** The session before a warm one: the same homes, as an older forecast saw them. */
function yesterday(
  library: OptimizerLibrary,
  study: RoundsStudy,
  { warm, onAnswer }: { readonly warm: NonNullable<RoundsStudy['warm']>; readonly onAnswer: () => void },
): RoundsResult {
  const { data } = study;
  const homes = data.homes.map((home, index) => {
    const off = (trueKw: readonly number[], salt: number) =>
      Array.from(
        profileForecast({
          trueKw,
          relativeError: warm.forecastChange,
          seed: warm.seed * 10_007 + index * 2 + salt,
        }),
      );
    return { ...home, baseLoadKw: off(home.baseLoadKw, 0), pvKw: off(home.pvKw, 1) };
  });
  return runRounds(library, { ...sessionOf(study, problemsOf({ ...data, homes })), onAnswer });
}

function aloneCost(library: OptimizerLibrary, home: string, problem: HomeProblem): number {
  const plan = planHome(library, problem);
  if (plan.status !== 'solved') throw noPlan(`${home} has no plan by itself (${plan.reason})`);
  return plan.cost.total;
}

function centralisedCost(library: OptimizerLibrary, problems: readonly HomeProblem[]): number {
  const plan = planNeighbourhood(library, problems);
  if (plan.status !== 'solved') throw noPlan(`The homes together have no plan (${plan.reason})`);
  return plan.totalCost;
}

/** Payments sum to zero, so they do not count on the whole. */
function togetherCost(
  library: OptimizerLibrary,
  homes: ReadonlyMap<string, HomeProblem>,
  { soldW }: Cleared,
): number | undefined {
  let total = 0;
  for (const [home, problem] of homes) {
    const nothing = new Array<bigint>(problem.slots).fill(0n);
    const kept = costTogether(library, problem, { soldW: soldW.get(home) ?? nothing, receivedMicro: 0n });
    if (kept === undefined) return undefined;
    total += kept.cost;
  }
  return total;
}

function firstWithin(
  byRound: readonly StudiedRound[],
  { imbalanceKw, gap }: { imbalanceKw: number; gap: number },
): number | null {
  const first = byRound.find(
    (round) => round.imbalanceKw <= imbalanceKw && round.gap !== null && round.gap <= gap,
  );
  return first?.round ?? null;
}

function maxImbalanceW({ soldW }: Cleared): number {
  const sums = [...soldW.values()].reduce<bigint[]>(
    (before, series) => series.map((watts, t) => (before[t] ?? 0n) + watts),
    [],
  );
  return Math.max(0, ...sums.map((watts) => Math.abs(Number(watts))));
}

const noPlan = (what: string) => new AgentError('AGENT_BAD_DATA', `${what}: see the data of the day.`);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
