import { type Look, type Palette, paletteOf } from './look.ts';

type ChartSeries = { readonly label: string; readonly values: readonly number[] };

type Chart = {
  readonly title: string;
  readonly unit: string;
  readonly slotMinutes: number;
  /** Drawn as bars from zero, up or down. */
  readonly bars: ChartSeries;
  /** Drawn as marks over the bars; two at most. */
  readonly marks: readonly ChartSeries[];
  /** Rows of text for the range of values, zero line and labels aside. */
  readonly rows?: number;
};

/**
 * Bars by slot with marks over them, value axis on the left in `unit`, hours below. When there are more slots
 * than columns, neighbouring ones are averaged, and the hours' line says so. One string, lines by \n, no
 * line longer than `look.width` where that is 40 or more.
 */
export function renderChart(chart: Chart, look: Look): string {
  const colors = paletteOf(look);
  const glyphs = look.unicode ? unicodeGlyphs : asciiGlyphs;
  const columns = columnsOf(chart, look.width - gutter);
  const bars = averaged(chart.bars.values, columns.slotsEach);
  const marks = chart.marks.slice(0, 2).map((series) => averaged(series.values, columns.slotsEach));
  const scale = scaleOf([bars, ...marks].flat(), chart.rows ?? 8);

  const paint = (row: number): string => {
    const cells = bars.map((value, column) => {
      const mark = marks.findIndex((values) => rowOf(values[column] ?? 0, scale) === row);
      if (mark >= 0) return markColor(colors, mark)((glyphs.marks[mark] ?? '*').repeat(columns.width));
      const ink = row === 0 ? glyphs.axis : barGlyph(value, row, scale.step, glyphs);
      const gap = columns.width >= 3 ? 1 : 0;
      const rest = (row === 0 ? glyphs.axis : ' ').repeat(gap);
      const body = ink.repeat(columns.width - gap);
      return row === 0 ? colors.dim(body + rest) : colors.cyan(body) + rest;
    });
    const edge = row === 0 ? glyphs.origin : glyphs.side;
    return `${valueLabel(row * scale.step, scale.step)} ${colors.dim(edge)}${cells.join('')}`.trimEnd();
  };
  const lines: string[] = [`${colors.bold(chart.title)}  ${legend(chart, glyphs, colors)}`];
  for (let row = scale.rowsUp; row >= -scale.rowsDown; row -= 1) lines.push(paint(row));
  lines.push(hoursLine(chart, columns));
  return lines.join('\n');
}

type Glyphs = {
  readonly up: readonly string[];
  readonly down: readonly string[];
  readonly marks: readonly string[];
  readonly axis: string;
  readonly origin: string;
  readonly side: string;
};

const unicodeGlyphs: Glyphs = {
  up: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  // Unicode has no upper eighths but these two.
  down: [' ', '▔', '▔', '▀', '▀', '▀', '█', '█', '█'],
  marks: ['━', '╌'],
  axis: '─',
  origin: '┼',
  side: '│',
};
const asciiGlyphs: Glyphs = {
  up: [' ', ' ', ' ', '.', '.', '#', '#', '#', '#'],
  down: [' ', ' ', ' ', "'", "'", '#', '#', '#', '#'],
  marks: ['=', '-'],
  axis: '_',
  origin: '+',
  side: '|',
};

/** Room for the value labels and the edge. */
const labelWidth = 8;
const gutter = labelWidth + 2;

type Columns = { readonly width: number; readonly slotsEach: number; readonly count: number };

function columnsOf(chart: Chart, room: number): Columns {
  const slots = Math.max(1, chart.bars.values.length);
  const places = Math.max(1, room);
  // Columns that divide the hour keep the hours' labels in place.
  const whole = (slotsEach: number): boolean =>
    60 % (slotsEach * chart.slotMinutes) === 0 || (slotsEach * chart.slotMinutes) % 60 === 0;
  let slotsEach = Math.ceil(slots / places);
  while (!whole(slotsEach) && slotsEach < slots) slotsEach += 1;
  const count = Math.ceil(slots / slotsEach);
  return { slotsEach, count, width: Math.max(1, Math.min(4, Math.floor(places / count))) };
}

