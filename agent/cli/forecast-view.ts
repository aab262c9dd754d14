import { basename } from 'node:path';
import type { Accuracy, SlotErrors, WalkForward } from '../../optimizer/index.ts';
import { type Look, renderAccuracyTable, renderChart } from '../terminal/index.ts';
import type { ForecastReport } from './forecast-report.ts';

type Walked = { readonly slotMs: number; readonly walk: WalkForward };

const MS_PER_MINUTE = 60_000;

/** For people: how far off by home, and at what time of the day. Ends in a line break. */
export function renderForecastReport(report: ForecastReport, walks: readonly Walked[], look: Look): string {
  const row = (name: string, { load, pv }: { load: Accuracy; pv: Accuracy }) => ({ name, load, pv });
  const names = report.files.map(({ file }) => basename(file));
  const isPlain = new Set(names).size === names.length;
  const shortName = (file: string) => (isPlain ? basename(file) : file);
  const table = renderAccuracyTable(
    report.files.map((one) => row(shortName(one.file), one)),
    row('mean', report.mean),
    look,
  );
  // Homes are drawn together as far as their slots are the same.
  const { slotMs } = walks[0]!;
  const alike = walks.filter((walked) => walked.slotMs === slotMs).map(({ walk }) => walk.bySlotOfDay);
  const chart = (title: string, errors: readonly SlotErrors[]) =>
    renderChart(
      {
        title,
        unit: 'kW',
        slotMinutes: slotMs / MS_PER_MINUTE,
        bars: { label: 'measured', values: meanSeries(errors.map(({ measuredKw }) => measuredKw)) },
        marks: [
          { label: 'missed by', values: meanSeries(errors.map(({ forecastErrorKw }) => forecastErrorKw)) },
          {
            label: 'by persistence',
            values: meanSeries(errors.map(({ persistenceErrorKw }) => persistenceErrorKw)),
          },
        ],
        rows: 6,
      },
      look,
    );
  const loadChart = chart(
    'Load',
    alike.map(({ load }) => load),
  );
  const pvChart = chart(
    'PV',
    alike.map(({ pv }) => pv),
  );
  return `${[table, loadChart, pvChart].join('\n\n')}\n`;
}

const meanSeries = (all: readonly (readonly number[])[]): number[] =>
  all[0]!.map((_, t) => all.reduce((sum, series) => sum + series[t]!, 0) / all.length);
