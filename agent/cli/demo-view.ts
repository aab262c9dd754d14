import { type Fact, type Look, money, renderChart, renderFacts, renderHomeTable } from '../terminal/index.ts';
import type { DemoReport } from './demo-report.ts';

/** A demo's report for people: tables, charts and what must hold, in reading order. Ends in a line break. */
export function renderDemoReport(report: DemoReport, look: Look): string {
  const { slotMinutes } = report;
  return `${[
    renderHomeTable(report.perHome, { currency: report.currency, rowsMax: 30 }, look),
    renderChart(
      {
        title: 'Price',
        unit: `${report.currency}/kWh`,
        slotMinutes,
        bars: { label: 'agreed', values: report.pricesPerKwh },
        marks: [
          { label: 'retail', values: report.importPricePerKwh },
          { label: 'feed-in', values: report.feedInPricePerKwh },
        ],
      },
      look,
    ),
    renderChart(
      {
        title: 'Net import of all homes',
        unit: 'kW',
        slotMinutes,
        bars: { label: 'together', values: report.netImportKw.together },
        marks: [{ label: 'alone', values: report.netImportKw.alone }],
      },
      look,
    ),
    renderFacts(
      `${report.homes} homes, ${report.day}, ${report.form}, ${report.source}`,
      facts(report),
      look,
    ),
  ].join('\n\n')}\n`;
}

function facts(report: DemoReport): Fact[] {
  const { cost, realised, blocks, delivery } = report;
  const unit = report.currency;
  const roots = new Set(Object.values(report.stateRoots));
  const heights = Object.values(report.heights);
  const rssMb = Object.values(report.rssMb);
  return [
    {
      label: 'planned cost',
      value: `alone ${money(cost.alone)}, together ${money(cost.together)}, centralised ${money(cost.centralised)} ${unit}`,
    },
    {
      label: 'gap to centralised',
      value: `${(100 * cost.gap).toFixed(3).replace('-0.000', '0.000')} %`,
      mood: mood(cost.gap <= 0.005),
    },
    {
      label: 'realised cost',
      value: `${realised.alone === undefined ? '' : `alone ${money(realised.alone)}, `}together ${money(realised.together)} ${unit}`,
    },
    { label: 'trading rounds', value: String(report.rounds) },
    {
      label: 'cleared to',
      value: `${report.maxImbalanceW} W in every slot; payments sum to ${report.paymentsSum}`,
      mood: mood(report.maxImbalanceW === 0 && report.paymentsSum === 0),
    },
    {
      label: 'delivery',
      value: `${delivery.met} of ${delivery.obligations} obligations met, ${delivery.short} short`,
      mood: mood(delivery.short === 0),
    },
    {
      label: 'ledger',
      value: `${blocks.count} blocks, final after ${blocks.p50Ms.toFixed(0)} ms (median), ${blocks.p95Ms.toFixed(0)} ms (95 %)`,
    },
    {
      label: 'validators',
      value:
        roots.size === 1
          ? `${heights.length} at height ${Math.max(...heights)}, one state root ${[...roots][0]?.slice(0, 16)}`
          : `${roots.size} different state roots`,
      mood: mood(roots.size === 1),
    },
    ...report.killed.map(({ validator, slot }) => ({
      label: 'killed',
      value: `validator ${validator} in slot ${slot}`,
    })),
    {
      label: 'took',
      value: `${report.wallSeconds.toFixed(1)} s; ${rssMb.length} processes, ${Math.max(0, ...rssMb).toFixed(0)} MB at most`,
    },
  ];
}

function mood(holds: boolean): 'good' | 'bad' {
  return holds ? 'good' : 'bad';
}
