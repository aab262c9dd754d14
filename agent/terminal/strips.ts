import { type Look, type Palette, paletteOf } from './look.ts';
import { wrapped } from './wrapped.ts';

/** One quantity over the day, one row of text high. */
export type Strip = {
  readonly label: string;
  /** By slot. */
  readonly values: readonly number[];
  /** Values of an empty cell and of a full one; `full` above `empty`. */
  readonly empty: number;
  readonly full: number;
  /** What stands right of it: scale, unit, sum. */
  readonly note: string;
  /**
   * 'level': a price or a state; every slot shows at least the lowest bar, and one below `empty` hangs from the top.
   * 'flow': nothing is drawn where nothing flows. 'alarm': a mark in every slot that has one.
   */
  readonly kind: 'level' | 'flow' | 'alarm';
  /** 'cheap-to-dear': green in the lowest third of the scale, red in the highest. */
  readonly color: 'cyan' | 'green' | 'magenta' | 'yellow' | 'blueBright' | 'plain' | 'cheap-to-dear';
  /** 1 where there is nothing to draw, such as a vehicle that is away. */
  readonly away?: ArrayLike<number>;
};

export type StripChart = {
  readonly title: string;
  /** Beside the title, or below it where there is no room. */
  readonly subtitle: string;
  /** What there is to know before any row is read. */
  readonly headline?: string;
  readonly slotMinutes: number;
  /** Rows that belong together; a line is left free between groups. */
  readonly groups: readonly (readonly Strip[])[];
};

/**
 * Small multiples: quantities under each other, all aligned by slot below one line of hours, with guides every six
 * hours. When there are more slots than columns, neighbouring ones are averaged, and the hours' line says so. No
 * line is longer than `look.width` as long as labels and notes leave room for a column of each slot or group.
 */
export function renderStrips(chart: StripChart, look: Look): string {
  const colors = paletteOf(look);
  const glyphs = look.unicode ? unicodeGlyphs : asciiGlyphs;
  const strips = chart.groups.flat();
  const labelWidth = widest(strips.map(({ label }) => label));
  const noteWidth = widest(strips.map(({ note }) => note));
  const slots = strips[0]?.values.length ?? 0;
  const columns = columnsOf(chart.slotMinutes, slots, look.width - labelWidth - noteWidth - 3);

  const isOneLine = chart.title.length + chart.subtitle.length + 2 <= look.width;
  const lines = [
    isOneLine
      ? `${colors.bold(chart.title)}  ${colors.dim(chart.subtitle)}`
      : `${colors.bold(chart.title)}\n${colors.dim(wrapped(chart.subtitle, look.width))}`,
    ...(chart.headline === undefined ? [] : [colors.bold(wrapped(chart.headline, look.width))]),
    '',
    `${' '.repeat(labelWidth + 1)}${hoursLine(columns, look.width - labelWidth - 1)}`.trimEnd(),
  ];
  for (const [i, group] of chart.groups.filter(({ length }) => length > 0).entries()) {
    if (i > 0) lines.push('');
    for (const strip of group) {
      const bars = drawStrip(strip, columns, glyphs, colors);
      const label = strip.label.padEnd(labelWidth);
      const row = `${strip.kind === 'alarm' ? colors.red(label) : label} ${bars}`;
      lines.push(strip.note === '' ? row.trimEnd() : `${row}  ${colors.dim(strip.note)}`);
    }
  }
  return lines.join('\n');
}

type Glyphs = {
  readonly bars: readonly string[];
  readonly hanging: string;
  readonly guide: string;
  readonly away: string;
};

const unicodeGlyphs: Glyphs = {
  bars: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  hanging: '▔',
  guide: '┊',
  away: '╌',
};
const asciiGlyphs: Glyphs = {
  bars: ['.', ',', ':', '-', '=', '+', '*', '#'],
  hanging: "'",
  guide: '|',
  away: '~',
};

