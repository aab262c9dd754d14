import type { RejectionCode } from './types.ts';

/**
 * How a method says no. The one exception inside contract/: `applyCall` catches it, drops the draft and
 * returns it as a value, so that a method's happy path reads without a check after every line.
 */
export class Rejection extends Error {
  override readonly name = 'Rejection';
  readonly code: RejectionCode;

  constructor(code: RejectionCode, reason: string) {
    super(reason);
    this.code = code;
  }
}

export function reject(code: RejectionCode, reason: string): never {
  throw new Rejection(code, reason);
}

/** Rejects with `code` unless the condition holds. */
export function require(condition: boolean, code: RejectionCode, reason: string): asserts condition {
  if (!condition) reject(code, reason);
}
