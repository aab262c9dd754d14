import { AgentError } from '../errors.ts';

/** Refusal of an option: says what was given, what is wanted, and ends in what to type instead. */
export function badOption(option: string, given: string, wanted: string): AgentError {
  return new AgentError('AGENT_BAD_OPTION', `${option} ${shown(given)}: ${wanted}.`, { option, given });
}

export function wholeNumber(option: string, given: string, range: { min: number; max: number }): number {
  const value = /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < range.min || value > range.max) {
    throw badOption(option, given, `give a whole number from ${range.min} to ${range.max}`);
  }
  return value;
}

export function decimal(option: string, given: string, range: { min: number; max: number }): number {
  const value = /^[-+]?\d{1,6}(\.\d{1,12})?$/.test(given) ? Number(given) : Number.NaN;
  if (!Number.isFinite(value) || value < range.min || value > range.max) {
    throw badOption(option, given, `give a number from ${range.min} to ${range.max}`);
  }
  return value;
}

/** A day of the calendar, `YYYY-MM-DD`. */
export function calendarDay(option: string, given: string): string {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(given) ? Date.parse(`${given}T00:00:00Z`) : Number.NaN;
  if (!Number.isFinite(ms) || new Date(ms).toISOString().slice(0, 10) !== given) {
    throw badOption(option, given, 'give a day of the calendar as YYYY-MM-DD');
  }
  return given;
}

export function oneOf<Choice extends string>(
  option: string,
  given: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find((choice) => choice === given);
  if (found !== undefined) return found;
  const near = choices.find((choice) => choice.startsWith(given.trim().toLowerCase().slice(0, 2)));
  const meant = near === undefined || given.trim() === '' ? '' : ` (did you mean ${near}?)`;
  throw badOption(option, given, `give ${choices.join(' or ')}${meant}`);
}

/** What the contract takes into a pairwise session; named here too, as options are checked without a ledger. */
const pairwiseHomesMax = 32;

/** Of the pairwise form, which the contract limits. @param min how few homes make sense to the command. */
export function requirePairwiseHomes(homes: number, min: number): void {
  if (homes >= min && homes <= pairwiseHomesMax) return;
  const wanted = `the pairwise form is for ${min} to ${pairwiseHomesMax} homes`;
  throw badOption('--homes', String(homes), wanted);
}

/** So many bytes as lower-case hex. */
export function hexBytes(option: string, given: string, bytes: number): string {
  if (!new RegExp(`^[0-9a-f]{${2 * bytes}}$`).test(given))
    throw badOption(option, given, `give ${2 * bytes} lower-case hex digits`);
  return given;
}

const brokerSchemes = ['mqtt:', 'mqtts:'];

/** Up to three, each another. */
export function brokerUrls(option: string, given: readonly string[]): readonly string[] {
  const urls = given.map((one) => brokerUrl(option, one));
  for (const [index, url] of urls.entries()) {
    if (index >= 3) throw badOption(option, url, 'give three at most');
    if (urls.slice(0, index).some((other) => new URL(other).host === new URL(url).host))
      throw badOption(option, url, 'is given twice');
  }
  return urls;
}

function brokerUrl(option: string, given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !brokerSchemes.includes(url.protocol) || url.hostname === '') {
    throw badOption(option, given, 'give a URL like mqtt://127.0.0.1:1883 (mqtt or mqtts)');
  }
  return given;
}

export function path(option: string, given: string): string {
  if (given === '' || given.includes('\u0000')) throw badOption(option, given, 'give a path');
  return given;
}

function shown(given: string): string {
  const plain = given.replace(/\p{C}/gu, '?');
  return `'${plain.length > 60 ? `${plain.slice(0, 60)}...` : plain}'`;
}