type Columns = {
  readonly count: number;
  /** Characters of a column. */
  readonly width: number;
  readonly slotsEach: number;
  readonly minutesEach: number;
};

function columnsOf(slotMinutes: number, slots: number, room: number): Columns {
  const places = Math.max(1, room);
  // Columns that divide the hour, or are some hours long, keep the hours' labels in place.
  const fits = (slotsEach: number): boolean =>
    60 % (slotsEach * slotMinutes) === 0 || (slotsEach * slotMinutes) % 60 === 0;
  let slotsEach = Math.max(1, Math.ceil(slots / places));
  while (!fits(slotsEach) && slotsEach < slots) slotsEach += 1;
  const count = Math.ceil(slots / slotsEach);
  const width = Math.max(1, Math.min(widthMax, Math.floor(places / Math.max(1, count))));
  return { count, width, slotsEach, minutesEach: slotsEach * slotMinutes };
}

/** Wider columns only get sparse. */
const widthMax = 4;
const guideMinutes = 6 * 60;

function drawStrip(strip: Strip, columns: Columns, glyphs: Glyphs, colors: Palette): string {
  let drawn = '';
  for (let column = 0; column < columns.count; column += 1) {
    const from = column * columns.slotsEach;
    const members = strip.values.slice(from, from + columns.slotsEach);
    const isAway = members.every((_, i) => (strip.away?.[from + i] ?? 0) > 0);
    const glyph = isAway ? undefined : glyphOf(strip, mean(members), glyphs);
    if (glyph !== undefined) {
      drawn += colorOf(strip, mean(members), colors)(glyph.repeat(columns.width));
    } else if (isAway) {
      drawn += colors.dim(glyphs.away.repeat(columns.width));
    } else {
      const isGuide = (column * columns.minutesEach) % guideMinutes === 0;
      drawn += isGuide ? colors.dim(glyphs.guide) + ' '.repeat(columns.width - 1) : ' '.repeat(columns.width);
    }
  }
  return drawn;
}

/** A flow below a five-hundredth of the scale is an interior point's dust. */
const dust = 0.002;

/** Undefined where nothing is drawn. */
function glyphOf(strip: Strip, value: number, glyphs: Glyphs): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  const filled = (value - strip.empty) / (strip.full - strip.empty || 1);
  if (strip.kind === 'alarm') return value > 0 ? '!' : undefined;
  if (strip.kind === 'flow' && filled <= dust) return undefined;
  if (filled < 0) return glyphs.hanging;
  const levels = glyphs.bars.length;
  return glyphs.bars[Math.min(levels, Math.max(1, Math.round(filled * levels))) - 1];
}

function colorOf(strip: Strip, value: number, colors: Palette): (text: string) => string {
  if (strip.kind === 'alarm') return colors.red;
  // The terminal's own colour is read on a light ground, too; white would not be.
  if (strip.color === 'plain') return String;
  if (strip.color !== 'cheap-to-dear') return colors[strip.color];
  const share = (value - strip.empty) / (strip.full - strip.empty || 1);
  return share < 1 / 3 ? colors.green : share < 2 / 3 ? colors.yellow : colors.red;
}

/** What stands below each hour, and what a column is, as far as there is room to say so. */
function hoursLine(columns: Columns, room: number): string {
  const perLabel = 4;
  const hoursEach = [1, 2, 3, 6, 12, 24].find(
    (hours) => ((hours * 60) / columns.minutesEach) * columns.width >= perLabel,
  );
  let line = '';
  for (let column = 0; column < columns.count; column += 1) {
    const minutes = column * columns.minutesEach;
    if (minutes % ((hoursEach ?? 24) * 60) !== 0) continue;
    line = line.padEnd(column * columns.width) + String((minutes / 60) % 24).padStart(2, '0');
  }
  const hours = `${line.padEnd(columns.count * columns.width)} h`;
  const whole = columns.slotsEach > 1 ? `${hours} (${columns.slotsEach} slots each)` : hours;
  return whole.length <= room ? whole : hours;
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
