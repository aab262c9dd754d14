import { type Look, type Palette, paletteOf } from './look.ts';

/** Where progress goes: stderr, or anything that takes text. */
export type ProgressStream = { write(text: string): unknown };

/** Phases one after the other, each with a bar when its `total` is known. */
export type Progress = {
  /** A new phase; the one before ends. */
  begin(label: string, total?: number): void;
  /** So much of `total` is done; `detail` is what there is to see at the end of the line. */
  step(done: number, detail?: string): void;
  /** A trading round: the bar shows how far the imbalance has come to its tolerance, on a log scale. */
  round(state: RoundState): void;
  /** What there is to see at the end of the line, until the next step or round; on a terminal only. */
  detail(text: string): void;
  /** A line of its own that stays, such as a validator being killed. */
  note(text: string): void;
  /** Ends the phase; `detail` is what came of it. */
  finish(detail?: string): void;
  /** Drops a phase that comes to nothing, and clears its line: what is written next stands alone. */
  abandon(): void;
};

type RoundState = {
  readonly round: number;
  readonly imbalanceKw: number;
  readonly toleranceKw: number;
};

/**
 * Redraws one line in place on a terminal, `redrawMs` apart at least; elsewhere writes few plain lines: a phase's
 * begin, its quarters, rounds 1, 2, 5, 10, 20, 50 and so on, its end. `nowMs` is monotonic.
 */
export function createProgress(options: {
  readonly stream: ProgressStream;
  readonly isTty: boolean;
  readonly look: Look;
  readonly nowMs: () => number;
}): Progress {
  const { stream, isTty, look } = options;
  const colors = paletteOf(look);
  let phase: Phase | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let saidQuarter = 0;
  let firstImbalanceKw = 0;
  let saidRound = 0;

  const line = (text: string): void => void stream.write(`${text}\n`);
  const clear = isTty ? '\r\u001b[2K' : '';
  const draw = (now: boolean): void => {
    if (!isTty || phase === undefined) return;
    const nowMs = options.nowMs();
    if (!now && nowMs - drawnMs < redrawMs) return;
    drawnMs = nowMs;
    stream.write(clear + renderProgressLine(phase, look));
  };
  const end = (detail: string | undefined): void => {
    if (phase === undefined) return;
    const text = detail ?? phase.detail;
    const mark = colors.green(look.unicode ? '✔' : 'ok');
    line(`${clear}${mark} ${phase.label}${text === '' ? '' : `  ${colors.dim(text)}`}`);
    phase = undefined;
  };
  return {
    begin(label, total) {
      end(undefined);
      phase = { label, done: 0, total: total ?? 0, detail: '' };
      saidQuarter = 0;
      firstImbalanceKw = 0;
      saidRound = 0;
      if (isTty) draw(true);
      else line(`${label} ...`);
    },
    step(done, detail) {
      if (phase === undefined) return;
      phase = { ...phase, done, detail: detail ?? phase.detail };
      const quarter = phase.total > 0 ? Math.floor((4 * done) / phase.total) : 0;
      if (!isTty && quarter > saidQuarter && quarter < 4) {
        saidQuarter = quarter;
        line(`  ${phase.label}: ${done} of ${phase.total}${phase.detail === '' ? '' : `, ${phase.detail}`}`);
      }
      draw(false);
    },
    round(state) {
      if (phase === undefined) return;
      firstImbalanceKw = Math.max(firstImbalanceKw, state.imbalanceKw);
      const detail = renderRound(state);
      phase = { ...phase, done: convergedShare(firstImbalanceKw, state), total: 1, detail };
      if (!isTty && isSparse(state.round) && state.round > saidRound) line(`  ${phase.label}: ${detail}`);
      saidRound = state.round;
      draw(false);
    },
    detail(text) {
      if (phase === undefined || !isTty) return;
      phase = { ...phase, detail: text };
      draw(false);
    },
    note(text) {
      line(`${clear}${isTty ? colors.yellow(text) : text}`);
      draw(true);
    },
    finish(detail) {
      end(detail);
    },
    abandon() {
      if (phase !== undefined) stream.write(clear);
      phase = undefined;
    },
  };
}

export type Phase = {
  readonly label: string;
  readonly done: number;
  /** 0 when unknown: no bar then. */
  readonly total: number;
  readonly detail: string;
};

/** One line, cut to the width so that it can be redrawn in place. */
export function renderProgressLine(phase: Phase, look: Look): string {
  const colors = paletteOf(look);
  const barWidth = Math.min(24, Math.max(8, look.width - 63));
  const share = phase.total > 0 ? Math.min(1, Math.max(0, phase.done / phase.total)) : undefined;
  const label = phase.label.slice(0, Math.max(labelWidth, look.width - 48)).padEnd(labelWidth);
  const percent = share === undefined ? '' : `${Math.floor(100 * share)} %`.padStart(6);
  const bar = share === undefined ? '' : ` ${renderBar(share, barWidth, look, colors)}${percent}`;
  const used = label.length + (share === undefined ? 0 : 1 + barWidth + percent.length) + 2;
  const detail = phase.detail.slice(0, Math.max(0, look.width - 1 - used));
  return detail === '' ? `${label}${bar}`.trimEnd() : `${label}${bar}  ${colors.dim(detail)}`;
}

function renderRound(state: RoundState): string {
  const watts = state.imbalanceKw * 1000;
  const shown =
    watts >= 100 ? `${state.imbalanceKw.toFixed(2)} kW` : `${watts.toFixed(watts < 10 ? 1 : 0)} W`;
  return `round ${state.round}, imbalance ${shown} a home`;
}

const redrawMs = 80;
const labelWidth = 18;

function renderBar(share: number, width: number, look: Look, colors: Palette): string {
  const eighths = Math.round(share * width * 8);
  const full = Math.floor(eighths / 8);
  const tip = look.unicode ? (['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '') : '';
  const filled = (look.unicode ? '█' : '#').repeat(full) + tip;
  return colors.cyan(filled) + colors.dim((look.unicode ? '░' : '.').repeat(width - full - tip.length));
}

/** Imbalance falls by powers of ten: half way is the geometric mean of where it began and the tolerance. */
function convergedShare(firstKw: number, state: RoundState): number {
  if (state.imbalanceKw <= state.toleranceKw) return 1;
  if (!(firstKw > state.toleranceKw) || state.toleranceKw <= 0) return 0;
  return Math.log(firstKw / state.imbalanceKw) / Math.log(firstKw / state.toleranceKw);
}

/** 1, 2, 5, 10, 20, 50, ... */
function isSparse(round: number): boolean {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, round)));
  return [1, 2, 5].includes(round / power);
}
