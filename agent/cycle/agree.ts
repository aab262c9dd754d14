import {
  type Head,
  readNomination,
  readSession,
  readTrades,
  readTurn,
  type SessionView,
  type Turn,
} from '../../consensus/index.ts';
import {
  createHomePlanner,
  eliminate,
  type HomePlanner,
  type HomeProblem,
  poolTerms,
  toOfferMw,
} from '../../optimizer/index.ts';
import { untilProven } from '../clock/clock.ts';
import type { DayAhead } from '../config/schema.ts';
import { type Home, note, type Phase, sessionIdOf } from '../home.ts';
import { submit, trySubmit, untilCurrent, untilHead, untilHeadOrTime } from '../ledger.ts';
import { kwToWatts, microToMoney, wattsToKw } from '../translate/units.ts';
import { dayAhead, outlookOfTheDay } from './forecast.ts';
import { bestPlan, homeProblem, type Measured, measuredOf } from './optimize.ts';
import { sense } from './sense.ts';

/** What the home is bound to for the day. All zeros and no nomination where it takes no part. */
export type Agreed = {
  readonly sessionId: string;
  /** By slot; negative: bought. */
  readonly soldKw: readonly number[];
  /** Net import promised, by slot; empty when nothing was nominated. */
  readonly nominatedKw: readonly number[];
  /** Energy that the battery is to hold again at the end of the day. */
  readonly batteryFinalKwh?: number;
};

/**
 * Fourth of the six: rounds with the neighbours until the trades are final, then the plan around them, and its
 * net import nominated. What the ledger or the journal shows as done is not done again.
 */
export async function agree(home: Home, signal: AbortSignal): Promise<Agreed> {
  const { state, address } = home;
  const id = sessionIdOf(home);
  enter(home, 'waiting');
  const opened = await sessionOfTheDay(home, id, signal);
  if (!opened?.homes.includes(address)) return nothingAgreed(home);

  enter(home, 'trading');
  const problem = await problemOfTheDay(home, signal);
  const aloneCost = state.journal.aloneCost ?? (await planAlone(home, problem));
  const final = await tradeRounds(home, { id, problem, signal });
  enter(home, 'planning');
  return await commit(home, { id, problem, final, aloneCost, signal });
}

/** Once the day has begun, what it does is told by its slots. */
function enter({ state }: Home, phase: Phase) {
  if (state.slot === undefined) state.phase = phase;
}

/** The session as soon as it is known here; undefined when the day ends without one. */
const sessionOfTheDay = (home: Home, id: string, signal: AbortSignal) =>
  untilHeadOrTime(home, (head) => readSession(head.state, id), { timeMs: endOf(home.day), signal });

const endOf = ({ startMs, slotMs, importPricePerKwh }: DayAhead): number =>
  startMs + importPricePerKwh.length * slotMs;

/** The home by itself: no trade, and free to import and export as it likes. */
export const nothingAgreed = (home: Home): Agreed => ({
  sessionId: sessionIdOf(home),
  soldKw: home.day.importPricePerKwh.map(() => 0),
  nominatedKw: [],
});

/** The home's whole day without trade, from where its stores of energy stood when it was planned. */
export const wholeDayProblem = (home: Home, measured: Measured): HomeProblem =>
  homeProblem({ config: home.config, outlook: outlookOfTheDay(home), measured, trade: { kind: 'none' } });

/** From what the devices say now; the journal remembers it, for a restart at noon. */
async function problemOfTheDay(home: Home, signal: AbortSignal): Promise<HomeProblem> {
  const { devices, state } = home;
  const { journal } = state;
  if (journal.measured !== undefined) return wholeDayProblem(home, journal.measured);
  const snapshot = await sense(devices, signal);
  const measured = measuredOf(snapshot);
  await note(home, { measured, ...dayAhead(home, snapshot) });
  return wholeDayProblem(home, measured);
}

async function planAlone(home: Home, problem: HomeProblem): Promise<number | undefined> {
  const plan = bestPlan(home.library, problem, home.log);
  if (plan === undefined) return undefined;
  await note(home, { aloneCost: plan.cost.total, aloneNetImportKw: Array.from(plan.schedule.netImportKw) });
  return plan.cost.total;
}

type Trading = { readonly id: string; readonly problem: HomeProblem; readonly signal: AbortSignal };

