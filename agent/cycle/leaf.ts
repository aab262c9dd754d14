import { randomBytes } from 'node:crypto';

/** A fine reading with its salt: what is hashed into the leaf root, and may be opened later, one by one. */
export type Leaf = {
  readonly saltHex: string;
  readonly atMs: number;
  readonly netImportW: number;
  readonly batteryWh?: number;
  readonly indoorC?: number;
};

/** Salts are drawn here, at the edge; 16 bytes make a leaf that nobody can guess from the root. */
export const newSaltHex = (): string => randomBytes(16).toString('hex');
