import type { Claim } from '../contract/index.ts';

/** What a ledger does not have that shows nothing of such a claim; that an entry is not there is a fact of its own. */
export const ABSENT: Readonly<Record<Exclude<Claim['kind'], 'entry'>, string>> = {
  balance: 'no account with this address',
  reading: 'no reading of this home and slot',
  trade: 'no trade of this home in this session',
};
