import type { PlanValue, Schedule, Way } from '../../optimizer/index.ts';
import {
  type Look,
  money,
  renderStrips,
  renderWaysTable,
  type Strip,
  type WaysTable,
  wrapped,
} from '../terminal/index.ts';
import { deviceWords } from './schedule-device-words.ts';
import type { NearestPlan } from './schedule-report.ts';
import type { ScheduleSource } from './schedule-source.ts';
import { headlineWords, infeasibleWords, moneyWords } from './schedule-words.ts';

/** A plan for people: its day drawn, what it costs in each way of living it, and why, in words. */
export function renderPlan(source: ScheduleSource, value: PlanValue, look: Look): string {
  const carriedOut = value.together ?? value.alone;
  const headline = headlineWords(source, value);
  const drawn = { source, schedule: carriedOut.schedule, value, missed: [], headline };
  return sections(look, [
    drawDay(drawn, look),
    renderWaysTable(costTable(source, value), look),
    paragraphs(moneyWords(source, value), look),
    paragraphs(deviceWords(source.problem, value), look),
  ]);
}

/** The nearest plan of a home that cannot keep its limits: its day drawn, and which limits it misses. */
export function renderNearest(
  source: ScheduleSource,
  nearest: NearestPlan,
  reason: string,
  look: Look,
): string {
  const [headline = '', ...words] = infeasibleWords(source.problem, nearest.missed, reason);
  const drawn = { source, schedule: nearest.schedule, missed: nearest.missed, headline };
  return sections(look, [drawDay(drawn, look), paragraphs(words, look)]);
}

function sections({ unicode }: Look, parts: readonly string[]): string {
  const text = `${parts.filter((part) => part !== '').join('\n\n')}\n`;
  return unicode ? text : text.replaceAll(' °C', ' C');
}

/** Each wrapped, its later lines indented, so that it is seen where one begins. */
function paragraphs(words: readonly string[], look: Look): string {
  return words.map((line) => wrapped(line, look.width, '  ')).join('\n');
}

type Drawn = {
  readonly source: ScheduleSource;
  readonly schedule: Schedule;
  readonly value?: PlanValue;
  readonly missed: NearestPlan['missed'];
  readonly headline: string;
};

function drawDay(drawn: Drawn, look: Look): string {
  const { problem, home, day, source } = drawn.source;
  const title = day === undefined ? home : `${home}, ${day}`;
  const groups = [prices(drawn), needs(drawn), stores(drawn), atTheMeter(drawn), alarms(drawn)];
  return renderStrips(
    { title, subtitle: source, headline: drawn.headline, slotMinutes: problem.slotHours * 60, groups },
    look,
  );
}

function prices({ source, value }: Drawn): Strip[] {
  const { importPricePerKwh, feedInPricePerKwh } = source.problem;
  const own = value && Array.from(value.multipliers.energyPerKwh);
  const bought = Array.from(importPricePerKwh);
  const all = [...bought, ...Array.from(feedInPricePerKwh), ...(source.tradePricePerKwh ?? [])];
  const scale = { empty: 0, full: Math.max(...all, 1e-9), kind: 'level' } as const;
  const strip = (label: string, values: readonly number[]): Strip => ({
    ...scale,
    label,
    values,
    note: priceNote(values, source.currency),
    color: 'cheap-to-dear',
  });
  return [
    strip('import price', bought),
    strip('feed-in', Array.from(feedInPricePerKwh)),
    ...(source.tradePricePerKwh ? [strip('neighbours', source.tradePricePerKwh)] : []),
    ...(own ? [strip('worth here', own)] : []),
  ];
}

/** At 80 columns no note may be longer, so that two columns are left to each of 24 slots. */
const noteWidthMax = 17;

function priceNote(perKwh: readonly number[], currency: string): string {
  const priced = range(perKwh, 2);
  const note = `${priced} ${currency}/kWh`;
  return note.length <= noteWidthMax ? note : `${priced} /kWh`;
}

function needs({ source, schedule }: Drawn): Strip[] {
  const { problem } = source;
  const rows: [string, ArrayLike<number>, Strip['color']][] = [];
  if (problem.pvKw && Math.max(...Array.from(problem.pvKw)) > 0) rows.push(['PV', problem.pvKw, 'yellow']);
  rows.push(['load', problem.baseLoadKw, 'plain']);
  if (problem.hvac) rows.push(['heat pump', schedule.hvacKw, 'magenta']);
  schedule.shiftableKw.forEach((kw, k) => {
    rows.push([schedule.shiftableKw.length > 1 ? `shiftable ${k + 1}` : 'shiftable', kw, 'magenta']);
  });
  const flows = flowsOf(source, rows);
  if (!problem.hvac) return flows;
  const { indoorCMin, indoorCMax } = problem.hvac;
  const indoor: Strip = {
    label: 'indoor',
    values: Array.from(schedule.indoorC),
    empty: Math.min(indoorCMin, ...schedule.indoorC) - 0.1,
    full: Math.max(indoorCMax, ...schedule.indoorC),
    kind: 'level',
    color: 'magenta',
    note: `${range(schedule.indoorC, 1)} °C`,
  };
  return flows.flatMap((strip) => (strip.label === 'heat pump' ? [strip, indoor] : [strip]));
}