function averaged(values: readonly number[], slotsEach: number): number[] {
  const means: number[] = [];
  for (let i = 0; i < values.length; i += slotsEach) {
    const group = values.slice(i, i + slotsEach);
    means.push(group.reduce((sum, value) => sum + value, 0) / group.length);
  }
  return means;
}

/** A chart of less shows nothing: near the smallest numbers there are, a step would be 0 and the rows without end. */
const roughMin = 1e-15;

type Scale = { readonly step: number; readonly rowsUp: number; readonly rowsDown: number };

/** Zero lies between rows, and every row is worth the same round number. */
function scaleOf(values: readonly number[], rows: number): Scale {
  const finite = values.filter((value) => Number.isFinite(value));
  const highest = finite.reduce((most, value) => Math.max(most, value), 0);
  const lowest = finite.reduce((least, value) => Math.min(least, value), 0);
  const rough = (highest - lowest) / Math.max(1, rows);
  if (rough < roughMin) return { step: 1, rowsUp: 1, rowsDown: 0 };
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10);
  // A range filled by rounding errors only is no row of its own.
  return {
    step,
    rowsUp: Math.ceil(highest / step - 1e-9),
    rowsDown: Math.ceil(-lowest / step - 1e-9),
  };
}

/** Row 1 is the one above zero, row -1 the one below, row 0 the axis itself. */
function rowOf(value: number, scale: Scale): number {
  if (!(Math.abs(value) > scale.step / 16)) return 0;
  return Math.sign(value) * Math.ceil(Math.abs(value) / scale.step - 1e-9);
}

function barGlyph(value: number, row: number, step: number, glyphs: Glyphs): string {
  const along = row > 0 ? value : -value;
  const filled = Math.min(1, Math.max(0, along / step - (Math.abs(row) - 1)));
  return (row > 0 ? glyphs.up : glyphs.down)[Math.round(filled * 8)] ?? ' ';
}

function valueLabel(value: number, step: number): string {
  const decimals = Math.max(0, Math.min(4, -Math.floor(Math.log10(step) + 1e-9) + (isHalf(step) ? 1 : 0)));
  const text = value.toFixed(decimals);
  return (text.length > labelWidth ? value.toExponential(1) : text).padStart(labelWidth);
}

/** 2.5 and its like need one more decimal than 2 does. */
function isHalf(step: number): boolean {
  const digits = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
  return Math.abs(digits - 2.5) < 1e-6;
}

function hoursLine(chart: Chart, columns: Columns): string {
  const minutesEach = chart.slotMinutes * columns.slotsEach;
  const perLabel = 5;
  const hoursEach = [1, 2, 3, 4, 6, 12, 24].find(
    (hours) => ((hours * 60) / minutesEach) * columns.width >= perLabel,
  );
  let line = '';
  for (let column = 0; column < columns.count; column += 1) {
    const minutes = column * minutesEach;
    const at = column * columns.width;
    if (minutes % ((hoursEach ?? 24) * 60) === 0 && line.length <= at) {
      line = line.padEnd(at) + String(minutes / 60).padStart(2, '0');
    }
  }
  const note = columns.slotsEach > 1 ? `h (means of ${columns.slotsEach} slots)` : 'h';
  return `${' '.repeat(gutter)}${line} ${note}`;
}

function legend(chart: Chart, glyphs: Glyphs, colors: Palette): string {
  const parts = [`${colors.cyan(glyphs.up[8] ?? '#')} ${chart.bars.label}`];
  for (const [i, series] of chart.marks.slice(0, 2).entries()) {
    parts.push(`${markColor(colors, i)((glyphs.marks[i] ?? '*').repeat(2))} ${series.label}`);
  }
  return `${parts.join('  ')}  ${colors.dim(`[${chart.unit}]`)}`;
}

function markColor(colors: Palette, mark: number): (text: string) => string {
  return mark === 0 ? colors.yellow : colors.magenta;
}
