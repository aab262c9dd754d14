/**
 * The one place where the optimizer's floats and the ledger's integers meet. Every conversion to integers says
 * how it rounds; none loses more than half a unit.
 */

const W_PER_KW = 1_000;
const MW_PER_KW = 1_000_000;
const MICRO_PER_MONEY = 1_000_000;
const WS_PER_WH = 3_600;

/** Rounds to the nearest integer, halves away from zero, and refuses what is no finite number. */
function toInteger(value: number): bigint {
  if (!Number.isFinite(value)) throw new RangeError(`Not a finite number: ${value}`);
  return BigInt(Math.sign(value) * Math.round(Math.abs(value)));
}

/** Power in rounds: mW (milliwatts). */
export const kwToMilliwatts = (kw: number): bigint => toInteger(kw * MW_PER_KW);
export const milliwattsToKw = (milliwatts: bigint): number => Number(milliwatts) / MW_PER_KW;

/** Power in obligations: whole W. */
export const kwToWatts = (kw: number): bigint => toInteger(kw * W_PER_KW);
export const wattsToKw = (watts: bigint): number => Number(watts) / W_PER_KW;

/** Prices and money: micro-units. */
export const pricePerKwhToMicro = (pricePerKwh: number): bigint => toInteger(pricePerKwh * MICRO_PER_MONEY);
export const microToPricePerKwh = (micro: bigint): number => Number(micro) / MICRO_PER_MONEY;
export const microToMoney = (micro: bigint): number => Number(micro) / MICRO_PER_MONEY;

/** Energy on the ledger: W*s. */
export const wattHoursToWattSeconds = (wattHours: number): bigint => toInteger(wattHours * WS_PER_WH);
export const wattSecondsToKwh = (wattSeconds: bigint): number => Number(wattSeconds) / (WS_PER_WH * W_PER_KW);
