import { goOn, type Position } from './acceleration.ts';
import { finalise } from './finalising.ts';
import { readMemory, remember } from './memory.ts';
import type { Scope } from './method.ts';
import { readOffers, readPrices, readTargets } from './positions.ts';
import { evenOut, moveTargets, type Residuals, type RoundRules } from './rounds.ts';
import {
  activeHomes,
  addHistory,
  heads,
  leavers,
  offers,
  penaltyOf,
  penaltyParts,
  prices as pricesRecord,
  readLeft,
  type Session,
  targets,
} from './session.ts';
import type { ContractState } from './types.ts';

/**
 * Closes the running round: homes that missed two deadlines in a row leave, targets and prices move on, and
 * the session opens its next round or fixes its trades. Costs O(homes * slots).
 */
export function closeRound(scope: Scope, session: Session): void {
  const { state, timeMs, emit } = scope;
  const { id, terms, head } = session;
  dropSilent(scope, session);
  const homes = activeHomes(state, id);
  // Trades are for the future: when the first slot starts, the last offers stand.
  const last = head.round >= terms.maxRounds || timeMs >= terms.startMs;
  const { imbalanceMw, dualMw, ends } =
    homes.length > 1 ? moveOn(scope, session, homes, last) : NOTHING_TO_AGREE;
  const report = { round: head.round, imbalanceMw, dualMw };
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

const NOTHING_TO_AGREE = { imbalanceMw: 0, dualMw: 0, ends: true };

/** A home that kept silent once keeps its last offer (nothing, if it never made one); twice in a row, it leaves. */
function dropSilent({ state, emit }: Scope, { id, terms, head }: Session): void {
  const nothing = { round: 0, missed: 0, soldMw: new Array<number>(terms.slots).fill(0) };
  const left: number[] = [];
  for (const home of activeHomes(state, id)) {
    const offer = offers.get(state, home, id) ?? nothing;
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
  { state, network }: Scope,
  session: Session,
  homes: readonly number[],
  last: boolean,
): Residuals & { readonly ends: boolean } {
  const { terms, head } = session;
  const rules: RoundRules = {
    penaltyMicro: penaltyOf(terms, head.round),
    relaxationPermille: terms.relaxationPermille,
    priceLimitMicro: network.priceLimitMicroPerKwh,
  };
  const before = { targets: readTargets(state, session, homes), prices: readPrices(state, session) };
  const after = moveTargets(
    {
      ...before,
      offers: readOffers(state, session, homes),
      penaltyParts: penaltyParts(terms, homes.length),
    },
    rules,
  );
  const { imbalanceMw, dualMw } = after;
  const agreed = imbalanceMw <= terms.tolerancePrimalMw && dualMw <= terms.toleranceDualMw;
  const ends = agreed || last;
  const step = { from: positionOf(before), to: positionOf(after) };
  const next = ends ? step.to : accelerated(state, session, { homes, step, rules });
  settle(state, session, homes, next);
  return { imbalanceMw, dualMw, ends };
}

function positionOf({
  prices,
  targets,
}: {
  readonly prices: readonly bigint[];
  readonly targets: readonly (readonly number[])[];
}): Position {
  return { prices: prices.map(Number), targets: targets.flat() };
}

type Going = {
  readonly homes: readonly number[];
  readonly step: { readonly from: Position; readonly to: Position };
  readonly rules: RoundRules;
};

function accelerated(state: ContractState, session: Session, { homes, step, rules }: Going): Position {
  const { terms, head } = session;
  const { position, remembered } = goOn(readMemory(state, session, homes), step, {
    penaltyMicro: rules.penaltyMicro,
    nextPenaltyMicro: penaltyOf(terms, head.round + 1),
    // A price weighs by the penalty that each part of it has: see the measure in acceleration.ts.
    priceWeight: homes.length * penaltyParts(terms, homes.length) ** 2,
    memoryRounds: terms.memoryRounds,
    round: head.round,
  });
  remember(state, session, homes, { step, steps: remembered.length });
  const limit = Number(rules.priceLimitMicro);
  return { ...position, prices: position.prices.map((price) => Math.max(-limit, Math.min(limit, price))) };
}

function settle(
  state: ContractState,
  { id, terms: { slots } }: Session,
  homes: readonly number[],
  position: Position,
): void {
  const rows = homes.map((_, place) => position.targets.slice(place * slots, (place + 1) * slots));
  for (const [place, mw] of evenOut(rows).entries()) targets.put(state, { mw }, homes[place]!, id);
  pricesRecord.put(state, { micro: position.prices }, id);
}
