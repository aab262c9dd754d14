import Table from 'cli-table3';
import { type Look, paletteOf } from './look.ts';

export type HomeRow = {
  readonly home: string;
  readonly alone: number;
  readonly together: number;
  readonly soldKwh: number;
  readonly boughtKwh: number;
  readonly delivery: { readonly obligations: number; readonly met: number };
};

/**
 * One row a home and a sum: planned costs in `currency`, energy in kWh, obligations met of those there were. Of
 * more than `rowsMax` homes the first ones are shown, and the sum is still over all.
 */
export function renderHomeTable(
  homes: readonly HomeRow[],
  options: { readonly currency: string; readonly rowsMax: number },
  look: Look,
): string {
  const colors = paletteOf(look);
  const table = new Table({
    head: ['home', 'alone', 'together', 'saving', '', 'sold', 'bought', 'delivered'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: look.color ? ['bold'] : [], border: look.color ? ['dim'] : [], compact: true },
    ...(look.unicode ? {} : { chars: asciiChars }),
  });
  const cells = (row: HomeRow): string[] => {
    const saving = row.alone - row.together;
    const tint = saving > 0.0005 ? colors.green : saving < -0.0005 ? colors.red : colors.dim;
    const { obligations, met } = row.delivery;
    const delivered = obligations === 0 ? '-' : `${met}/${obligations}`;
    return [
      row.home,
      money(row.alone),
      money(row.together),
      tint(money(saving)),
      tint(share(saving, row.alone)),
      row.soldKwh.toFixed(1),
      row.boughtKwh.toFixed(1),
      met < obligations ? colors.red(delivered) : delivered,
    ];
  };
  for (const home of homes.slice(0, options.rowsMax)) table.push(cells(home));
  const hidden = homes.length - options.rowsMax;
  if (hidden > 0) table.push([{ colSpan: 8, content: `and ${hidden} more (all of them with --json)` }]);
  table.push(cells(total(homes)).map((cell) => colors.bold(cell)));
  return `${colors.bold(`Planned cost by home [${options.currency}], traded energy [kWh], obligations met`)}\n${table.toString()}`;
}

/** Three decimals: a home's day is a few units of money. Never "-0.000". */
export function money(value: number): string {
  const text = value.toFixed(3);
  return text === '-0.000' ? '0.000' : text;
}

/** Nothing where there is next to nothing to compare with: a share of that says no more than the saving itself. */
function share(saving: number, alone: number): string {
  if (Math.abs(alone) < 0.005 || Math.abs(saving) > 10 * Math.abs(alone)) return '';
  const text = ((100 * saving) / Math.abs(alone)).toFixed(1);
  return `${text === '-0.0' ? '0.0' : text} %`;
}

function total(homes: readonly HomeRow[]): HomeRow {
  const sum = (value: (home: HomeRow) => number): number =>
    homes.reduce((before, home) => before + value(home), 0);
  return {
    home: 'all',
    alone: sum((home) => home.alone),
    together: sum((home) => home.together),
    soldKwh: sum((home) => home.soldKwh),
    boughtKwh: sum((home) => home.boughtKwh),
    delivery: {
      obligations: sum((home) => home.delivery.obligations),
      met: sum((home) => home.delivery.met),
    },
  };
}

export const asciiChars = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
};
