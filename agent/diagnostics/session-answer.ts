import { type Delivery, readDelivery, readSession, readTrades } from '../../consensus/index.ts';
import { type Home, sessionIdOf } from '../home.ts';

/** What the ledger says of the day's session, for the local socket's `/session`. Integers in the ledger's units. */
export type SessionAnswer = {
  readonly id: string;
  readonly status: 'none' | 'rounds' | 'final' | 'settled';
  readonly rounds: number;
  readonly imbalanceMw: readonly number[];
  /** By slot, micro-units per kWh. */
  readonly pricesMicro: readonly number[];
  /** By home: W sold by slot, and what it receives in micro-units. */
  readonly trades: Readonly<
    Record<string, { readonly soldW: readonly number[]; readonly paymentMicro: string }>
  >;
  /** Of all homes, and by home. */
  readonly delivery: DeliveryCounts;
  readonly deliveryByHome: Readonly<Record<string, DeliveryCounts>>;
};

export type DeliveryCounts = Readonly<Record<'obligations' | 'met' | 'short' | 'pending', number>>;

export function sessionAnswer(home: Home): SessionAnswer {
  const { state } = home.node.head;
  const id = sessionIdOf(home);
  const session = readSession(state, id);
  const agreed = readTrades(state, id);
  const delivery = readDelivery(state, id, home.clock.utcMs());
  return {
    id,
    status: session?.status ?? 'none',
    rounds: session?.round ?? 0,
    imbalanceMw: session?.residuals.map(({ imbalanceMw }) => imbalanceMw) ?? [],
    pricesMicro: session?.pricesMicro.map(Number) ?? [],
    trades: Object.fromEntries(
      (agreed?.homes ?? []).map(({ home, soldW, paymentMicro }) => [
        home,
        { soldW, paymentMicro: paymentMicro.toString() },
      ]),
    ),
    delivery: countsOf(delivery?.slots ?? []),
    deliveryByHome: Object.fromEntries(
      (session?.homes ?? []).map((member) => [
        member,
        countsOf((delivery?.slots ?? []).filter(({ home: seller }) => seller === member)),
      ]),
    ),
  };
}

function countsOf(obligations: Delivery['slots']): DeliveryCounts {
  const counts = { obligations: obligations.length, met: 0, short: 0, pending: 0 };
  for (const { outcome } of obligations) counts[outcome] += 1;
  return counts;
}