function stores({ source, schedule }: Drawn): Strip[] {
  const { battery, ev } = source.problem;
  const strips: Strip[] = [];
  if (battery) {
    strips.push(
      ...flowsOf(source, [
        ['charge', schedule.batteryChargeKw, 'green'],
        ['discharge', schedule.batteryDischargeKw, 'cyan'],
      ]),
      stored('in battery', schedule.batteryKwh, battery.capacityKwh),
    );
  }
  if (ev) {
    const away = Array.from(ev.present, (present) => (present > 0 ? 0 : 1));
    const flows: [string, ArrayLike<number>, Strip['color']][] = [['vehicle', schedule.evChargeKw, 'green']];
    if (ev.dischargeKwMax > 0) flows.push(['vehicle out', schedule.evDischargeKw, 'cyan']);
    strips.push(...flowsOf(source, flows).map((strip) => ({ ...strip, away })), {
      ...stored('in vehicle', schedule.evKwh, ev.capacityKwh),
      away,
    });
  }
  return strips;
}

function stored(label: string, energyKwh: Float64Array, capacityKwh: number): Strip {
  return {
    label,
    values: Array.from(energyKwh),
    empty: 0,
    full: capacityKwh || 1,
    kind: 'level',
    color: 'blueBright',
    note: `${range(energyKwh, 1)} kWh`,
  };
}

function atTheMeter({ source, schedule, value }: Drawn): Strip[] {
  const part = (series: Float64Array, sign: 1 | -1): Float64Array =>
    series.map((kw) => Math.max(0, sign * kw));
  const rows: [string, ArrayLike<number>, Strip['color']][] = [];
  if (source.problem.trade.kind !== 'none') {
    rows.push(['sold', part(schedule.soldKw, 1), 'green'], ['bought', part(schedule.soldKw, -1), 'cyan']);
  }
  rows.push(
    ['meter in', part(schedule.netImportKw, 1), 'plain'],
    ['meter out', part(schedule.netImportKw, -1), 'yellow'],
  );
  if (value) {
    const usual = value.noPlan.schedule.netImportKw;
    rows.push(['no plan: in', part(usual, 1), 'plain'], ['no plan: out', part(usual, -1), 'yellow']);
  }
  return flowsOf(source, rows);
}

function alarms({ source, missed }: Drawn): Strip[] {
  if (missed.length === 0) return [];
  const slots = new Set(missed.map(({ slot }) => slot));
  const values = Array.from({ length: source.problem.slots }, (_, t) => (slots.has(t) ? 1 : 0));
  return [{ label: 'limit missed', values, empty: 0, full: 1, kind: 'alarm', color: 'plain', note: '' }];
}

/** Flows that share one scale. */
function flowsOf(
  { problem }: ScheduleSource,
  rows: readonly [label: string, kw: ArrayLike<number>, color: Strip['color']][],
): Strip[] {
  const full = Math.max(1e-9, ...rows.flatMap(([, kw]) => Array.from(kw)));
  return rows.map(([label, kw, color]) => {
    const kwh = problem.slotHours * Array.from(kw).reduce((sum, flow) => sum + flow, 0);
    const values = Array.from(kw, (flow) => (kwh < 0.05 ? 0 : flow));
    const note =
      kwh < 0.05
        ? 'none'
        : `${Math.max(...values).toFixed(1)} kW`.padStart(7) + `${kwh.toFixed(1)} kWh`.padStart(10);
    return { label, values, empty: 0, full, kind: 'flow', color, note };
  });
}

function range(values: ArrayLike<number>, decimals: number): string {
  const series = Array.from(values);
  const text = (value: number): string => {
    const fixed = value.toFixed(decimals);
    return Number(fixed) === 0 ? (0).toFixed(decimals) : fixed;
  };
  const [least, most] = [text(Math.min(...series)), text(Math.max(...series))];
  if (least === most) return least!;
  return least!.startsWith('-') ? `${least}..${most}` : `${least}-${most}`;
}

function costTable({ currency }: ScheduleSource, value: PlanValue): WaysTable {
  const named: [string, Way | undefined][] = [
    ['no plan', value.noPlan],
    ['self-cons.', value.selfConsumption],
    [value.together ? 'plan alone' : 'plan', value.alone],
    ['with trade', value.together],
  ];
  const ways = named.filter((entry): entry is [string, Way] => entry[1] !== undefined);
  const parts: [string, (way: Way) => number][] = [
    ['energy from the supplier', ({ cost }) => cost.importCost],
    ['energy fed in', ({ cost }) => -cost.feedInRevenue],
    ['to neighbours', ({ received }) => -received],
    ['demand charge', ({ cost }) => cost.demandCharge],
    ['demand response', ({ cost }) => -cost.demandResponseReward],
    ['wear of battery, vehicle', ({ cost }) => cost.wear],
    ['comfort given up', ({ cost }) => cost.thermalDiscomfort + cost.shiftDiscomfort],
    ['energy missing at the end', ({ endEnergy }) => endEnergy],
  ];
  return {
    title: `What the day costs [${currency}]`,
    columns: ways.map(([name]) => name),
    rows: [
      ...parts
        .map(([label, part]) => ({ label, cells: ways.map(([, way]) => money(part(way))) }))
        .filter(({ cells }) => cells.some((cell) => Number(cell) !== 0)),
      { label: 'in all', cells: ways.map(([, way]) => money(way.total)), strong: true },
    ],
  };
}
