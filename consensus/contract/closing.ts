import { finalise } from './finalising.ts';
import type { Scope } from './method.ts';
import {
  readPairOffers,
  readPairs,
  readPoolOffers,
  readPrices,
  readTargets,
  writePairs,
} from './positions.ts';
import { closePairwiseRound, closePoolRound, type Residuals, type RoundRules } from './rounds.ts';
import {
  activeHomes,
  addHistory,
  heads,
  leavers,
  offers,
  prices,
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
  const { primalMw, dualMw, imbalanceMw } =
    homes.length > 1 ? moveOn(scope, session, homes) : NOTHING_TO_AGREE;
  const report = { round: head.round, primalMw, dualMw, imbalanceMw };
  addHistory(state, id, report);
  emit('coordination.roundClosed', { id, ...report, homes: homes.length });
  const agreed = primalMw <= terms.tolerancePrimalMw && dualMw <= terms.toleranceDualMw;
  // Trades are for the future: when the first slot starts, the last offers stand.
  if (agreed || head.round >= terms.maxRounds || timeMs >= terms.startMs) {
    finalise(scope, session);
    return;
  }
  heads.put(state, { ...head, ...freshRound(head.round + 1, homes.length, timeMs + terms.roundMs) }, id);
}

/** The head's fields that start anew with a round. */
export function freshRound(round: number, awaited: number, deadlineMs: number) {
  return { round, awaited, deadlineMs, offersIn: 0, firstCallHeight: 0, lastCallHeight: 0 };
}

const NOTHING_TO_AGREE: Residuals = { primalMw: 0, dualMw: 0, imbalanceMw: 0 };

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

function moveOn(scope: Scope, session: Session, homes: readonly number[]): Residuals {
  const rules: RoundRules = {
    penaltyMicro: session.terms.penaltyMicro,
    relaxationPermille: session.terms.relaxationPermille,
    priceLimitMicro: scope.network.priceLimitMicroPerKwh,
  };
  return session.terms.form === 'pool'
    ? movePool(scope, session, homes, rules)
    : movePairs(scope, session, homes, rules);
}

function movePool(
  { state }: Scope,
  session: Session,
  homes: readonly number[],
  rules: RoundRules,
): Residuals {
  const { id } = session;
  const closed = closePoolRound(
    {
      offers: readPoolOffers(state, session, homes),
      targets: homes.map((home) => readTargets(state, session, home)),
      prices: readPrices(state, session, 0),
    },
    rules,
  );
  for (const [place, home] of homes.entries()) targets.put(state, { mw: closed.targets[place]! }, home, id);
  prices.put(state, { micro: closed.prices.map(Number) }, 0, id);
  return closed;
}

function movePairs(
  { state }: Scope,
  session: Session,
  homes: readonly number[],
  rules: RoundRules,
): Residuals {
  const { pairs, ...residuals } = closePairwiseRound(
    {
      offers: readPairOffers(state, session, homes),
      pairs: readPairs(state, session, homes),
      homes: homes.length,
      slots: session.terms.slots,
    },
    rules,
  );
  writePairs(state, session, pairs);
  return residuals;
}
