/**
 * All that the ledger encodes: integers as bigint, booleans, text, byte strings, null and arrays of these. No maps,
 * floats, tags or undefined, so every value has exactly one encoding.
 */
export type CborValue = bigint | boolean | string | Uint8Array | null | readonly CborValue[];
