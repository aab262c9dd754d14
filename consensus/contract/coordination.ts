import { closeRound } from './closing.ts';
import { count, type Field, list } from './fields.ts';
import { method, type Scope } from './method.ts';
import { POWER_W_MAX } from './registry.ts';
import { reject, require } from './rejection.ts';
import {
  activeHomes,
  endMs,
  type Head,
  heads,
  leavers,
  nominations,
  offers,
  PAIRWISE_HOMES_MAX,
  ROUNDS_MAX,
  readLeft,
  type Seat,
  type Session,
  SLOTS_MAX,
  seats,
  sessionId,
  sessionIn,
} from './session.ts';
import type { Address, ContractState } from './types.ts';

/** A trade is virtual: a home may sell what it exports and what it takes from its supplier, and the reverse. */
const poolLimitMw = (seat: Seat) => (seat.importWMax + seat.exportWMax) * 1000;
/** While pairs still disagree on prices, single pairs overshoot; only their sum means something. */
const PAIR_HEADROOM = 4;

/** Pool: mW sold by slot. Pairwise: the same for each other home still in, in address order. */
export type OfferedMw = readonly number[] | readonly (readonly number[])[];

const OFFER_MW_MAX = 2 * POWER_W_MAX * 1000 * PAIR_HEADROOM;
const power = count(-OFFER_MW_MAX, OFFER_MW_MAX);
const row = list(power, 1, SLOTS_MAX);
const rows = list(row, 1, PAIRWISE_HOMES_MAX - 1);
const offeredMw: Field<OfferedMw> = {
  read(value, where): OfferedMw {
    const nested = Array.isArray(value) && Array.isArray(value[0]);
    return nested ? rows.read(value, where) : row.read(value, where);
  },
  write: (offered) => (isRows(offered) ? rows.write(offered) : row.write(offered)),
};

function isRows(offered: OfferedMw): offered is readonly (readonly number[])[] {
  return Array.isArray(offered[0]);
}

/**
 * `coordination.offer(id, round, soldMw)`: once a round; the last one awaited closes the round. Costs O(slots)
 * (pairwise O(homes * slots)) but for the closing one.
 */
export const offer = method({
  fields: { id: sessionId, round: count(1, ROUNDS_MAX), soldMw: offeredMw },
  run(scope, { id, round, soldMw }) {
    const { state, sender, emit } = scope;
    const session = sessionIn(state, id, 'rounds');
    const { head } = session;
    const seat = seatOf(state, id, sender);
    require(round === head.round, 'CONTRACT_WRONG_ROUND', `round ${head.round} runs, not ${round}`);
    const before = offers.get(state, seat.index, id);
    require(before?.round !== round, 'CONTRACT_ALREADY_EXISTS', `round ${round} has this home's offer`);
    const inAll = isRows(soldMw) ? totalOf(state, session, seat, soldMw) : checked(session, seat, soldMw);
    offers.put(state, { round, missed: 0, soldMw: inAll }, seat.index, id);
    const offersIn = head.offersIn + 1;
    emit('coordination.offered', { id, round, home: sender, offersIn, awaited: head.awaited });
    closeOrKeep(scope, session, { ...head, offersIn });
  },
});

/** The sender's seat; rejects when it has none or has left. */
function seatOf(state: ContractState, id: string, home: Address): Seat {
  const seat = seats.get(state, home, id);
  if (seat === undefined) reject('CONTRACT_NOT_QUALIFIED', `${home} was no member when ${id} opened`);
  require(!readLeft(state, id).includes(seat.index), 'CONTRACT_NOT_QUALIFIED', `${home} has left ${id}`);
  return seat;
}

function checked({ terms }: Session, seat: Seat, soldMw: readonly number[]): readonly number[] {
  if (terms.form !== 'pool' || soldMw.length !== terms.slots) {
    reject('CONTRACT_BAD_ARGUMENTS', `soldMw must have the ${terms.form} form with ${terms.slots} slots`);
  }
  checkPower(soldMw, poolLimitMw(seat));
  return soldMw;
}

/** What a home offers to all the others together: so much its plan can bear, whoever leaves afterwards. */
function totalOf(
  state: ContractState,
  { id, terms }: Session,
  seat: Seat,
  soldMw: readonly (readonly number[])[],
): readonly number[] {
  const { slots } = terms;
  const others = activeHomes(state, id).length - 1;
  if (terms.form !== 'pairwise' || soldMw.length !== others || soldMw.some((own) => own.length !== slots)) {
    reject('CONTRACT_BAD_ARGUMENTS', `soldMw must have the ${terms.form} form with ${slots} slots`);
  }
  for (const own of soldMw) checkPower(own, poolLimitMw(seat) * PAIR_HEADROOM);
  const inAll = soldMw[0]!.map((_, slot) => soldMw.reduce((total, own) => total + own[slot]!, 0));
  // A milliwatt for each part's rounding.
  checkPower(inAll, poolLimitMw(seat) + others);
  return inAll;
}

