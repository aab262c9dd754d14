import Table from 'cli-table3';
import { type Look, paletteOf } from './look.ts';
import { asciiChars } from './table.ts';

type QpRow = {
  readonly name: string;
  readonly status: string;
  readonly objective: number;
  readonly iterations: number;
  readonly solveMs: number;
  readonly primalResidual: number;
  readonly dualResidual: number;
};

/** Room for the six columns beside the name with all edges, and the least that is left for a name. */
const FIGURES_WIDTH = 64;
const NAME_WIDTH_MIN = 12;

/** One row a problem: what came out, and how exactly. */
export function renderQpTable(rows: readonly QpRow[], look: Look): string {
  const colors = paletteOf(look);
  const nameWidth = Math.max(NAME_WIDTH_MIN, look.width - FIGURES_WIDTH);
  const table = new Table({
    head: ['problem', 'status', 'objective', 'steps', 'ms', 'primal', 'dual'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
    style: {
      head: look.color ? ['bold'] : [],
      border: look.color ? ['dim'] : [],
      compact: true,
      'padding-left': 0,
    },
    ...(look.unicode ? {} : { chars: asciiChars }),
  });
  for (const row of rows) {
    const tint =
      row.status === 'solved' ? colors.green : row.status.endsWith('ble') ? colors.bold : colors.red;
    table.push([
      cut(row.name, nameWidth, look),
      tint(row.status),
      figure(row.objective, (value) => value.toPrecision(9)),
      String(row.iterations),
      figure(row.solveMs, (value) => value.toFixed(value < 10 ? 3 : value < 1000 ? 1 : 0)),
      figure(row.primalResidual, (value) => value.toExponential(0)),
      figure(row.dualResidual, (value) => value.toExponential(0)),
    ]);
  }
  return table.toString();
}

function figure(value: number, words: (value: number) => string): string {
  if (Number.isNaN(value)) return '-';
  return Number.isFinite(value) ? words(value) : value > 0 ? 'inf' : '-inf';
}

function cut(name: string, width: number, look: Look): string {
  const plain = name.replace(/\p{C}/gu, '?');
  const dots = look.unicode ? '…' : '...';
  return plain.length <= width ? plain : `${plain.slice(0, width - dots.length)}${dots}`;
}
