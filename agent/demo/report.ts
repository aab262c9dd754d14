import type { DemoOptions } from '../cli/demo-options.ts';
import type { DemoReport, HomeReport } from '../cli/demo-report.ts';
import type { AgentStatus } from '../diagnostics/status.ts';
import { AgentError } from '../errors.ts';
import type { DayData, Neighbourhood } from '../neighbourhood/index.ts';
import { microToMoney } from '../translate/units.ts';
import type { DayOutcome } from './conductor.ts';

const W_PER_KW = 1_000;
const MICRO = 1_000_000;

export type ReportInputs = {
  readonly options: DemoOptions;
  readonly neighbourhood: Neighbourhood;
  readonly data: DayData;
  readonly outcome: DayOutcome;
  readonly centralised: number;
  readonly wallSeconds: number;
};

/** Everything that a demo found out, from what the homes and their ledger told. */
export function reportOf({
  options,
  neighbourhood,
  data,
  outcome,
  centralised,
  wallSeconds,
}: ReportInputs): DemoReport {
  const { statuses, session } = outcome;
  const homes = statuses.map((status) => homeReport(status, outcome, data));
  const alone = sum(homes.map((home) => home.alone));
  const together = sum(homes.map((home) => home.together));
  const validators = statuses.slice(0, options.validators);
  const trades = Object.values(session.trades);
  const payments = trades.reduce((total, { paymentMicro }) => total + BigInt(paymentMicro), 0n);
  return {
    source: neighbourhood.source,
    day: data.day,
    form: options.form,
    seed: options.seed,
    currency: data.currency,
    homes: homes.length,
    slots: data.slots,
    slotMinutes: data.slotMs / 60_000,
    rounds: session.rounds,
    cost: {
      alone,
      together,
      centralised,
      gap: (together - centralised) / sum(homes.map((home) => Math.abs(home.alone))),
    },
    realised: { together: sum(statuses.map(({ realised }) => realised.supplierCost)) },
    maxImbalanceW: Math.max(
      ...data.importPricePerKwh.map((_, t) => Math.abs(sum(trades.map(({ soldW }) => soldW[t]!)))),
    ),
    paymentsSum: microToMoney(payments),
    pricesPerKwh: session.pricesMicro.map((micro) => micro / MICRO),
    importPricePerKwh: data.importPricePerKwh,
    feedInPricePerKwh: data.feedInPricePerKwh,
    netImportKw: {
      alone: sumSeries(statuses.map(({ planned }) => planned.aloneNetImportKw ?? [])),
      together: sumSeries(statuses.map(({ planned }) => planned.netImportKw ?? [])),
    },
    perHome: homes,
    blocks: blocksOf(validators),
    heights: Object.fromEntries(validators.map(({ home, ledger }) => [home, ledger.height])),
    stateRoots: Object.fromEntries(validators.map(({ home, ledger }) => [home, ledger.stateRoot])),
    delivery: {
      obligations: session.delivery.obligations,
      met: session.delivery.met,
      short: session.delivery.short,
    },
    killed: options.kills,
    wallSeconds,
    rssMb: outcome.rssMb,
  };
}

function homeReport(status: AgentStatus, { session }: DayOutcome, data: DayData): HomeReport {
  const { aloneCost, togetherCost } = status.planned;
  if (aloneCost === undefined || togetherCost === undefined) {
    throw new AgentError('AGENT_CHILD_FAILED', `${status.home} has no plan of the day: see its log.`, {
      home: status.home,
    });
  }
  const soldW = session.trades[status.address]?.soldW ?? [];
  const slotHours = data.slotMs / 3_600_000;
  const energyKwh = (watts: readonly number[]) => (sum(watts) / W_PER_KW) * slotHours;
  return {
    home: status.home,
    alone: aloneCost,
    together: togetherCost,
    soldKwh: energyKwh(soldW.filter((watts) => watts > 0)),
    boughtKwh: energyKwh(soldW.filter((watts) => watts < 0).map((watts) => -watts)),
    delivery: session.deliveryByHome[status.address] ?? { obligations: 0, met: 0, short: 0 },
  };
}

/** Latency as the validator in the middle saw it. */
function blocksOf(validators: readonly AgentStatus[]): DemoReport['blocks'] {
  const byMedian = validators.map(({ ledger }) => ledger.blocks).sort((a, b) => a.p50Ms - b.p50Ms);
  const { p50Ms, p95Ms } = byMedian[Math.floor(byMedian.length / 2)]!;
  return { count: Math.max(...validators.map(({ ledger }) => ledger.height)), p50Ms, p95Ms };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const sumSeries = (series: readonly (readonly number[])[]): number[] =>
  (series[0] ?? []).map((_, t) => sum(series.map((values) => values[t] ?? 0)));
