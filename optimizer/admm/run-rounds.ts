import type { OptimizerLibrary } from '../library.ts';
import { createHomePlanner, type RoundTerms } from '../prosumer/home-planner.ts';
import { planHome } from '../prosumer/plan-home.ts';
import type { HomeProblem } from '../prosumer/types.ts';
import { penaltyOf } from './acceleration.ts';
import { eliminate, poolTerms, toOfferMw } from './home-side.ts';
import {
  clearPairwise,
  closePairwiseRound,
  openPairwise,
  type PairwiseOffer,
  pairTargets,
} from './pairwise.ts';
import { payments } from './payments.ts';
import { clearPool, closePoolRound, openPool, type PoolStart, type PoolState } from './pool.ts';
import type { Cleared, RoundReport, Series, SessionParameters } from './session.ts';

/** A neighbourhood's rounds in one process: no ledger, no network, the same integers and the same homes. */
export type RoundsStudy = {
  readonly form: 'pool' | 'pairwise';
  readonly parameters: SessionParameters;
  /** By address. */
  readonly homes: ReadonlyMap<string, HomeProblem>;
  readonly startPriceMicroPerKwh: Series;
  /** A session of the same form, homes and slots whose prices and trades this one starts from. */
  readonly yesterday?: RoundsResult;
  readonly onRound?: (round: ObservedRound) => void;
  /** Each time a home has answered, or has not: to be watched while many do. */
  readonly onAnswer?: () => void;
};

export type ObservedRound = {
  readonly report: RoundReport;
  /** What the homes' plans behind their offers cost them, trade left out; undefined where one has no plan. */
  readonly offeredCost: number | undefined;
  /** What would be agreed if this were the last round. */
  readonly clear: () => Cleared;
};

export type RoundsResult = {
  readonly reports: readonly RoundReport[];
  readonly cleared: Cleared;
  /** Micro-units of money received by home; they sum to zero. */
  readonly payments: ReadonlyMap<string, bigint>;
  /** The coordinator's state at the end: prices, targets, last offers. */
  readonly state: PoolState;
};

/**
 * Runs a session to its end.
 *
 * @throws OptimizerError when a home's problem makes no sense. A home without an answer stays silent.
 */
export function runRounds(library: OptimizerLibrary, study: RoundsStudy): RoundsResult {
  const homes = askable(library, study);
  const opening = {
    ...study.parameters,
    homes: [...study.homes.keys()],
    startPriceMicroPerKwh: study.startPriceMicroPerKwh,
  };
  const session =
    study.form === 'pool'
      ? poolSession(homes.answer, openPool(opening, study.yesterday && endingOf(study.yesterday)))
      : pairSession(homes.answer, openPairwise(opening, study.yesterday && endingOf(study.yesterday)));
  const reports: RoundReport[] = [];
  for (let round = 0; round < study.parameters.maxRounds; round += 1) {
    const report = session.advance();
    reports.push(report);
    study.onRound?.({ report, offeredCost: homes.costOfAnswers(), clear: session.clear });
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
  library: OptimizerLibrary,
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
  state(): PoolState;
};

function poolSession(answer: Answer, opened: PoolState): Session {
  let state = opened;
  return {
    advance() {
      const offers = new Map<string, Series>();
      for (const home of state.homes) {
        const terms = poolTerms({
          priceMicroPerKwh: state.priceMicroPerKwh,
          penaltyMicroPerKwhPerKw: penaltyOf(state.parameters, state.round + 1),
          targetMw: state.targetMw.get(home)!,
        });
        const soldKw = answer(home, terms);
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

function pairSession(answer: Answer, opened: PoolState): Session {
  let state = opened;
  return {
    advance() {
      const offers = new Map<string, PairwiseOffer>();
      for (const home of state.homes) {
        const targets = pairTargets(state, home);
        const { terms, split } = eliminate(
          [...targets.values()].map((targetMw) => ({ priceMicroPerKwh: state.priceMicroPerKwh, targetMw })),
          penaltyOf(state.parameters, state.round + 1),
        );
        const soldKw = answer(home, terms);
        if (!soldKw) continue;
        const parts = split(soldKw);
        offers.set(home, new Map([...targets.keys()].map((other, k) => [other, parts[k]!])));
      }
      const closed = closePairwiseRound(state, offers);
      state = closed.state;
      return closed.report;
    },
    clear: () => clearPairwise(state),
    state: () => state,
  };
}

/** A home's answer to a round in kW sold by slot; undefined when it has no plan. */
type Answer = (home: string, terms: RoundTerms) => Float64Array | undefined;

/** The homes with their planners, and what their latest plans cost. */
function askable(
  library: OptimizerLibrary,
  { homes, onAnswer }: Pick<RoundsStudy, 'homes' | 'onAnswer'>,
): { answer: Answer; costOfAnswers: () => number | undefined } {
  const planners = new Map([...homes].map(([home, problem]) => [home, createHomePlanner(library, problem)]));
  const costs = new Map<string, number | undefined>();
  return {
    answer(home, terms) {
      const response = planners.get(home)!.respond(terms);
      const solved = response.status === 'solved';
      costs.set(home, solved ? response.plan.cost.total : undefined);
      onAnswer?.();
      return solved ? response.soldKw : undefined;
    },
    costOfAnswers() {
      let total = 0;
      for (const cost of costs.values()) {
        if (cost === undefined) return undefined;
        total += cost;
      }
      return total;
    },
  };
}

function endingOf({ state, cleared }: RoundsResult): PoolStart {
  return { priceMicroPerKwh: state.priceMicroPerKwh, soldW: cleared.soldW };
}
