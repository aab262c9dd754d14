export { decode, encode } from './canonical.ts';
export type { DecodeLimits } from './scan.ts';
export type { CborValue } from './value.ts';
