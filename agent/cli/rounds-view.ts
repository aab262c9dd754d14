import type { RoundsReport } from '../study/index.ts';
import { type Look, money, renderChart, renderConvergence, renderFacts } from '../terminal/index.ts';

/** What `gridquorum rounds` found out, and prints with `--json`. */
export type RoundsFindings = RoundsReport & {
  readonly source: string;
  readonly day: string;
  readonly form: 'pool' | 'pairwise';
  readonly seed: number;
  readonly currency: string;
  readonly homes: number;
  readonly slots: number;
  readonly slotMinutes: number;
  readonly start: 'cold' | 'warm';
  /** Relative standard deviation by which the session before saw other loads and generation. */
  readonly forecastChange: number;
  /** At which the session ends. */
  readonly toleranceKw: { readonly primal: number; readonly dual: number };
  readonly importPricePerKwh: readonly number[];
  readonly feedInPricePerKwh: readonly number[];
  /** Of rounds and of holding each against the optimum. */
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
};

/** For people: how rounds came nearer, the price they came to, and what it is worth. Ends in a line break. */
export function renderRounds(findings: RoundsFindings, look: Look): string {
  const { byRound, cost, currency } = findings;
  return `${[
    renderConvergence(
      [
        { label: 'imbalance a home', unit: 'kW', values: byRound.map((round) => round.imbalanceKw) },
        { label: 'cost gap', unit: '', values: byRound.map((round) => round.gap) },
      ],
      look,
    ),
    renderChart(
      {
        title: 'Price',
        unit: `${currency}/kWh`,
        slotMinutes: findings.slotMinutes,
        bars: { label: 'agreed', values: findings.pricesPerKwh },
        marks: [
          { label: 'retail', values: findings.importPricePerKwh },
          { label: 'feed-in', values: findings.feedInPricePerKwh },
        ],
      },
      look,
    ),
    renderFacts(
      `${findings.homes} homes, ${findings.day}, ${findings.form}, ${findings.source}`,
      [
        { label: 'start', value: startOf(findings) },
        { label: 'rounds', value: `${findings.rounds}, ${ENDS[findings.ended]}` },
        ...findings.reached.map(({ imbalanceKw, gap, round }) => ({
          label: `to ${imbalanceKw} kW, ${100 * gap} %`,
          value: round === null ? 'not reached' : `round ${round}`,
          mood: round === null ? ('bad' as const) : undefined,
        })),
        {
          label: 'planned cost',
          value: `alone ${money(cost.alone)}, together ${money(cost.together)}, centralised ${money(cost.centralised)} ${currency}`,
        },
        { label: 'gap to centralised', value: `${(100 * cost.gap).toFixed(4)} %` },
        {
          label: 'cleared to',
          value: `${findings.maxImbalanceW} W in every slot; payments sum to ${findings.paymentsSum}`,
        },
        {
          label: 'took',
          value: `${findings.wallSeconds.toFixed(1)} s (CPU ${findings.cpuSeconds.toFixed(1)} s), comparisons included`,
        },
      ],
      look,
    ),
  ].join('\n\n')}\n`;
}

const ENDS: Readonly<Record<RoundsFindings['ended'], string>> = {
  converged: 'ended by the stopping rule',
  maxRounds: 'ended by their number',
  deserted: 'ended for want of homes',
};

function startOf({ start, forecastChange }: RoundsFindings): string {
  return start === 'cold'
    ? 'mid-market prices, no trade'
    : `a session whose forecast was off by ${100 * forecastChange} %`;
}
