import { emptyRegression, type Regression, solveRidge, withSample } from './ridge.ts';

const MS_PER_HOUR = 3_600_000;
/** What was missed lately fades on two scales: somebody cooks, and somebody is at home. */
export const SPAN_HOURS: readonly number[] = [1, 8];
/** So often the errors are set aside, as if a forecast were issued then, to see what they were worth. */
const REHEARSAL_MS = 6 * MS_PER_HOUR;
/** Weight of a rehearsal after a day, against one of now. */
const KEPT_PER_HOUR = 0.99 ** (1 / 24);
const NO_GAIN = { prior: SPAN_HOURS.map(() => 0), shrinkage: 1 };

/**
 * What the newest errors say of the next ones. The errors of a forecast are averaged over two spans; either mean fades
 * as exp(-lead / span), times a gain that is learnt: at every rehearsal the means of that time are kept, and the
 * errors of the hours after it are regressed on what the means had come to by then. Gains are 0 until they pay.
 */
export type Correction = {
  /** Faded mean errors by span, as of the newest slot. */
  readonly recent: readonly number[];
  /** Start of the newest slot; null before the first. */
  readonly newestMs: number | null;
  readonly rehearsal: { readonly startMs: number; readonly recent: readonly number[] } | null;
  readonly regression: Regression;
};

export const noCorrection: Correction = {
  recent: SPAN_HOURS.map(() => 0),
  newestMs: null,
  rehearsal: null,
  regression: emptyRegression(SPAN_HOURS.length),
};

export type Missed = {
  readonly startMs: number;
  readonly slotMs: number;
  /** Observed minus forecast. */
  readonly error: number;
  /** How much of an error there could have been: 1 for load, the share of full sun for PV. */
  readonly scale: number;
};

export function withError(correction: Correction, missed: Missed): Correction {
  const { startMs, slotMs, error, scale } = missed;
  const goneMs = startMs - (correction.newestMs ?? startMs) - slotMs;
  const before = correction.recent.map((mean, k) => mean * fade(k, Math.max(0, goneMs)));
  const { rehearsal: last } = correction;
  const isSame =
    last !== null && Math.floor(startMs / REHEARSAL_MS) === Math.floor(last.startMs / REHEARSAL_MS);
  const rehearsal = isSame ? last : { startMs, recent: before };
  const leadMs = startMs - rehearsal.startMs + slotMs;
  const hours = slotMs / MS_PER_HOUR;
  return {
    newestMs: startMs,
    rehearsal,
    regression: withSample(correction.regression, {
      inputs: rehearsal.recent.map((mean, k) => scale * mean * fade(k, leadMs)),
      output: error,
      weight: hours,
      keep: KEPT_PER_HOUR ** hours,
    }),
    recent: before.map((mean, k) => mean + (1 - fade(k, slotMs)) * (scale * error - mean)),
  };
}

/** What to add to the forecast of a slot after the newest one. */
export function corrector({
  recent,
  newestMs,
  regression,
}: Correction): (startMs: number, scale: number) => number {
  if (newestMs === null) return () => 0;
  const gains = solveRidge(regression, NO_GAIN);
  return (startMs, scale) =>
    recent.reduce((sum, mean, k) => sum + gains[k]! * scale * mean * fade(k, startMs - newestMs), 0);
}

const fade = (span: number, elapsedMs: number): number =>
  Math.exp(-elapsedMs / (SPAN_HOURS[span]! * MS_PER_HOUR));
