import { sha256, toHex } from '../crypto/index.ts';

/** What has been verified before need not be again: the same bytes come by two brokers, and by every repetition. */
export type VerifiedCache = {
  readonly has: (id: string) => boolean;
  /** Only after verification: else whoever sends a message's bytes with a false signature first would suppress it. */
  readonly add: (id: string) => void;
};

/** Keeps the newest `capacity` ids. */
export function createVerifiedCache(capacity: number): VerifiedCache {
  // Two generations: when the younger is full the older is forgotten whole. Never more than `capacity` in all.
  let young = new Set<string>();
  let old = new Set<string>();
  return {
    has: (id) => young.has(id) || old.has(id),
    add(id) {
      young.add(id);
      if (young.size < capacity / 2) return;
      old = young;
      young = new Set();
    },
  };
}

/** The first 16 bytes of the hash over canonical bytes, signature included, as hex. */
export function messageId(...parts: readonly Uint8Array[]): string {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return toHex(sha256(only).subarray(0, 16));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return toHex(sha256(whole).subarray(0, 16));
}
