import { goOn, type Position, type Step } from './acceleration.ts';
import { finalise } from './finalising.ts';
import { type Cut, readMemory, remember } from './memory.ts';
import type { Scope } from './method.ts';
import {
  readPairOffers,
  readPairs,
  readPoolOffers,
  readPrices,
  readTargets,
  writePairs,
} from './positions.ts';
import {
  closePairwiseRound,
  closePoolRound,
  evenOut,
  type Pair,
  type Residuals,
  type RoundRules,
} from './rounds.ts';
import {
  activeHomes,
  addHistory,
  heads,
  leavers,
  offers,
  penaltyOf,
  prices as pricesRecord,
  readLeft,
  type Session,
  targets,
} from './session.ts';

/**
 * Closes the running round: homes that missed two deadlines in a row leave, targets and prices move on, and
 * the session opens its next round or fixes its trades. Costs O(homes * slots); pairwise O(homes^2 * slots).
 */
export function closeRound(scope: Scope, session: Session): void {
  const { state, timeMs, emit } = scope;
  const { id, terms, head } = session;
  dropSilent(scope, session);
  const homes = activeHomes(state, id);
  // Trades are for the future: when the first slot starts, the last offers stand.
  const last = head.round >= terms.maxRounds || timeMs >= terms.startMs;
  const { primalMw, dualMw, imbalanceMw, ends } =
    homes.length > 1 ? moveOn(scope, session, homes, last) : NOTHING_TO_AGREE;
  const report = { round: head.round, primalMw, dualMw, imbalanceMw };
  addHistory(state, id, report);
  emit('coordination.roundClosed', { id, ...report, homes: homes.length });
  if (ends) {
    finalise(scope, session);
    return;
  }
  heads.put(state, { ...head, ...freshRound(head.round + 1, homes.length, timeMs + terms.roundMs) }, id);
}

/** The head's fields that start anew with a round. */
export function freshRound(round: number, awaited: number, deadlineMs: number) {
  return { round, awaited, deadlineMs, offersIn: 0, firstCallHeight: 0, lastCallHeight: 0 };
}

const NOTHING_TO_AGREE = { primalMw: 0, dualMw: 0, imbalanceMw: 0, ends: true };

/** A home that kept silent once keeps its last offer (nothing, if it never made one); twice in a row, it leaves. */
function dropSilent({ state, emit }: Scope, { id, head }: Session): void {
  const left: number[] = [];
  for (const home of activeHomes(state, id)) {
    const offer = offers.get(state, home, id) ?? { round: 0, missed: 0, soldMw: [] };
    if (offer.round === head.round) continue;
    if (offer.missed > 0) left.push(home);
    else offers.put(state, { ...offer, missed: 1 }, home, id);
  }
  if (left.length === 0) return;
  leavers.put(state, { indices: [...readLeft(state, id), ...left].sort((a, b) => a - b) }, id);
  emit('coordination.left', { id, indices: left });
}

/**
 * From the round's offers to where the next one begins, or to the final prices when it ends. One home alone has
 * nobody to agree with, whatever the tolerances.
 */
function moveOn(
  scope: Scope,
  session: Session,
  homes: readonly number[],
  last: boolean,
): Residuals & { readonly ends: boolean } {
  const { terms, head } = session;
  const rules: RoundRules = {
    penaltyMicro: penaltyOf(terms, head.round),
    relaxationPermille: terms.relaxationPermille,
    priceLimitMicro: scope.network.priceLimitMicroPerKwh,
  };
  const { residuals, step, settle } =
    terms.form === 'pool'
      ? closePool(scope, session, homes, rules)
      : closePairs(scope, session, homes, rules);
  const agreed = residuals.primalMw <= terms.tolerancePrimalMw && residuals.dualMw <= terms.toleranceDualMw;
  if (agreed || last) {
    settle(step.to);
    return { ...residuals, ends: true };
  }
  settle(accelerated(scope, session, { homes, step, rules }));
  return { ...residuals, ends: false };
}

/** Offers weighed, the position that plain ADMM would go on from, and how a position is put into the state. */
type Closed = {
  readonly residuals: Residuals;
  readonly step: Step;
  settle(position: Position): void;
};

function accelerated(
  { state }: Scope,
  session: Session,
  {
    homes,
    step,
    rules,
  }: { readonly homes: readonly number[]; readonly step: Step; readonly rules: RoundRules },
): Position {
  const { terms, head } = session;
  const cut = cutOf(session, homes);
  const { position, remembered } = goOn(readMemory(state, session, { homes: homes.length, cut }), step, {
    penaltyMicro: rules.penaltyMicro,
    nextPenaltyMicro: penaltyOf(terms, head.round + 1),
    priceWeight: terms.form === 'pool' ? homes.length : 1,
    memoryRounds: terms.memoryRounds,
    round: head.round,
  });
  remember(state, session, { step, steps: remembered.length, homes: homes.length, cut });
  const limit = Number(rules.priceLimitMicro);
  return { ...position, prices: position.prices.map((price) => Math.max(-limit, Math.min(limit, price))) };
}

/** Whose records hold which part of a position: as prices and targets themselves. */
function cutOf({ terms: { form, slots } }: Session, homes: readonly number[]): Cut {
  return form === 'pool'
    ? homes.map((index, place) => ({ index, prices: place === 0 ? slots : 0, targets: slots }))
    : homes.slice(0, -1).map((index, place) => {
        const row = (homes.length - 1 - place) * slots;
        return { index, prices: row, targets: row };
      });
}

function closePool({ state }: Scope, session: Session, homes: readonly number[], rules: RoundRules): Closed {
  const { id, terms } = session;
  const before = homes.map((home) => readTargets(state, session, home));
  const prices = readPrices(state, session, 0);
  const closed = closePoolRound(
    { offers: readPoolOffers(state, session, homes), targets: before, prices, penaltyParts: 1 },
    rules,
  );
  return {
    residuals: closed,
    step: {
      from: { prices: prices.map(Number), targets: before.flat() },
      to: { prices: closed.prices.map(Number), targets: closed.targets.flat() },
    },
    settle(position) {
      const rows = homes.map((_, place) =>
        position.targets.slice(place * terms.slots, (place + 1) * terms.slots),
      );
      for (const [place, mw] of evenOut(rows).entries()) targets.put(state, { mw }, homes[place]!, id);
      pricesRecord.put(state, { micro: position.prices }, 0, id);
    },
  };
}

function closePairs({ state }: Scope, session: Session, homes: readonly number[], rules: RoundRules): Closed {
  const { slots } = session.terms;
  const before = readPairs(state, session, homes);
  const { pairs, ...residuals } = closePairwiseRound(
    { offers: readPairOffers(state, session, homes), pairs: before, homes },
    rules,
  );
  const flat = (all: readonly Pair[]): Position => ({
    prices: all.flatMap((pair) => pair.prices.map(Number)),
    targets: all.flatMap((pair) => pair.targets),
  });
  return {
    residuals,
    step: { from: flat(before), to: flat(pairs) },
    settle(position) {
      const at = (place: number) => [place * slots, (place + 1) * slots] as const;
      writePairs(
        state,
        session,
        pairs.map((pair, place) => ({
          ...pair,
          prices: position.prices.slice(...at(place)).map(BigInt),
          targets: position.targets.slice(...at(place)),
        })),
      );
    },
  };
}