/** Answers round after round, and calls time on a round whose deadline has passed, until the session is final. */
async function tradeRounds(home: Home, { id, problem, signal }: Trading): Promise<SessionView> {
  const { node, library, address, log } = home;
  const planner = createHomePlanner(library, problem);
  const finished = new AbortController();
  const stop = AbortSignal.any([signal, finished.signal]);
  const timekeeper = callTime(home, id, stop).catch((error) => {
    if (!stop.aborted) log({ event: 'calling-time-failed', level: 'error', error });
  });
  try {
    let answered = 0;
    for (;;) {
      const next = await untilHead(
        node,
        (head) => {
          const session = readSession(head.state, id)!;
          if (session.status !== 'rounds') return { session };
          const isOpen = session.round > answered && !node.isCatchingUp();
          const turn = isOpen ? readTurn(head.state, id, address) : undefined;
          return turn && { session, turn };
        },
        signal,
      );
      if (next.turn === undefined) return next.session;
      answered = next.turn.round;
      const soldMw = offerOf(planner, next.turn, next.session.roundPenaltyMicro);
      if (soldMw === undefined) log({ event: 'no-offer', level: 'warn', round: answered });
      else await submit(home, 'coordination.offer', { id, round: answered, soldMw });
    }
  } finally {
    finished.abort();
    await timekeeper;
  }
}

function offerOf(planner: HomePlanner, turn: Turn, penaltyMicro: bigint) {
  if (turn.form === 'pool') {
    const response = planner.respond(
      poolTerms({
        priceMicroPerKwh: turn.pricesMicro,
        penaltyMicroPerKwhPerKw: penaltyMicro,
        targetMw: turn.targetsMw.map(BigInt),
      }),
    );
    return response.status === 'solved' ? toOfferMw(response.soldKw).map(Number) : undefined;
  }
  const { terms, split } = eliminate(
    turn.targetsMw.map((targetMw) => ({
      priceMicroPerKwh: turn.pricesMicro,
      targetMw: targetMw.map(BigInt),
    })),
    penaltyMicro,
  );
  const response = planner.respond(terms);
  return response.status === 'solved' ? split(response.soldKw).map((row) => row.map(Number)) : undefined;
}

/**
 * When a round's deadline has passed, somebody must say so, once in each of f + 1 blocks. Everybody waits a little
 * longer than the member before him in the list, so that as a rule one call is enough.
 */
async function callTime(home: Home, id: string, signal: AbortSignal): Promise<void> {
  const { node, clock, address } = home;
  for (;;) {
    const session = readSession(node.head.state, id)!;
    if (session.status !== 'rounds') return;
    const place = session.homes.indexOf(address) / session.homes.length;
    await untilProven(clock, session.deadlineMs + place * session.roundMs, signal);
    await untilCurrent(node, signal);
    const { head } = node;
    if (readSession(head.state, id)?.round === session.round) {
      await submit(home, 'coordination.advance', { id, round: session.round });
    }
    // Another block, another round or the end: whatever comes first, look again.
    await untilHead(node, ({ height }) => (height > head.height ? true : undefined), signal);
  }
}

type Committing = Trading & { readonly final: SessionView; readonly aloneCost: number | undefined };

/** Plans the day around the fixed trade and nominates its net import, once. */
async function commit(home: Home, { id, problem, aloneCost, signal }: Committing): Promise<Agreed> {
  const { node, address, library, log } = home;
  const own = readTrades(node.head.state, id)!.homes.find((trade) => trade.home === address)!;
  const soldKw = own.soldW.map((watts) => wattsToKw(BigInt(watts)));
  const batteryFinalKwh = problem.battery?.finalKwhMin ?? problem.battery?.initialKwh;
  const agreed = { sessionId: id, soldKw, ...(batteryFinalKwh !== undefined && { batteryFinalKwh }) };

  const nomination = () => readNomination(node.head.state, id, address);
  const known = nomination() ?? (await untilCurrent(node, signal).then(nomination));
  if (known !== undefined)
    return { ...agreed, nominatedKw: known.netImportW.map((watts) => wattsToKw(BigInt(watts))) };

  const plan = bestPlan(library, { ...problem, trade: { kind: 'fixed', soldKw } }, log);
  if (plan === undefined) return { ...agreed, nominatedKw: [] };
  const netImportW = Array.from(plan.schedule.netImportKw, (kw) => Number(kwToWatts(kw)));
  await note(home, {
    soldKw,
    ...(aloneCost !== undefined && { aloneCost }),
    togetherCost: plan.cost.total - microToMoney(own.paymentMicro),
    togetherNetImportKw: Array.from(plan.schedule.netImportKw),
  });
  const outcome = await trySubmit(home, 'coordination.nominate', { id, netImportW });
  // One that an earlier run has handed over is refused here while it waits: it binds all the same.
  const isOnItsWay = outcome.ok || outcome.code === 'CONTRACT_ALREADY_EXISTS';
  const nominated = isOnItsWay ? await nominationOnLedger(home, id, signal) : undefined;
  return { ...agreed, nominatedKw: (nominated ?? []).map((watts) => wattsToKw(BigInt(watts))) };
}

/** As the ledger has it; undefined when the day ends without it: nobody takes it any more. */
async function nominationOnLedger(home: Home, id: string, signal: AbortSignal) {
  const look = (head: Head) => readNomination(head.state, id, home.address);
  return (await untilHeadOrTime(home, look, { timeMs: endOf(home.day), signal }))?.netImportW;
}
