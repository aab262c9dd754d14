import Table from 'cli-table3';
import { type Look, paletteOf } from './look.ts';
import { asciiChars } from './table.ts';

/** A table of figures: a row a quantity, a column a way to live the day. */
export type WaysTable = {
  readonly title: string;
  readonly columns: readonly string[];
  /** Cells as text; the strong ones are what it is about. */
  readonly rows: readonly {
    readonly label: string;
    readonly cells: readonly string[];
    readonly strong?: boolean;
  }[];
};

export function renderWaysTable({ title, columns, rows }: WaysTable, look: Look): string {
  const colors = paletteOf(look);
  const table = new Table({
    head: ['', ...columns],
    colAligns: ['left', ...columns.map(() => 'right' as const)],
    style: { head: look.color ? ['bold'] : [], border: look.color ? ['dim'] : [], compact: true },
    ...(look.unicode ? {} : { chars: asciiChars }),
  });
  for (const { label, cells, strong } of rows) {
    table.push([label, ...cells].map((cell) => (strong ? colors.bold(cell) : cell)));
  }
  return `${colors.bold(title)}\n${table.toString()}`;
}
