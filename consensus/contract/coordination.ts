import { accounts } from './accounts.ts';
import { closeRound, freshRound } from './closing.ts';
import { count, type Field, list } from './fields.ts';
import { finalise } from './finalising.ts';
import { method, type Scope } from './method.ts';
import { POWER_W_MAX, qualifiedMeter, readMembers } from './registry.ts';
import { reject, require } from './rejection.ts';
import {
  activeHomes,
  addOpenSession,
  endMs,
  findSession,
  type Head,
  heads,
  leavers,
  nominations,
  offers,
  PAIRWISE_HOMES_MAX,
  price,
  prices,
  ROUNDS_MAX,
  readLeft,
  readRoster,
  rosters,
  type Seat,
  type Session,
  SLOTS_MAX,
  seats,
  sessionId,
  sessionIdOrNone,
  sessionIn,
  targets,
  terms,
  termsFields,
  trades,
} from './session.ts';
import type { Address, ContractState } from './types.ts';

const HORIZON_MS = 31 * 86_400_000;
const SPAN_MS_MAX = 8 * 86_400_000;
const RECORDS_PER_SLOT_MAX = 96;
/** A trade is virtual: a home may sell what it exports and what it takes from its supplier, and the reverse. */
const poolLimitMw = (seat: Seat) => (seat.importWMax + seat.exportWMax) * 1000;
/** While pairs still disagree on prices, single pairs overshoot; only their sum means something. */
const PAIR_HEADROOM = 4;

/**
 * `coordination.open(id, startMs, slotMs, slots, form, penaltyMicro, penaltyMicroMax, penaltyGrowthPermille,
 * relaxationPermille, tolerancePrimalMw, toleranceDualMw, maxRounds, memoryRounds, roundMs, startPrices[slots],
 * startFrom)`. Members are the homes with a qualified meter and
 * a balance within the credit limit, as of now. The slots lie in the future and in no other open session.
 * A session of one home is final at once. `startFrom` names a final or settled session of the same homes, form and
 * slots (none when empty): where its homes are still all and the same, this one starts from its prices and trades in place
 * of the start prices.
 */
export const open = method({
  roles: ['aggregator', 'operator'],
  fields: {
    id: sessionId,
    ...termsFields,
    startPrices: list(price, 1, SLOTS_MAX),
    startFrom: sessionIdOrNone,
  },
  run(scope, { id, startPrices, startFrom, ...asked }) {
    const { state, sender, timeMs, network, emit } = scope;
    require(terms.get(state, id) === undefined, 'CONTRACT_ALREADY_EXISTS', `session ${id} exists`);
    require(startPrices.length === asked.slots, 'CONTRACT_BAD_ARGUMENTS', 'one start price a slot');
    require(asked.penaltyMicroMax >=
      asked.penaltyMicro, 'CONTRACT_OUT_OF_RANGE', 'the penalty cannot shrink');
    checkSlots(scope, asked);
    const limit = network.priceLimitMicroPerKwh;
    const held = startPrices.every((micro) => micro >= -limit && micro <= limit);
    require(held, 'CONTRACT_OUT_OF_RANGE', `start prices must lie within ${limit} micro per kWh`);
    const homes = readMembers(state).filter((home) => creditworthy(scope, home));
    require(homes.length > 0, 'CONTRACT_NOT_QUALIFIED', 'no home with a qualified meter and credit');
    if (asked.form === 'pairwise' && homes.length > PAIRWISE_HOMES_MAX) {
      reject('CONTRACT_OUT_OF_RANGE', `pairwise form is for ${PAIRWISE_HOMES_MAX} homes at most`);
    }
    addOpenSession(state, { id, startMs: asked.startMs, endMs: endMs({ ...asked, openedBy: sender }) });
    const session: Session = {
      id,
      terms: { ...asked, openedBy: sender },
      head: { status: 'rounds', finalMs: 0, ...freshRound(1, homes.length, timeMs + asked.roundMs) },
    };
    terms.put(state, session.terms, id);
    heads.put(state, session.head, id);
    rosters.put(state, { homes }, id);
    seatHomes(state, id, homes);
    const warm = startFrom !== '' && startWhereEnded(state, session, homes, startFrom);
    if (!warm) prices.put(state, { micro: startPrices.map(Number) }, id);
    emit('coordination.opened', { id, form: asked.form, homes: homes.length, slots: asked.slots, warm });
    if (homes.length === 1) finalise(scope, session);
  },
});

function checkSlots(
  { timeMs, network }: Scope,
  asked: Pick<Session['terms'], 'startMs' | 'slotMs' | 'slots'>,
) {
  const { startMs, slotMs, slots } = asked;
  require(startMs >= timeMs, 'CONTRACT_TOO_LATE', 'the first slot has started');
  require(startMs <= timeMs + HORIZON_MS, 'CONTRACT_TOO_EARLY', 'the first slot is more than 31 days away');
  require(slotMs * slots <= SPAN_MS_MAX, 'CONTRACT_OUT_OF_RANGE', 'a session spans 8 days at most');
  const records = slotMs / network.slotMs;
  if (!Number.isInteger(records) || records > RECORDS_PER_SLOT_MAX || startMs % network.slotMs !== 0) {
    reject('CONTRACT_BAD_ARGUMENTS', `slots must be made of whole settlement slots of ${network.slotMs} ms`);
  }
}

function creditworthy({ state, network }: Scope, home: Address): boolean {
  const account = accounts.get(state, home);
  return account !== undefined && account.balanceMicro >= -network.creditLimitMicro;
}

function seatHomes(state: ContractState, id: string, homes: readonly Address[]): void {
  for (const [index, home] of homes.entries()) {
    const meter = qualifiedMeter(state, home) ?? reject('CONTRACT_NOT_QUALIFIED', `${home} has no meter`);
    const { deviceId: meterId, importWMax, exportWMax } = meter;
    seats.put(state, { index, meterId, importWMax, exportWMax }, home, id);
  }
}

/**
 * Prices and trades of a session that is over: trades of any slot sum to zero, as targets must. False, and nothing
 * done, when its homes are not today's: a home may have come or gone since the opener looked.
 */
function startWhereEnded(
  state: ContractState,
  { id, terms: asked }: Session,
  homes: readonly Address[],
  before: string,
): boolean {
  const session = findSession(state, before) ?? reject('CONTRACT_NOT_FOUND', `no session ${before}`);
  require(session.head.status !== 'rounds', 'CONTRACT_WRONG_PHASE', `${before} is still in its rounds`);
  const alike = (['form', 'slots', 'slotMs'] as const).every((name) => session.terms[name] === asked[name]);
  require(alike, 'CONTRACT_BAD_ARGUMENTS', `session ${before} had other slots or another form`);
  const roster = readRoster(state, before);
  const same = roster.length === homes.length && roster.every((home, index) => home === homes[index]);
  if (!same || readLeft(state, before).length > 0) return false;
  prices.put(state, prices.get(state, before)!, id);
  for (const index of homes.keys()) {
    const { soldW } = trades.get(state, index, before)!;
    targets.put(state, { mw: soldW.map((watts) => watts * 1000) }, index, id);
  }
  return true;
}

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
