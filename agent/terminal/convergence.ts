import { type Look, paletteOf } from './look.ts';

type Falling = {
  readonly label: string;
  readonly unit: string;
  /** One a round, to be seen on a scale of powers of ten; null where there is none. */
  readonly values: readonly (number | null)[];
};

/**
 * Small multiples, one a quantity: a row a round, the figure, and a bar that is longer by the same for each power of
 * ten. With more rounds than `rowsMax` the first ones, and then every k-th, are shown, and the last always.
 */
export function renderConvergence(series: readonly Falling[], look: Look): string {
  const colors = paletteOf(look);
  const count = Math.max(0, ...series.map(({ values }) => values.length));
  const barWidth = Math.max(
    4,
    Math.floor((look.width - roundWidth) / Math.max(1, series.length)) - figureWidth,
  );
  const scales = series.map(scaleOf);
  const head = series.map(({ label, unit }) =>
    `${label}${unit === '' ? '' : ` [${unit}]`}`
      .slice(0, figureWidth + barWidth - 1)
      .padEnd(figureWidth + barWidth),
  );
  const lines = shownRounds(count).map((index) => {
    const cells = series.map(({ values }, i) => {
      const value = values[index] ?? null;
      const bar = barOf(value, scales[i]!, barWidth - 2, look);
      const ink = i === 0 ? colors.cyan : colors.yellow;
      return `${figure(value).padStart(figureWidth - 1)} ${ink(bar)}${' '.repeat(barWidth - bar.length)}`;
    });
    return `${String(index + 1).padStart(roundWidth - 2)}  ${cells.join('')}`.trimEnd();
  });
  return [colors.bold(`${'round'.padStart(roundWidth - 2)}  ${head.join('')}`.trimEnd()), ...lines].join(
    '\n',
  );
}

const roundWidth = 7;
const figureWidth = 10;
const rowsMax = 40;

function shownRounds(count: number): number[] {
  const each = Math.max(1, Math.ceil(count / rowsMax));
  const all = Array.from({ length: count }, (_, index) => index);
  return all.filter((index) => index % each === 0 || index === count - 1);
}

type Scale = { readonly lowest: number; readonly decades: number };

/** Values of zero and below stand at the foot of the scale. */
function scaleOf({ values }: Falling): Scale {
  const logs = values.filter((value) => value !== null && value > 0).map((value) => Math.log10(value!));
  if (logs.length === 0) return { lowest: 0, decades: 1 };
  const lowest = Math.floor(Math.min(...logs) - 1e-9);
  return { lowest, decades: Math.max(1, Math.ceil(Math.max(...logs) + 1e-9) - lowest) };
}

function barOf(value: number | null, scale: Scale, width: number, look: Look): string {
  if (value === null || value <= 0) return '';
  const share = (Math.log10(value) - scale.lowest) / scale.decades;
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const tip = look.unicode ? (['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '') : '';
  return (look.unicode ? '█' : '#').repeat(Math.floor(eighths / 8)) + tip;
}

function figure(value: number | null): string {
  if (value === null) return '-';
  if (value === 0) return '0';
  return Math.abs(value) >= 1e-4 ? value.toPrecision(3) : value.toExponential(1);
}
