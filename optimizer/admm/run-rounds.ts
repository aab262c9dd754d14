import { createHomePlanner, type HomePlanner, type RoundTerms } from '../prosumer/home-planner.ts';
import { planHome } from '../prosumer/plan-home.ts';
import type { HomeProblem } from '../prosumer/types.ts';
import type { QpLibrary } from '../qp/types.ts';
import { eliminate, poolTerms, toOfferMw } from './home-side.ts';
import {
  clearPairwise,
  closePairwiseRound,
  openPairwise,
  type PairwiseOffer,
  type PairwiseState,
} from './pairwise.ts';
import { payments } from './payments.ts';
import { clearPool, closePoolRound, openPool, type PoolState } from './pool.ts';
import type { Cleared, RoundReport, Series, SessionParameters } from './session.ts';

/** A neighbourhood's rounds in one process: no ledger, no network, the same integers and the same homes. */
export type RoundsStudy = {
  readonly form: 'pool' | 'pairwise';
  readonly parameters: SessionParameters;
  /** By address. */
  readonly homes: ReadonlyMap<string, HomeProblem>;
  readonly startPriceMicroPerKwh: Series;
  /** Told every round; `clear()` is what would be agreed if this were the last one. */
  readonly onRound?: (report: RoundReport, clear: () => Cleared) => void;
};

export type RoundsResult = {
  readonly reports: readonly RoundReport[];
  readonly cleared: Cleared;
  /** Micro-units of money received by home; they sum to zero. */
  readonly payments: ReadonlyMap<string, bigint>;
  /** The coordinator's state at the end: prices, targets, last offers. */
  readonly state: PoolState | PairwiseState;
};

/**
 * Runs a session to its end.
 *
 * @throws OptimizerError when a home's problem makes no sense. A home without an answer stays silent.
 */
export function runRounds(library: QpLibrary, study: RoundsStudy): RoundsResult {
  const planners = new Map(
    [...study.homes].map(([home, problem]) => [home, createHomePlanner(library, problem)]),
  );
  const opening = {
    ...study.parameters,
    homes: [...study.homes.keys()],
    startPriceMicroPerKwh: study.startPriceMicroPerKwh,
  };
  const session =
    study.form === 'pool'
      ? poolSession(planners, openPool(opening))
      : pairSession(planners, openPairwise(opening));
  const reports: RoundReport[] = [];
  for (let round = 0; round < study.parameters.maxRounds; round += 1) {
    const report = session.advance();
    reports.push(report);
    study.onRound?.(report, session.clear);
    if (report.ended) break;
  }
  const cleared = session.clear();
  const { slotHours } = [...study.homes.values()][0]!;
  return {
    reports,
    cleared,
    payments: payments(cleared, BigInt(Math.round(slotHours * 3_600_000))),
    state: session.state(),
  };
}

/** What a home's day costs with its agreed trade kept: its own plan's cost, less what it is paid. */
export function costTogether(
  library: QpLibrary,
  problem: HomeProblem,
  agreed: { readonly soldW: Series; readonly receivedMicro: bigint },
): { cost: number; deviationKwMax: number } | undefined {
  const soldKw = Float64Array.from(agreed.soldW, (w) => Number(w) / 1000);
  const plan = planHome(library, { ...problem, trade: { kind: 'fixed', soldKw } });
  if (plan.status !== 'solved') return undefined;
  return {
    cost: plan.cost.total - Number(agreed.receivedMicro) / 1e6,
    deviationKwMax: plan.schedule.tradeDeviationKw.reduce((worst, kw) => Math.max(worst, Math.abs(kw)), 0),
  };
}

type Session = {
  advance(): RoundReport;
  clear(): Cleared;
  state(): PoolState | PairwiseState;
};

function poolSession(planners: ReadonlyMap<string, HomePlanner>, opened: PoolState): Session {
  let state = opened;
  return {
    advance() {
      const offers = new Map<string, Series>();
      for (const home of state.homes) {
        const terms = poolTerms({
          priceMicroPerKwh: state.priceMicroPerKwh,
          penaltyMicroPerKwhPerKw: state.parameters.penaltyMicroPerKwhPerKw,
          targetMw: state.targetMw.get(home)!,
        });
        const soldKw = answer(planners.get(home)!, terms);
        if (soldKw) offers.set(home, toOfferMw(soldKw));
      }
      const closed = closePoolRound(state, offers);
      state = closed.state;
      return closed.report;
    },
    clear: () => clearPool(state),
    state: () => state,
  };
}

function pairSession(planners: ReadonlyMap<string, HomePlanner>, opened: PairwiseState): Session {
  let state = opened;
  return {
    advance() {
      const offers = new Map<string, PairwiseOffer>();
      for (const home of state.homes) {
        const others = state.homes.filter((other) => other !== home);
        const { terms, split } = eliminate(
          others.map((other) => seenFrom(state, home, other)),
          state.parameters.penaltyMicroPerKwhPerKw,
        );
        const soldKw = answer(planners.get(home)!, terms);
        if (!soldKw) continue;
        const parts = split(soldKw);
        offers.set(home, new Map(others.map((other, k) => [other, parts[k]!])));
      }
      const closed = closePairwiseRound(state, offers);
      state = closed.state;
      return closed.report;
    },
    clear: () => clearPairwise(state),
    state: () => state,
  };
}

function seenFrom(
  state: PairwiseState,
  home: string,
  other: string,
): { priceMicroPerKwh: Series; targetMw: Series } {
  const pair = state.pairs.find(
    ({ first, second }) => (first === home && second === other) || (first === other && second === home),
  )!;
  return pair.first === home ? pair : { ...pair, targetMw: pair.targetMw.map((mw) => -mw) };
}

function answer(planner: HomePlanner, terms: RoundTerms): Float64Array | undefined {
  const response = planner.respond(terms);
  return response.status === 'solved' ? response.soldKw : undefined;
}
