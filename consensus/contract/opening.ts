import { accounts } from './accounts.ts';
import { freshRound } from './closing.ts';
import { list } from './fields.ts';
import { finalise } from './finalising.ts';
import { method, type Scope } from './method.ts';
import { qualifiedMeter, readMembers } from './registry.ts';
import { reject, require } from './rejection.ts';
import {
  addOpenSession,
  endMs,
  findSession,
  heads,
  PAIRWISE_HOMES_MAX,
  price,
  prices,
  readLeft,
  readRoster,
  rosters,
  type Session,
  SLOTS_MAX,
  seats,
  sessionId,
  sessionIdOrNone,
  targets,
  terms,
  termsFields,
  trades,
} from './session.ts';
import type { Address, ContractState } from './types.ts';

const HORIZON_MS = 31 * 86_400_000;
const SPAN_MS_MAX = 8 * 86_400_000;
const RECORDS_PER_SLOT_MAX = 96;

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
