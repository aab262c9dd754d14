import { setFlagsFromString } from 'node:v8';

/** How far what is old may grow above what was in use after the last collection, in per cent. */
const GROWTH_PERCENT = 40;

/**
 * Keeps this process's heap near what it holds. V8 by itself lets the young generation grow to twice 16 MB, and the old
 * one to four times what is in use where a machine has memory to spare: right for a server, dear on a meter. To be called
 * before the program is loaded, while both are still small: V8 reads these two at every collection, so they need not be
 * given to Node itself, and whoever starts the program has nothing to remember. Neither is a hard limit: a state that
 * needs more takes more, and nobody is killed for it. It costs up to 15 % of the CPU (docs/store.md).
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
