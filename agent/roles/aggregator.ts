import { type Head, readMembers, readSession } from '../../consensus/index.ts';
import { type SessionParameters, warmSessionParameters } from '../../optimizer/index.ts';
import { type Home, sessionIdOf } from '../home.ts';
import { submit, untilHead } from '../ledger.ts';
import { pricePerKwhToMicro } from '../translate/units.ts';

/** Milliwatts in a watt. */
const MW_PER_W = 1_000;
const DAY_MS = 86_400_000;

/**
 * The aggregator's part: once enough homes are qualified, it opens the day's session. Rounds start from where
 * yesterday's ended; without such a session, from the middle between what energy costs from the supplier and what the
 * supplier pays for it.
 */
export async function openSession(home: Home, signal: AbortSignal): Promise<void> {
  const { config, day, node } = home;
  const { market } = config;
  const id = sessionIdOf(home);
  await untilHead(
    node,
    ({ state }) => {
      const isWanted = !node.isCatchingUp() && readMembers(state).length >= market.membersMin;
      return readSession(state, id) !== undefined || isWanted ? true : undefined;
    },
    signal,
  );
  if (readSession(node.head.state, id) !== undefined) return;

  const startPrices = day.importPricePerKwh.map((price, t) =>
    pricePerKwhToMicro((price + day.feedInPricePerKwh[t]!) / 2),
  );
  const startFrom = sessionBefore(home, node.head);
  const usual = parametersOf(home);
  const parameters = startFrom === undefined ? usual : warmSessionParameters(usual);
  await submit(home, 'coordination.open', {
    id,
    startMs: day.startMs,
    slotMs: day.slotMs,
    slots: startPrices.length,
    form: market.form,
    penaltyMicro: parameters.penaltyMicroPerKwhPerKw,
    penaltyMicroMax: parameters.penaltyMicroPerKwhPerKwMax,
    penaltyGrowthPermille: Number(parameters.penaltyGrowthPermille),
    relaxationPermille: Number(parameters.relaxationPermille),
    tolerancePrimalMw: Number(parameters.tolerancePrimalMw),
    toleranceDualMw: Number(parameters.toleranceDualMw),
    maxRounds: parameters.maxRounds,
    memoryRounds: parameters.memoryRounds,
    roundMs: market.roundMs,
    startPrices,
    startFrom: startFrom ?? '',
  });
}

type SessionTerms = Omit<SessionParameters, 'priceLimitMicroPerKwh'>;

function parametersOf({ config: { market } }: Home): SessionTerms {
  return {
    penaltyMicroPerKwhPerKw: pricePerKwhToMicro(market.penaltyPerKwhPerKw),
    penaltyMicroPerKwhPerKwMax: pricePerKwhToMicro(market.penaltyPerKwhPerKwMax),
    penaltyGrowthPermille: BigInt(market.penaltyGrowthPermille),
    relaxationPermille: BigInt(market.relaxationPermille),
    tolerancePrimalMw: BigInt(market.tolerancePrimalW * MW_PER_W),
    toleranceDualMw: BigInt(market.toleranceDualW * MW_PER_W),
    maxRounds: market.roundsMax,
    memoryRounds: market.memoryRounds,
  };
}

/** Yesterday's session, if its homes were today's and its slots as many and as long. */
function sessionBefore({ day, config }: Home, { state }: Head): string | undefined {
  const yesterday = new Date(day.startMs - DAY_MS).toISOString().slice(0, 10);
  const id = sessionIdOf({ day: { ...day, day: yesterday }, config });
  const before = readSession(state, id);
  if (before === undefined || before.status === 'rounds' || before.left.length > 0) return undefined;
  const members = readMembers(state);
  const alike =
    before.slots === day.importPricePerKwh.length &&
    before.slotMs === day.slotMs &&
    before.homes.length === members.length &&
    before.homes.every((home, place) => home === members[place]);
  return alike ? id : undefined;
}
