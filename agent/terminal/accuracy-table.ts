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

/** Room for the eight columns of figures with their edges, and the least that is left for a name. */
const FIGURES_WIDTH = 66;
const NAME_WIDTH_MIN = 6;
const ROWS_MAX = 40;

/** One row a history and their mean: errors in kW, skills in % of the error of 24 h persistence. */
export function renderAccuracyTable(rows: readonly AccuracyRow[], mean: AccuracyRow, look: Look): string {
  const colors = paletteOf(look);
  const nameWidth = Math.max(NAME_WIDTH_MIN, look.width - FIGURES_WIDTH);
  const table = new Table({
    head: ['', 'MAE', 'skill', 'RMSE', 'skill', 'MAE', 'skill', 'RMSE', 'skill'],
    colAligns: ['left', ...new Array<'right'>(8).fill('right')],
    style: { head: look.color ? ['bold'] : [], border: look.color ? ['dim'] : [], compact: true },
    ...(look.unicode ? {} : { chars: asciiChars }),
  });
  const skill = (share: number) => {
    const text = `${(100 * share).toFixed(1).replace(/^-0\.0$/, '0.0')}%`;
    return share > 0 ? colors.green(text) : share < 0 ? colors.red(text) : text;
  };
  const cells = ({ name, load, pv }: AccuracyRow) => [
    ending(name, nameWidth, look),
    ...[load, pv].flatMap(({ mae, rmse, skillMae, skillRmse }) => [
      mae.toFixed(3),
      skill(skillMae),
      rmse.toFixed(3),
      skill(skillRmse),
    ]),
  ];
  for (const row of rows.slice(0, ROWS_MAX)) table.push(cells(row));
  const hidden = rows.length - ROWS_MAX;
  if (hidden > 0) table.push([{ colSpan: 9, content: `and ${hidden} more (all of them with --json)` }]);
  if (rows.length > 1) table.push(cells(mean).map((cell) => colors.bold(cell)));
  const title = 'Day-ahead forecasts: load, then PV; errors in kW, skill against 24 h persistence';
  return `${colors.bold(title)}\n${table.toString()}`;
}

/** Of a long path the end says more than the beginning. */
function ending(name: string, width: number, look: Look): string {
  const plain = name.replace(/\p{C}/gu, '?');
  const dots = look.unicode ? '…' : '...';
  return plain.length <= width ? plain : `${dots}${plain.slice(dots.length - width)}`;
}
