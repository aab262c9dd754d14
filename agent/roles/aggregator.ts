import { readMembers, readSession } from '../../consensus/index.ts';
import { type Home, sessionIdOf } from '../home.ts';
import { submit, untilHead } from '../ledger.ts';
import { pricePerKwhToMicro } from '../translate/units.ts';

/** Milliwatts in a watt. */
const MW_PER_W = 1_000;

/**
 * The aggregator's part: once enough homes are qualified, it opens the day's session. Rounds start from the
 * middle between what energy costs from the supplier and what the supplier pays for it.
 */
export async function openSession(home: Home, signal: AbortSignal): Promise<void> {
  const { config, day, node } = home;
  const { market } = config;
  const id = sessionIdOf(home);
  await untilHead(
    node,
    ({ state }) =>
      readSession(state, id) !== undefined || readMembers(state).length >= market.membersMin
        ? true
        : undefined,
    signal,
  );
  if (readSession(node.head.state, id) !== undefined) return;

  const startPrices = day.importPricePerKwh.map((price, t) =>
    pricePerKwhToMicro((price + day.feedInPricePerKwh[t]!) / 2),
  );
  await submit(home, 'coordination.open', {
    id,
    startMs: day.startMs,
    slotMs: day.slotMs,
    slots: startPrices.length,
    form: market.form,
    penaltyMicro: pricePerKwhToMicro(market.penaltyPerKwhPerKw),
    relaxationPermille: market.relaxationPermille,
    tolerancePrimalMw: market.tolerancePrimalW * MW_PER_W,
    toleranceDualMw: market.toleranceDualW * MW_PER_W,
    maxRounds: market.roundsMax,
    roundMs: market.roundMs,
    startPrices,
  });
}