function checkPower(soldMw: readonly number[], limitMw: number): void {
  const beyond = soldMw.find((mw) => Math.abs(mw) > limitMw);
  require(beyond ===
    undefined, 'CONTRACT_OUT_OF_RANGE', `${beyond} mW is beyond the connection's ${limitMw} mW`);
}

function closeOrKeep(scope: Scope, session: Session, head: Head): void {
  if (head.offersIn >= head.awaited) closeRound(scope, { ...session, head });
  else heads.put(scope.state, head, session.id);
}

/**
 * `coordination.advance(id, round)`, by anyone, after the deadline. Closes the round once f + 1 blocks in a
 * row could have carried a late offer, so that no single proposer can leave a home out: until then a call
 * counts one block, and is to be repeated in the next.
 */
export const advance = method({
  fields: { id: sessionId, round: count(1, ROUNDS_MAX) },
  run(scope, { id, round }) {
    const { state, timeMs, height, network, emit } = scope;
    const session = sessionIn(state, id, 'rounds');
    const { head } = session;
    require(round === head.round, 'CONTRACT_WRONG_ROUND', `round ${head.round} runs, not ${round}`);
    require(timeMs >= head.deadlineMs, 'CONTRACT_TOO_EARLY', `the round's deadline is ${head.deadlineMs}`);
    require(height > head.lastCallHeight, 'CONTRACT_TOO_EARLY', 'this block has called already');
    const firstCallHeight = head.firstCallHeight === 0 ? height : head.firstCallHeight;
    const called = { ...head, firstCallHeight, lastCallHeight: height };
    if (height >= firstCallHeight + network.faults) {
      closeRound(scope, { ...session, head: called });
      return;
    }
    heads.put(state, called, id);
    emit('coordination.called', { id, round, closesFromHeight: firstCallHeight + network.faults });
  },
});

/** `coordination.withdraw(id)`: leaves before the trades are fixed; the others go on without waiting. */
export const withdraw = method({
  fields: { id: sessionId },
  run(scope, { id }) {
    const { state, sender, emit } = scope;
    const session = sessionIn(state, id, 'rounds');
    const seat = seatOf(state, id, sender);
    const offered = offers.get(state, seat.index, id)?.round === session.head.round;
    leavers.put(state, { indices: [...readLeft(state, id), seat.index].sort((a, b) => a - b) }, id);
    emit('coordination.left', { id, indices: [seat.index] });
    closeOrKeep(scope, session, {
      ...session.head,
      awaited: session.head.awaited - 1,
      offersIn: session.head.offersIn - (offered ? 1 : 0),
    });
  },
});

const netImport = list(count(-POWER_W_MAX, POWER_W_MAX), 1, SLOTS_MAX);

/**
 * `coordination.nominate(id, netImportW[slots])`: once, after the trades are fixed, within the connection's
 * limits. From then on the home is judged by it (delivery.ts) in every slot that had not started; without one,
 * a seller is judged as if it had nominated to put out exactly what it sold. The operator's check of the whole
 * grid before a nomination binds is a module to come; here only the home's own limits are checked.
 */
export const nominate = method({
  fields: { id: sessionId, netImportW: netImport },
  run({ state, sender, timeMs, emit }, { id, netImportW }) {
    const session = sessionIn(state, id, 'final');
    const seat = seatOf(state, id, sender);
    require(netImportW.length === session.terms.slots, 'CONTRACT_BAD_ARGUMENTS', 'one nomination a slot');
    require(timeMs < endMs(session.terms), 'CONTRACT_TOO_LATE', 'the last slot is over');
    const known = nominations.get(state, seat.index, id);
    require(known === undefined, 'CONTRACT_ALREADY_EXISTS', `${sender} has nominated`);
    const beyond = netImportW.find((power) => power > seat.importWMax || power < -seat.exportWMax);
    require(beyond === undefined, 'CONTRACT_OUT_OF_RANGE', `${beyond} W is beyond the connection's limits`);
    nominations.put(state, { atMs: timeMs, netImportW }, seat.index, id);
    emit('coordination.nominated', { id, home: sender });
  },
});
