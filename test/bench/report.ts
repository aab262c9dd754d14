import { spreadOf } from './timing.ts';

/** What a benchmark has found, as it goes on: Markdown to stdout, or one JSON document at the end. */
export type Report = {
  readonly say: (line: string) => void;
  /** A table with a heading row. */
  readonly table: (heads: readonly string[], rows: readonly (readonly (string | number)[])[]) => void;
  /** What was asked for, what came out, and whether that holds. */
  readonly goal: (what: string, goal: string, measured: string, holds: boolean) => void;
  /** Figures for the JSON document, by name. */
  readonly figure: (name: string, value: unknown) => void;
  /** The goals' table, or the document. */
  readonly end: () => void;
};

export function createReport({ json }: { readonly json: boolean }): Report {
  const goals: { what: string; goal: string; measured: string; holds: boolean }[] = [];
  const figures: Record<string, unknown> = {};
  // What is told on the way goes where it does not mix with the document.
  const say = (line: string) => void (json ? process.stderr : process.stdout).write(`${line}\n`);
  const table: Report['table'] = (heads, rows) => {
    say(`\n| ${heads.join(' | ')} |\n|${heads.map(() => '---').join('|')}|`);
    for (const row of rows) say(`| ${row.join(' | ')} |`);
    say('');
  };
  return {
    say,
    table,
    goal: (what, goal, measured, holds) => goals.push({ what, goal, measured, holds }),
    figure(name, value) {
      figures[name] = value;
    },
    end() {
      table(
        ['what', 'goal', 'measured', 'holds'],
        goals.map(({ what, goal, measured, holds }) => [what, goal, measured, holds ? 'yes' : '**no**']),
      );
      if (json) process.stdout.write(`${JSON.stringify({ ...figures, goals }, null, 2)}\n`);
    },
  };
}

/** The value below which `share` of all lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** `median (low..high)`: 10th and 90th percentile. */
export function spreadText(values: readonly number[], digits = 0): string {
  const { median, low, high } = spreadOf(values);
  return `${median.toFixed(digits)} (${low.toFixed(digits)}..${high.toFixed(digits)})`;
}
