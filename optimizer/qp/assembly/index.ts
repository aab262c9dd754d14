/** Bytes of one number in the solver's memory. */
export const BYTES_PER_NUMBER: i32 = 8;
