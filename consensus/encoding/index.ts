export { decode, encode } from './canonical.ts';
export type { CborValue } from './value.ts';
