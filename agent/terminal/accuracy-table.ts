import Table from 'cli-table3';
import { type Look, paletteOf } from './look.ts';
import { asciiChars } from './table.ts';

type Figures = {
  readonly mae: number;
  readonly rmse: number;
  readonly skillMae: number;
  readonly skillRmse: number;
};

type AccuracyRow = { readonly name: string; readonly load: Figures; readonly pv: Figures };

/** The least that is left for a name; a cell's padding and edge; rows that are shown. */
const NAME_WIDTH_MIN = 6;
const CELL_EDGE = 3;
const ROWS_MAX = 40;
const HEAD = ['MAE', 'skill', 'RMSE', 'skill'];

/** One row a history and their mean: errors in kW, skills in % of the error of 24 h persistence. */
export function renderAccuracyTable(rows: readonly AccuracyRow[], mean: AccuracyRow, look: Look): string {
  const colors = paletteOf(look);
  const shown = [...rows.slice(0, ROWS_MAX), ...(rows.length > 1 ? [mean] : [])];
  const figures = shown.map((row) => [...figuresOf(row.load), ...figuresOf(row.pv)]);
  const figuresWidth = [...HEAD, ...HEAD].reduce((sum, head, column) => {
    const widest = figures.reduce((most, cells) => Math.max(most, cells[column]!.length), head.length);
    return sum + widest + CELL_EDGE;
  }, 0);
  const nameWidth = Math.max(NAME_WIDTH_MIN, look.width - figuresWidth - CELL_EDGE - 1);
  const table = new Table({
    head: [
      '',
      { content: 'load', colSpan: HEAD.length, hAlign: 'center' },
      { content: 'PV', colSpan: HEAD.length, hAlign: 'center' },
    ] as string[],
    colAligns: ['left', ...[...HEAD, ...HEAD].map((): 'right' => 'right')],
    style: { head: look.color ? ['bold'] : [], border: look.color ? ['dim'] : [], compact: true },
    ...(look.unicode ? {} : { chars: asciiChars }),
  });
  table.push(['', ...HEAD, ...HEAD].map((head) => colors.dim(head)));
  const tint = (text: string) =>
    !text.endsWith('%') ? text : text.startsWith('-') ? colors.red(text) : colors.green(text);
  for (const [index, row] of shown.entries()) {
    const isMean = rows.length > 1 && index === shown.length - 1;
    const hidden = rows.length - ROWS_MAX;
    if (isMean && hidden > 0)
      table.push([{ colSpan: 9, content: `and ${hidden} more (all of them with --json)` }]);
    const cells = [ending(row.name, nameWidth, look), ...figures[index]!.map(tint)];
    table.push(isMean ? cells.map((cell) => colors.bold(cell)) : cells);
  }
  const title = 'Day-ahead forecasts: errors in kW, skill against 24 h persistence';
  return `${colors.bold(title)}\n${table.toString()}`;
}

const figuresOf = ({ mae, rmse, skillMae, skillRmse }: Figures): string[] => [
  mae.toFixed(3),
  percent(skillMae),
  rmse.toFixed(3),
  percent(skillRmse),
];

const percent = (share: number) => `${(100 * share).toFixed(1).replace(/^-0\.0$/, '0.0')}%`;

/** Of a long path the end says more than the beginning. */
function ending(name: string, width: number, look: Look): string {
  const plain = name.replace(/\p{C}/gu, '?');
  const dots = look.unicode ? '…' : '...';
  return plain.length <= width ? plain : `${dots}${plain.slice(dots.length - width)}`;
}
